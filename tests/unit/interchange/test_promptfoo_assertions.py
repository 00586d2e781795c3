"""Assertions as aspects: decided as promptfoo decides, and listed where bench cannot."""

import json

import pytest
from harness.imported import Imports, lost

from bench.catalog import REGISTRY


@pytest.fixture
def read(tmp_path):
    return Imports(tmp_path / "config")


def config(*assertions, **more):
    return json.dumps({"prompts": ["Hello"], "providers": ["openai:chat:m"], "tests": [{"assert": list(assertions), **more}]})


def decide(spec, answer):
    """Whether every required check of the only prompt holds."""
    aspects = [aspect for aspect in spec.prompts[0].aspects if aspect.required]
    return all(REGISTRY.load("check", aspect.check.name)(aspect.check.argument).decide(answer).passed for aspect in aspects)


@pytest.mark.parametrize(
    ("assertion", "yes", "no"),
    [
        ({"type": "contains", "value": "a  b"}, "x a  b", "x a b"),
        ({"type": "not-contains", "value": "a\nb"}, "a b", "x a\nb"),
        ({"type": "not-icontains", "value": " A"}, "xa", "x a"),
        ({"type": "contains-any", "value": ["(", "a\tb"]}, "f(x)", "f"),
        ({"type": "icontains-all", "value": ["a\tB", "c"]}, "A\tb C", "A b C"),
        ({"type": "not-contains-any", "value": ["\n", "y"]}, "z", "zy"),
        ({"type": "not-contains-all", "value": ["a", "b"]}, "a", "b a"),
        ({"type": "equals", "value": "a  b"}, "a  b", "a b"),
        ({"type": "equals", "value": {"a": [1]}}, '{"a": [1]}', '{"a": [2]}'),
        ({"type": "not-equals", "value": "a.b"}, "axb", "a.b"),
        ({"type": "starts-with", "value": "a\nb"}, "a\nbc", "a bc"),
        ({"type": "not-starts-with", "value": "Sorry"}, "So", "Sorry, no"),
        ({"type": "regex", "value": "(?<n>\\d)/\\k<n>"}, "3/3", "3/4"),
        ({"type": "regex", "value": "^a\\/b$"}, "a/b", "a\\/b"),
        ({"type": "not-regex", "value": "^b|c$"}, "abca", "abc"),
        ({"type": "word-count", "value": "2"}, "a b", "a"),
        ({"type": "word-count", "value": {"min": 0, "max": 2}}, "", "a b c"),
        ({"type": "not-word-count", "value": {"min": 2}}, "a", "a b"),
        ({"type": "not-word-count", "value": 2}, "a b c", "a b"),
        ({"type": "is-json", "value": '{"type": "array"}'}, "[1]", "{}"),
    ],
)
def test_check_decides_as_the_assertion_does(read, assertion, yes, no):
    imported = read(config(assertion))
    spec = read.spec(imported)
    assert lost(imported) == []
    assert (decide(spec, yes), decide(spec, no)) == (True, False)


@pytest.mark.parametrize(
    "assertion",
    [
        {"type": "javascript", "value": "output.length < 9"},
        {"type": "python", "value": "len(output) < 9"},
        {"type": "webhook", "value": "https://example.org"},
        {"type": "similar", "value": "x", "threshold": 0.8},
        {"type": "contains", "value": "file://check.js"},
        {"type": "contains"},
        {"type": "contains-any", "value": []},
        {"type": "not-is-json"},
        {"type": "regex", "value": "\\p{L}"},
        {"type": "regex", "value": "a("},
        {"type": "regex", "value": "(?i)a"},
        {"type": "is-json", "value": {"$ref": "https://example.org/schema"}},
        {"type": "is-json", "value": {"type": "nothing"}},
        {"type": "word-count", "value": {"least": 3}},
        {"type": "llm-rubric"},
        {"type": "contains", "value": "x", "weight": -1},
        {"type": "cost", "threshold": 0.01},
        {"type": "surprise", "value": "x"},
        {"$ref": "#/assertionTemplates/none"},
        {"value": "x"},
    ],
)
def test_assertion_without_counterpart_is_listed_with_its_line_and_marked_in_the_spec(read, assertion):
    head = "prompts: [Hello]\nproviders: ['openai:chat:m']\ntests:\n  - assert:\n      - {type: contains, value: kept}\n"
    imported = read(f"{head}      - {json.dumps(assertion)}\n")
    assert [line for line, _ in lost(imported)] == [6]
    assert "# Not carried over (1):\n#   line 6:" in imported.text
    spec = read.spec(imported)
    assert [aspect.id for aspect in spec.prompts[0].aspects] == ["contains"]
    assert imported.text.count("not carried over: promptfooconfig.yaml, line 6") == (assertion.get("type") != "cost")


@pytest.mark.parametrize(
    "more",
    [{"transform": "output.a"}, {"config": {}}, {"contextTransform": "x"}, {"threshold": 0.5}, {"provider": "openai:x"}, {"nobody knows this": 1}],
    ids=str,
)
def test_every_key_of_an_assertion_that_is_not_carried_over_is_listed(read, more):
    imported = read(config({"type": "contains", "value": "kept", **more}))
    ((_, said),) = lost(imported)
    assert next(iter(more)) in said
    imported = read(config({"type": "assert-set", "assert": [{"type": "contains", "value": "kept"}], **more}))
    assert ("threshold" in more) or [next(iter(more)) in said for _, said in lost(imported)] == [True]


def test_graded_assertions_become_questions_for_the_judge_that_is_named(read):
    asserted = [
        {"type": "llm-rubric", "value": "Is about {{ topic }}"},
        {"type": "not-llm-rubric", "value": "Apologizes"},
        {"type": "g-eval", "value": ["Is short", "Is kind"]},
        {"type": "factuality", "value": "Paris is in France"},
    ]
    imported = read(config(*asserted, vars={"topic": "Paris"}, options={"provider": "openai:chat:judge"}))
    spec = read.spec(imported)
    assert [(aspect.expect, aspect.forbid) for aspect in spec.prompts[0].aspects] == [
        ("Is about Paris", None), (None, "Apologizes"), ("Is short", None), ("Is kind", None), ("Agrees in its facts with: Paris is in France", None),
    ]  # fmt: skip
    assert (spec.prompts[0].reference, spec.judge.use, spec.judges[0].model) == ("Paris is in France", "grader", "judge")
    assert lost(imported) == []


def test_without_a_grader_the_import_says_that_a_judge_is_needed(read):
    imported = read(config({"type": "llm-rubric", "value": "Is kind"}))
    assert read.spec(imported).judge is None
    assert any("no test names who grades" in one.message for one in imported.findings)


def test_bound_on_latency_that_all_tests_share_is_a_gate(read):
    asserted = {"type": "latency", "threshold": 1500}
    text = json.dumps({"prompts": ["Hi"], "defaultTest": {"assert": [asserted]}, "tests": [{"vars": {"a": 1}}, {"vars": {"a": 2}}]})
    (gate,) = read.spec(read(text)).gates
    assert (gate.metric, gate.at, gate.max) == ("latency", "max", 1.5)


def test_bound_on_latency_of_one_test_is_left_out(read):
    imported = read("prompts: [Hi]\ntests:\n  - vars: {a: 1}\n  - assert:\n      - {type: latency, threshold: 5}\n")
    assert [line for line, _ in lost(imported)] == [5]
    assert read.spec(imported).gates == ()


def test_threshold_makes_a_rubric_that_prompts_share(read):
    tests = [{"threshold": 0.5, "assert": [{"type": "contains", "value": "a"}]}, {"threshold": 0.5, "assert": [{"type": "contains", "value": "b"}]}]
    spec = read.spec(read(json.dumps({"prompts": ["Hi"], "tests": tests})))
    assert [(rubric.id, rubric.scale, rubric.pass_score) for rubric in spec.rubrics] == [("at-least-0.5", (0, 1), 0.5)]
    assert not any(aspect.required for prompt in spec.prompts for aspect in prompt.aspects)


def test_group_with_a_share_of_its_own_beside_others_is_left_out(read):
    group = {"type": "assert-set", "threshold": 0.5, "assert": [{"type": "contains", "value": "a"}]}
    imported = read(config(group, {"type": "contains", "value": "b"}))
    assert [message for _, message in lost(imported)] == ["a group with a share of its own to reach cannot stand among other aspects"]


def test_grader_that_is_one_of_the_models_is_allowed_and_said(read):
    imported = read(config({"type": "llm-rubric", "value": "Is kind"}, options={"provider": {"id": "openai:m", "config": {"temperature": 0}}}))
    judge = read.spec(imported).judge
    assert (judge.use, judge.allow_self) == ("m", True)
    assert any("grades its own answers" in one.message for one in imported.findings)

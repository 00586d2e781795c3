"""A spec as a promptfoo configuration, and back."""

import json

import pytest
from harness.imported import Imports
from harness.source_tree import ROOT

from bench.catalog import REGISTRY
from bench.interchange.findings import Spot
from bench.interchange.promptfoo.exporting import export_config
from bench.interchange.promptfoo.importing import import_config
from bench.spec.load import load_spec
from bench.spec.yaml_source import parse

HEAD = "bench: 1\nname: n\nversion: 1.0.0\nmodels: [{id: m, runtime: external, base_url: 'http://h:1/v1', model: x, api_key: {env: K}}]\n"


@pytest.fixture
def export(tmp_path):
    def exported(text):
        path = tmp_path / "spec.yaml"
        path.write_text(text, encoding="utf-8")
        loaded = load_spec(path, extensions=REGISTRY, environ={"K": "secret-k"})
        source = loaded.sources[0]
        return export_config(loaded.spec, Spot(parse(source.content, source.path)[0]))

    return exported


def data(exported):
    return parse(exported.text.encode(), "promptfooconfig.yaml")[0].data


def asserted(export, check):
    """The assertion of one check, without its name; what was left out."""
    made = export(f"{HEAD}prompts:\n  - id: p\n    user: Hi\n    aspects: [{{id: a, required: true, check: {check}}}]\n")
    tests = data(made)["tests"][0].get("assert", [])
    return [{key: value for key, value in one.items() if key != "metric"} for one in tests], made.findings


@pytest.mark.parametrize(
    ("check", "assertion"),
    [
        ("{contains: a}", {"type": "icontains", "value": "a"}),
        ("{contains: [a, b]}", {"type": "icontains-all", "value": ["a", "b"]}),
        ("{contains: {any: [a, b], case: exact}}", {"type": "contains-any", "value": ["a", "b"]}),
        ("{not_contains: {any: [a], case: exact}}", {"type": "not-contains", "value": "a"}),
        ("{not_contains: [a, b]}", {"type": "not-icontains-any", "value": ["a", "b"]}),
        ("{equals: {any: [a], case: exact}}", {"type": "equals", "value": "a"}),
        ("{equals: [Yes, no]}", {"type": "javascript", "value": '["yes", "no"].includes(output.trim().toLowerCase())'}),
        ("{starts_with: {any: [a], case: exact}}", {"type": "starts-with", "value": "a"}),
        ("{regex: '(?P<n>a)\\A\\Z'}", {"type": "regex", "value": "(?<n>a)^$"}),
        ("{regex: {pattern: a, match: whole}}", {"type": "regex", "value": "^\\s*(?:a)\\s*$"}),
        ("{regex: {pattern: a, case: ignore}}", {"type": "javascript", "value": 'new RegExp("a", "i").test(output)'}),
        ("{min_words: 3}", {"type": "word-count", "value": {"min": 3}}),
        ("{max_words: 3}", {"type": "word-count", "value": {"max": 3}}),
        ("{json_schema: {schema: true, find: whole}}", {"type": "is-json"}),
        ("{json_schema: {type: object}}", {"type": "contains-json", "value": {"type": "object"}}),
        ("{contains: '{{ a }}'}", {"type": "icontains", "value": "{% raw %}{{ a }}{% endraw %}"}),
    ],
)
def test_check_becomes_an_assertion(export, check, assertion):
    assert asserted(export, check) == ([assertion], ())


@pytest.mark.parametrize(
    "check",
    ["{sentences: 2}", "{number: 4}", "{contains: {any: [a, b], at_least: 2}}", "{contains: {all: [a], whole_words: true}}", "{regex: '(?s)a'}",
     "{equals: {any: [a], punctuation: ignore}}", "{json_schema: {schema: false, find: whole}}"],
)  # fmt: skip
def test_check_without_counterpart_is_listed_with_its_line_and_marked(export, check):
    made, findings = asserted(export, check)
    assert made == []
    assert [(one.severity, one.position.line) for one in findings] == [("warning", 6)]


def test_environment_keys_and_settings_are_named(export):
    made = export(
        HEAD.replace("'http://h:1/v1'", "'${BASE:-http://h:1/v1}'")
        + "generation: {temperature: 0, stop: [x]}\nrounds: 3\nprompts: [{id: p, user: Hi}]\n"
    )
    (provider,) = data(made)["providers"]
    assert provider["id"] == "openai:chat:x"
    assert provider["config"] == {
        "apiBaseUrl": "{{ env.BASE | default('http://h:1/v1', true) }}", "apiKeyEnvar": "K", "temperature": 0.0, "stop": ["x"],
    }  # fmt: skip
    assert data(made)["evaluateOptions"] == {"maxConcurrency": 1, "repeat": 3, "timeoutMs": 60000}
    assert "secret-k" not in made.text


def test_rubrics_judges_gates_and_references_are_carried_or_listed(export):
    made = export(f"""{HEAD}
rubrics:
  half: {{scale: [1, 5], pass: 3, criteria: [{{id: c, aspects: all}}]}}
judges: {{j: {{runtime: external, base_url: 'http://h:1/v1', model: j}}}}
judge: {{use: j}}
gates: [{{metric: latency, at: max, max: 2 s}}, {{metric: quality, min: 0.5}}]
prompts:
  - {{id: p, user: Hi, rubric: half, reference: Ho, tags: [t], aspects: [{{id: a, expect: Is kind}}, {{id: b, forbid: Is rude, weight: 2}}]}}
""")
    found = data(made)
    (test,) = found["tests"]
    assert [(one["type"], one["value"], one.get("weight")) for one in test["assert"]] == [
        ("llm-rubric", "Is kind", None), ("llm-rubric", "The answer must not do or be this: Is rude", 2.0),
    ]  # fmt: skip
    assert (test["threshold"], test["metadata"]) == (0.5, {"reference": "Ho", "tags": "t"})
    assert found["defaultTest"] == {"assert": [{"type": "latency", "threshold": 2000}]}
    assert [one.message for one in made.findings] == [
        "a gate on `quality` has no counterpart",
        "`judges` has no counterpart",
        "`judge` has no counterpart",
    ]


def test_models_that_bench_serves_are_listed_and_a_place_is_left_for_a_provider(export):
    made = export(
        HEAD.replace("runtime: external, base_url: 'http://h:1/v1', model: x, api_key: {env: K}", "runtime: foundry-local, alias: phi")
        + "prompts: [{id: p, user: Hi}]\n"
    )
    assert data(made)["providers"] == ["echo"]
    assert "promptfoo serves none" in made.findings[0].message


@pytest.mark.parametrize("name", ["02-contains.yaml", "08-threshold-and-weight.yaml", "11-chat.yaml", "16-templates.yaml"])
def test_what_was_imported_and_exported_imports_to_the_same_questions_and_checks(tmp_path, export, name):
    read = Imports(tmp_path / "config")
    imported = import_config(ROOT / "tests" / "data" / "promptfoo" / name, REGISTRY)
    exported = export(imported.text)
    again = read(exported.text)

    def asked(spec):
        return [(prompt.messages, [(aspect.check, aspect.required) for aspect in prompt.aspects], prompt.rubric) for prompt in spec.prompts]

    assert asked(read.spec(again)) == asked(read.spec(imported))


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Say {{ 7 }} {#", "{% raw %}Say {{ 7 }} {#{% endraw %}"),
        ("{% if %}", "{% raw %}{% if %}{% endraw %}"),
        ("{% if %} {{ y }}", "{% if %} {{ y }}"),
        ("ends\n", "ends\n\n"),
        ("plain [1]", "plain [1]"),
    ],
)
def test_text_is_written_so_that_promptfoo_asks_it_word_for_word(export, text, written):
    """As promptfoo 0.121.20 with its echo provider answered: it takes one line break away, and fills in no text that names what is no variable."""
    made = export(f"{HEAD}prompts: [{{id: p, user: '{{{{ x }}}}', vars: {{x: {json.dumps(text)}}}}}]\n")
    assert data(made)["tests"][0]["vars"] == {"prompt": written}


SPECS = sorted([*(ROOT / "specs").glob("*.yaml"), *(ROOT / "tests" / "specs" / "valid").glob("*.yaml")])


@pytest.mark.parametrize("path", SPECS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_any_spec_asks_the_same_after_its_way_through_promptfoos_format(path, tmp_path):
    loaded = load_spec(path, extensions=REGISTRY, environ={})
    source = loaded.sources[0]
    exported = export_config(loaded.spec, Spot(parse(source.content, source.path)[0]))
    read = Imports(tmp_path / "config")
    again = read.spec(read(exported.text))
    assert [prompt.messages for prompt in again.prompts] == [prompt.messages for prompt in loaded.spec.prompts]


def test_what_else_is_said_of_a_model_is_listed(export):
    told = HEAD.replace("model: x,", "model: x, license: MIT, optional: true, capabilities: [chat],")
    made = export(f"{told}prompts:\n  - {{id: p, user: Hi}}\n")
    assert [one.message for one in made.findings] == [
        f"`{key}` of the model `m` has no counterpart" for key in ("license", "optional", "capabilities")
    ]
    assert {one.position.line for one in made.findings} == {4}

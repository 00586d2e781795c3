"""Every registered check: its examples, its argument's schema, and what it refuses."""

import importlib
import json
import time

import pytest
from jsonschema import Draft202012Validator

from bench import resources
from bench.catalog import CATALOG, REGISTRY
from bench.judge.checks.bounded import SHARED

CHECKS = sorted(CATALOG["check"])


def _module(name):
    return importlib.import_module(CATALOG["check"][name].partition(":")[0])


def _examples():
    return [pytest.param(name, *row, id=f"{name}-{index}") for name in CHECKS for index, row in enumerate(_module(name).EXAMPLES)]


@pytest.fixture(autouse=True, scope="module")
def _end_helper_process():
    yield
    SHARED.close()


@pytest.mark.parametrize(("name", "argument", "text", "passed"), _examples())
def test_example_is_decided_as_it_says(name, argument, text, passed, monkeypatch):
    monkeypatch.setattr(SHARED, "limit_s", 0.3 if passed is None else 20)  # an endless one is ended soon, a busy machine ends no other
    verdict = REGISTRY.load("check", name)(argument).decide(text)
    assert verdict.passed is passed, verdict.detail
    assert verdict.detail


@pytest.mark.parametrize("name", CHECKS)
def test_schema_accepts_the_argument_of_every_example(name):
    for argument, *_ in _module(name).EXAMPLES:
        Draft202012Validator(_module(name).SCHEMA).validate(argument)


@pytest.mark.parametrize("name", CHECKS)
def test_examples_hold_both_verdicts_and_an_empty_answer(name):
    rows = _module(name).EXAMPLES
    assert {True, False} <= {row[2] for row in rows}
    assert any(not row[1].strip() for row in rows)


@pytest.mark.parametrize("name", CHECKS)
def test_schema_is_a_json_schema_with_a_description(name):
    Draft202012Validator.check_schema(_module(name).SCHEMA)
    assert _module(name).SCHEMA["description"]


def test_schema_of_specs_describes_every_check():
    published = json.loads(resources.read("schemas", "spec.v1.schema.json"))["$defs"]["check"]["properties"]
    assert set(published) == set(CHECKS)


REFUSED = [
    ("contains", None, "write a text"),
    ("contains", True, "write a text"),
    ("contains", 1.5, "in quotes"),
    ("contains", "  ", "is empty"),
    ("contains", "\u200b", "is empty"),
    ("contains", [], "empty list"),
    ("contains", ["ok", None], "item 2"),
    ("contains", {}, "either all or any"),
    ("contains", {"all": ["a"], "any": ["b"]}, "either all or any"),
    ("contains", {"al": ["a"]}, "did you mean 'all'?"),
    ("contains", {"any": ["a"], "at_least": 2}, "from 1 to 1"),
    ("contains", {"all": ["a"], "at_least": 1}, "goes with any"),
    ("contains", {"any": ["a"], "case": "lower"}, "exact or ignore"),
    ("contains", {"any": ["a"], "whole_words": "yes"}, "true or false"),
    ("not_contains", {"all": ["a"]}, "unknown option 'all'"),
    ("not_contains", {"case": "exact"}, "under any"),
    ("starts_with", {"case": "exact"}, "under any"),
    ("equals", {"any": []}, "empty list"),
    ("equals", {"any": ["a"], "punctuation": "no"}, "ignore or keep"),
    ("regex", "(", "no regular expression"),
    ("regex", "(" * 900 + ")" * 900, "nested"),
    ("regex", "a" * 3000, "at most 2000"),
    ("regex", 7, "single quotes"),
    ("regex", {"case": "exact"}, "under pattern"),
    ("max_words", 0, "no answer can meet"),
    ("max_words", -1, "whole number"),
    ("max_words", True, "whole number"),
    ("max_words", "ten", "whole number"),
    ("min_words", 0, "every answer meets"),
    ("sentences", 0, "from 1"),
    ("sentences", {}, "min, max or both"),
    ("sentences", {"min": 3, "max": 2}, "min 3 is above max 2"),
    ("sentences", {"maximum": 2}, "unknown option"),
    ("sentences", "two", "whole number"),
    ("number", None, "write a number"),
    ("number", float("nan"), "write a number"),
    ("number", {"min": float("inf")}, "write a number"),
    ("number", {"near": 1, "max": 2}, "either near or"),
    ("number", {"max": 2, "tolerance": 1}, "goes with near"),
    ("number", {"near": 1, "tolerance": "5"}, "such as 5 %"),
    ("number", {"near": 1, "tolerance": "x %"}, "such as 5 %"),
    ("number", {"near": 1, "tolerance": -1}, "at least 0"),
    ("number", {"min": 2, "max": 1}, "no number can meet"),
    ("number", {"which": "last"}, "near, min or max"),
    ("number", {"near": 1, "decimal": ";"}, ", or ."),
    ("json_schema", "object", "write a mapping"),
    ("json_schema", {"type": "objekt"}, "wrong at"),
    ("json_schema", {"properties": {"a": {"pattern": "("}}}, "wrong at"),
    ("json_schema", {"patternProperties": {"(": {}}}, "wrong at"),
    ("json_schema", {"$ref": "https://example.org/schema.json"}, "never fetched"),
    ("json_schema", {"items": [{"$ref": "#/$defs/x"}]}, "wrong at"),
    ("json_schema", {"items": {"$ref": "#/$defs/x"}}, "points to nothing"),
    ("json_schema", {"$schema": "http://json-schema.org/draft-07/schema#"}, "only draft 2020-12"),
    ("json_schema", {"schema": {}, "find": "first"}, "anywhere or whole"),
    ("json_schema", {"const": float("inf")}, "cannot be written as JSON"),
]


@pytest.mark.parametrize(("name", "argument", "message"), REFUSED)
def test_argument_that_makes_no_sense_is_refused_with_words(name, argument, message):
    problem = REGISTRY.problem("check", name, argument)
    assert problem is not None
    assert message in problem


def test_a_pattern_that_did_not_match_is_shown_as_it_was_written():
    assert REGISTRY.load("check", "regex")(r"\bTeresa\b(?!:)").decide("Tess").detail == r"no match of `\bTeresa\b(?!:)`"
    assert REGISTRY.load("check", "regex")("a`b\x1b").decide("").detail == r"no match of 'a`b\x1b'"


HOSTILE = {
    "dots": "." * 199_999 + "x",
    "brackets": "[" * 200_000,
    "fences": "~~~x\n" * 40_000,
    "commas": "1," * 100_000,
    "quotes": 'a{"' * 60_000,
    "initials": "A. " * 60_000,
    "bullets": "- \n" * 60_000,
    "abbreviations": "e.g." * 50_000,
    "pairs": "```\n" * 50_000,
    "digits": "9" * 200_000,
    "marks": "\u0300" * 200_000,
}


@pytest.mark.parametrize(
    ("name", "argument"),
    [("sentences", 1), ("number", 1), ("json_schema", {"type": "object"}), ("max_words", 1), ("contains", "zz"), ("equals", "zz")],
)
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_answer_is_read_in_bounded_time(name, argument, text):
    before = time.process_time()  # what it computes, not how long others kept it from that; a check in a process of its own ends by its own limit
    REGISTRY.load("check", name)(argument).decide(text)
    assert time.process_time() - before < 5

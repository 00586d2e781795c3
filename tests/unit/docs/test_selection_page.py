"""The page about selection: its example is valid, its worked example is what the program decides, and its numbers are those of the program."""

import json
import re
from pathlib import Path

import pytest
from harness.contests import contest as contest_of
from harness.contests import entrant

from bench.catalog import REGISTRY
from bench.records.quantity import in_words
from bench.resources import read
from bench.select.decide import CLEAR, LIKELY, decide
from bench.select.flips import FARTHEST
from bench.select.worth import FREE, LEAST_SHARE
from bench.selecting import MOST_FAILED
from bench.spec.load import load_spec
from bench.stats.resampling import NEEDED, RESAMPLES

PAGE = (Path(__file__).parents[3] / "docs" / "selection.md").read_text(encoding="utf-8")
BASE = """bench: 1
name: selection
version: 1.0.0
models: [{id: small, runtime: external, base_url: "http://localhost:8080/v1", model: m}]
prompts: [{id: one, user: Say hello., aspects: [{id: polite, check: {contains: hello}}]}]
cost: {model: energy, busy_watts: 25, price_per_kwh: 0.30 EUR}
"""
WEIGHTS = {"quality": 0.5, "ttft": 0.2, "rss_bytes": 0.2, "cost": 0.1}
FACTORS = {"%": 0.01, "s": 1.0, "MB": 1e6, "EUR": 1.0}


def test_the_example_is_valid_and_is_taken_whole(tmp_path):
    (example,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    path = tmp_path / "spec.yaml"
    path.write_text(BASE + example, encoding="utf-8")
    loaded = load_spec(path, extensions=REGISTRY, environ={})
    assert loaded.warnings == ()
    wanted = loaded.spec.selection
    assert [(one.metric, one.at, one.weight) for one in wanted.weights] == [
        ("quality", None, 0.5), ("ttft", "p50", 0.2), ("rss_bytes", None, 0.2), ("cost", None, 0.1),
    ]  # fmt: skip
    assert [(one.name, one.min, one.max) for one in wanted.bounds] == [("rss_bytes", None, 2e9), ("quality", 0.3, None), ("error_rate", None, 0.2)]
    assert (wanted.licenses, wanted.capabilities) == (("Apache-2.0", "MIT"), ("chat",))


def test_the_worked_example_is_what_the_program_decides():
    rows = re.findall(r"^\| (small|large) \| (.*) \|$", PAGE, re.MULTILINE)
    values = {name: [float(cell.split()[0]) * FACTORS[cell.split()[1]] for cell in cells.split(" | ")] for name, cells in rows}
    found = decide(contest_of(*(entrant(name, **dict(zip(WEIGHTS, numbers, strict=True))) for name, numbers in values.items()), **WEIGHTS))
    scores = {one.who.model_id: one.score for one in found.candidates}
    told = float(re.search(r"a score of 1 and `large` ([0-9.]+),", PAGE)[1])
    assert scores == {"small": 1.0, "large": pytest.approx(told, abs=0.005)}


def test_numbers_are_those_of_the_program():
    text = " ".join(PAGE.split())
    assert f"with replacement, {RESAMPLES:,} times" in text
    assert f"| {in_words(CLEAR, 'share')} or more |" in PAGE
    assert f"| {in_words(LIKELY, 'share')} to {in_words(CLEAR, 'share')} |" in PAGE
    assert f"Fewer than {NEEDED} prompts say nothing" in text
    assert f"else {in_words(MOST_FAILED, 'share')}" in text
    assert f"a quality of 0 counts as {in_words(LEAST_SHARE, 'share')}" in text
    assert (FREE, FARTHEST) == (0.1, 10.0)


def test_every_key_is_explained():
    known = json.loads(read("schemas", "spec.v1.schema.json"))["properties"]["selection"]["properties"]
    assert [name for name in (*known, *known["require"]["properties"]) if f"`{name}" not in PAGE and f"{name}:" not in PAGE] == []

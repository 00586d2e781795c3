"""The page about gates: its example is valid, and every word of the language stands on it."""

import json
import re
from pathlib import Path

from bench.catalog import REGISTRY
from bench.gate.figures import COSTS
from bench.resources import read
from bench.spec.load import load_spec

PAGE = (Path(__file__).parents[3] / "docs" / "gates.md").read_text(encoding="utf-8")
BASE = """bench: 1
name: gates
version: 1.0.0
models: [{id: small, runtime: external, base_url: "http://localhost:8080/v1", model: m}]
prompts: [{id: one, user: Say hello., aspects: [{id: names-owner, check: {contains: Ann}}]}]
cost: {model: energy, busy_watts: 25, price_per_kwh: 0.30 EUR}
"""


def test_the_example_is_valid_but_for_its_few_prompts(tmp_path):
    (example,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    path = tmp_path / "spec.yaml"
    path.write_text(BASE + example, encoding="utf-8")
    loaded = load_spec(path, extensions=REGISTRY, environ={})
    assert {one.code for one in loaded.warnings} == {"too-few-samples"}
    assert len(loaded.spec.gates) == 8


def test_every_key_and_every_word_is_explained():
    gate = json.loads(read("schemas", "spec.v1.schema.json"))["$defs"]["gate"]["properties"]
    assert [name for name in gate if f"{name}:" not in PAGE] == []
    assert [word for word in gate["on_noise"]["enum"] if f"| `{word}` |" not in PAGE] == []
    assert [name for name in COSTS if f"`{name}`" not in PAGE] == []

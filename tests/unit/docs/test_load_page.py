"""The page about loads: every example is valid, and every shape and setting of the language stands on it."""

import json
import re
from pathlib import Path

import pytest
import yaml

from bench.catalog import CATALOG, REGISTRY
from bench.resources import read
from bench.spec.load import load_spec

PAGE = (Path(__file__).parents[3] / "docs" / "load.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
BASE = """bench: 1
name: loads
version: 1.0.0
models: [{id: m, runtime: external, base_url: "http://localhost:8080/v1", model: m}]
prompts: [{id: one, user: Say hello.}]
"""


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_example_is_valid_without_a_warning(example, tmp_path):
    path = tmp_path / "spec.yaml"
    path.write_text(BASE + example, encoding="utf-8")
    loaded = load_spec(path, extensions=REGISTRY, environ={})
    assert loaded.warnings == ()
    assert REGISTRY.load("load", loaded.spec.load.kind)(loaded.spec.load).concurrency >= 1


def test_every_shape_has_a_row_and_an_example():
    rows = set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))
    assert rows == set(CATALOG["load"]) == {yaml.safe_load(example)["load"]["kind"] for example in EXAMPLES}


def test_every_setting_is_named():
    settings = json.loads(read("schemas", "spec.v1.schema.json"))["$defs"]["load"]["properties"]
    assert [name for name in settings if name != "kind" and f"`{name}" not in PAGE and f"load.{name}" not in PAGE] == []

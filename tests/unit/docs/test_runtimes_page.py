"""docs/runtimes.md: every spec on it is valid, and it has a part for every server and a row for every runtime."""

import re
from pathlib import Path

import pytest
import yaml

from bench.catalog import CATALOG, REGISTRY
from bench.forecast import commands_of
from bench.plan.expand import expand
from bench.records.servers import SERVERS
from bench.serving.command_words import as_shell
from bench.spec.load import load_spec

PAGE = (Path(__file__).parents[3] / "docs" / "runtimes.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def commands(text: str, folder: Path) -> list[str]:
    path = folder / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    loaded = load_spec(path, extensions=REGISTRY, environ={})
    assert loaded.warnings == ()
    plan = expand(loaded.spec)
    return [as_shell(words) for words in commands_of(treatment for block in plan.blocks for treatment in block.treatments)]


@pytest.mark.parametrize("text", EXAMPLES, ids=lambda text: yaml.safe_load(text)["name"])
def test_each_spec_is_valid_and_starts_something(tmp_path, text):
    assert commands(text, tmp_path)


def test_every_server_has_a_part_an_example_and_a_row():
    parts = re.findall(r"^### (.+)$", PAGE, re.MULTILINE)
    assert sorted(parts) == sorted(SERVERS)
    named = {model.get("server") for text in EXAMPLES for model in yaml.safe_load(text)["models"]}
    assert named - {None} == set(SERVERS)
    for name, kind in SERVERS.items():
        row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |"))
        assert {word for word in ("weights", "model") if f"`{word}`" in row.split("|")[2]} == set(kind.loads)
        assert {word for word in ("threads", "context") if f"`{word}`" in row.split("|")[3]} == set(kind.heeds)


def test_every_runtime_has_a_row():
    rows = set(re.findall(r"^\| `([\w.-]+)` \|", PAGE.partition("## A known")[0], re.MULTILINE))
    assert rows - {"runtime"} == set(CATALOG["runtime"])


def test_the_command_that_the_page_shows_is_what_the_plan_shows(tmp_path):
    shown = re.search(r"^command {7}(.*?)   \(runs", PAGE, re.MULTILINE)
    assert shown is not None
    assert commands(EXAMPLES[0], tmp_path) == [shown[1]]

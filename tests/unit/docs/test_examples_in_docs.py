"""Examples in the pages are executed: those that show a result, parts of specs, the first script in Python, and the hooks."""

import doctest
import inspect
import json
import re
from pathlib import Path

import pytest
import yaml
from harness.mock_llm import mock_llm
from harness.written_spec import external, write_spec

import bench
from bench.catalog import CATALOG, REGISTRY
from bench.resources import read
from bench.spec.load import load_spec

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
PAGES = sorted(path.name for path in DOCS.glob("*.md") if ">>> " in path.read_text(encoding="utf-8"))
KEYS = set(json.loads(read("schemas", "spec.v1.schema.json"))["properties"])
BASE = {
    "bench": "bench: 1\n",
    "name": "name: example\n",
    "version": "version: 1.0.0\n",
    "models": 'models: [{id: m, runtime: external, base_url: "http://localhost:8080/v1", model: m}]\n',
    "prompts": "prompts: [{id: one, user: Say hello.}]\n",
}
# Their examples need more than a base: files, aspects, prices. The test of each page completes them.
ELSEWHERE = {"extending.md", "gates.md", "judging.md", "selection.md", "spec.md"}


def blocks(page: str, language: str) -> list[str]:
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def parts_of_specs() -> list[tuple[str, str]]:
    pages = [path.name for path in sorted(DOCS.glob("*.md")) if path.name not in ELSEWHERE]
    return [(page, text) for page in pages for text in blocks(page, "yaml") if set(yaml.safe_load(text) or ()) & KEYS - {"name"}]


@pytest.mark.parametrize("page", PAGES)
def test_examples_stand_in_blocks_and_not_in_the_text(page: str) -> None:
    text = re.sub(r"^```\w*\n.*?^```$", "", (DOCS / page).read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    assert ">>> " not in text


@pytest.mark.parametrize("page", PAGES)
def test_examples_in_page_give_what_they_show(page: str) -> None:
    result = doctest.testfile(str(DOCS / page), module_relative=False, encoding="utf-8")
    assert result.attempted > 0
    assert result.failed == 0


def test_pages_that_complete_their_own_examples_have_a_test() -> None:
    tests = "".join(
        path.read_text(encoding="utf-8")
        for path in (*Path(__file__).parent.glob("test_*_page.py"), Path(__file__).parents[1] / "spec" / "test_valid_specs.py")
    )
    tests += (Path(__file__).parent / "test_extending.py").read_text(encoding="utf-8")
    assert [page for page in ELSEWHERE if f'"{page}"' not in tests] == []


@pytest.mark.parametrize(("page", "text"), parts_of_specs(), ids=lambda value: value.partition("\n")[0][:40])
def test_part_of_a_spec_is_valid_without_a_warning(page: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text("".join(line for key, line in BASE.items() if key not in yaml.safe_load(text)) + text, encoding="utf-8")
    assert load_spec(path, extensions=REGISTRY, environ={}).warnings == (), page


def test_the_first_script_of_the_python_page_runs(tmp_path, monkeypatch, capsys) -> None:
    (script,) = blocks("python.md", "python")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    with mock_llm(n=4) as server:
        write_spec(tmp_path, external("m", server.base_url)).rename(tmp_path / "my.yaml")
        exec(compile(script, "python.md", "exec"), {})  # noqa: S102 - our own page
    shown = capsys.readouterr().out
    assert "m [default]: served" in shown
    assert re.search(r"^m ttft p50 0\.", shown, re.MULTILINE)


def test_the_python_page_names_every_option_and_every_part_of_a_run() -> None:
    text = (DOCS / "python.md").read_text(encoding="utf-8")
    options = {name for function in (bench.run, bench.load, bench.validate) for name in inspect.signature(function).parameters}
    assert [name for name in options if not re.search(rf"\b{name}\b", text)] == []
    table = text.partition("## What a `Run` has")[2].partition("\n## ")[0]
    parts = {name for name in dir(bench.Run) if not name.startswith("_")} | {"code", "reasons"}
    assert [name for name in parts if f"`{name}" not in table] == []


def test_outputs_of_the_action_stand_on_its_page() -> None:
    outputs = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))["outputs"]
    (told,) = re.findall(r"find its outputs: (.*?)\n\n", (DOCS / "pull-requests.md").read_text(encoding="utf-8"), re.DOTALL)
    assert [name for name, _ in re.findall(r"`(\w+)` \((.*?)\)", told)] == list(outputs)


def test_hooks_that_the_page_names_are_there() -> None:
    (example,) = blocks("diff.md", "yaml")
    there = {hook["id"] for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))}
    assert {hook["id"] for repo in yaml.safe_load(example)["repos"] for hook in repo["hooks"]} == there


def test_the_door_that_contributors_are_shown_is_one() -> None:
    (door,) = re.findall(r'entry-points."bench\.(\w+)"', (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    assert door in CATALOG

"""What the README promises: its commands, its tables and its examples are those of the program."""

import re
import tomllib
from pathlib import Path

import pytest

from bench.catalog import CATALOG, REGISTRY
from bench.cli.main import VERBS
from bench.errors import _ORDER, Exit, SpecError
from bench.spec.diagnostics import render
from bench.spec.load import load_spec

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MEASUREMENT = (ROOT / "docs" / "measurement.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(text: str, language: str) -> list[str]:
    return [found[2] for found in BLOCK.finditer(text) if found[1] == language]


def rows(text: str, heading: str) -> list[list[str]]:
    """Cells of the table lines below a heading, up to the next one, without the table's own head."""
    section = text.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line.startswith("|")][2:]


def test_first_two_code_blocks_are_one_line_each_and_run_and_test() -> None:
    first, second = (found[2] for found in list(BLOCK.finditer(README))[:2])
    assert first == "python3 -m venv .venv && .venv/bin/pip install -q -e '.[local]' && .venv/bin/bench run specs/summarizer.yaml\n"
    assert second == "python3 -m venv .venv && .venv/bin/pip install -q -e '.[dev]' && .venv/bin/python -m pytest -n auto\n"


def test_the_results_stand_before_the_commands() -> None:
    results, commands = README.index("<!-- results:"), README.index("```")
    assert results < commands


def test_yaml_blocks_are_valid_specs(tmp_path: Path) -> None:
    found = blocks(README, "yaml")
    assert found
    for number, text in enumerate(found):
        spec = tmp_path / f"{number}.yaml"
        spec.write_text(text, encoding="utf-8")
        assert load_spec(spec, extensions=REGISTRY, environ={}).warnings == ()


def test_the_smallest_spec_is_the_file_that_is_named() -> None:
    assert blocks(README, "yaml") == [(ROOT / "specs" / "quickstart.yaml").read_text(encoding="utf-8")]


def test_error_in_the_tour_is_what_validate_shows(tmp_path: Path) -> None:
    (shown,) = blocks(README, "text")
    spec = tmp_path / "my.yaml"
    spec.write_text(blocks(README, "yaml")[0].replace("aspects", "asserts"), encoding="utf-8")
    with pytest.raises(SpecError) as raised:
        load_spec(spec, extensions=REGISTRY, environ={})
    text = render(raised.value.diagnostics, raised.value.sources, "text")
    assert text.strip().replace(str(spec), "my.yaml") == shown.strip()


def test_table_of_commands_names_every_verb_in_the_words_of_its_help() -> None:
    table = {cells[0].strip("`").split()[1]: cells[1] for cells in rows(README, "Commands") if cells[0].startswith("`bench")}
    assert table == VERBS


def test_table_of_exit_codes_has_every_code_in_the_order_that_decides() -> None:
    assert [int(cells[0]) for cells in rows(README, "Exit codes")] == [int(code) for code in _ORDER]
    assert set(_ORDER) == set(Exit)


def test_table_of_extras_names_those_of_the_package() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert set(re.findall(r"^\| `(\w+)` \|", README.partition("\n## Commands\n")[2], re.MULTILINE)) == set(extras)


def test_table_of_what_serves_a_model_has_every_runtime() -> None:
    assert sorted(cells[0].strip("`") for cells in rows(README, "What serves a model")) == sorted(CATALOG["runtime"])


def test_every_example_spec_is_in_the_tour() -> None:
    for spec in sorted((ROOT / "specs").glob("*.yaml")):
        assert f"(specs/{spec.name})" in README


def test_measurement_page_defines_every_metric() -> None:
    defined = {name for cells in rows(MEASUREMENT, "Metrics") for name in re.findall(r"`(\w+)`", cells[0])}
    assert set(CATALOG["metric"]) <= defined
    assert {"load_s", "rss_peak_bytes", "disk_bytes", "output_tps", "goodput"} <= defined


def test_measurement_page_gives_the_units_of_the_metrics() -> None:
    units = {name: cells[1] for cells in rows(MEASUREMENT, "Metrics") for name in re.findall(r"`(\w+)`", cells[0])}
    told = {name: REGISTRY.load("metric", name).unit for name in CATALOG["metric"]}
    assert {name: units[name].split()[0] for name in told} == {name: unit.split()[0] for name, unit in told.items()}


def test_replay_on_the_measurement_page_is_part_of_a_valid_spec(tmp_path: Path) -> None:
    (example,) = blocks(MEASUREMENT, "yaml")
    spec = tmp_path / "again.yaml"
    spec.write_text(f"bench: 1\nname: again\nversion: 1.0.0\nprompts: [{{id: one, user: Say hello.}}]\n{example}", encoding="utf-8")
    assert load_spec(spec, extensions=REGISTRY, environ={}).warnings == ()

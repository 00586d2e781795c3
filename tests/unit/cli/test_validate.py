"""`bench validate`: several specs at once, for people and for programs."""

import json

import pytest
from harness.command import Here
from harness.written_spec import external, write_spec


@pytest.fixture
def bench(tmp_path, capsys, monkeypatch):
    return Here(tmp_path, capsys, monkeypatch)


@pytest.fixture
def specs(tmp_path):
    """A good one, and two bad ones with the same name in different folders."""
    good = write_spec(tmp_path, external("m", "http://localhost:1/v1"))
    bad = good.read_text(encoding="utf-8").replace("prompts:", "promts:")
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "spec.yaml").write_text(bad, encoding="utf-8")
    return ["spec.yaml", "x/spec.yaml", "y/spec.yaml"]


def test_a_valid_spec_says_what_is_in_it_and_nothing_else(bench, specs):
    shown = bench("validate", specs[0])
    assert shown.stdout == "spec.yaml: valid (1 model, 3 prompts, 1 variant)\n"
    assert shown.stderr == ""


def test_people_see_every_finding_in_its_own_file_and_how_many_there_are(bench, specs):
    shown = bench("validate", *specs, code=2)
    assert shown.stdout == "spec.yaml: valid (1 model, 3 prompts, 1 variant)\n"
    assert all(f"{name}:" in shown.stderr for name in specs[1:])
    assert shown.stderr.splitlines()[-1] == "2 errors"


def test_json_is_one_list_over_all_specs(bench, specs):
    shown = bench("validate", *specs, "--format", "json", code=2)
    found = json.loads(shown.stdout)
    assert {one["file"] for one in found} == set(specs[1:])
    assert set(found[0]) == {"code", "severity", "message", "file", "line", "column", "pointer", "hint"}
    assert shown.stderr == ""
    assert json.loads(bench("validate", specs[0], "--format", "json").stdout) == []


def test_github_has_a_line_for_each_finding(bench, specs):
    lines = bench("validate", *specs, "--format", "github", code=2).stdout.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("::error file=") for line in lines)
    assert {line.split("file=")[1].split(",")[0] for line in lines} == set(specs[1:])


def test_strict_counts_warnings_but_not_notes_as_errors(bench, tmp_path):
    warned = write_spec(tmp_path, external("m", "http://localhost:1/v1"), more="gates:\n  - {metric: latency, at: p95, max: 1 s}")
    assert "valid" in bench("validate", warned).stdout
    assert "valid" not in bench("validate", warned, "--strict", code=2).stdout


def test_overrides_are_checked_with_the_spec(bench, specs):
    assert "--set:1" in bench("validate", specs[0], "--set", "rounds=many", code=2).stderr
    bench("validate", specs[0], "--set", "rounds=2")

"""`bench import` and `bench export`: what is written, what is listed, and the exit codes."""

import importlib
import json

import pytest
from harness.command import Here

import_ = importlib.import_module("bench.cli.commands.import_")
CONFIG = "prompts: ['Hi {{ x }}']\nproviders: ['openai:chat:m']\ntests:\n  - vars: {x: you}\n    assert: [{type: contains, value: Hi}]\n"
LOSSY = CONFIG + "  - assert:\n      - {type: javascript, value: 'true'}\n"


@pytest.fixture
def bench(tmp_path, capsys, monkeypatch):
    for name in import_.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    (tmp_path / "c.yaml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "lossy.yaml").write_text(LOSSY, encoding="utf-8")
    return Here(tmp_path, capsys, monkeypatch)


def test_spec_goes_to_standard_output_and_is_valid(bench, tmp_path):
    shown = bench("import", "promptfoo", "c.yaml")
    assert shown.stderr == ""
    (tmp_path / "s.yaml").write_text(shown.stdout, encoding="utf-8")
    bench("validate", "--strict", "s.yaml")


def test_what_is_left_out_is_listed_with_its_line_and_strict_refuses(bench, tmp_path):
    shown = bench("import", "promptfoo", "lossy.yaml", "-o", "s.yaml")
    assert "lossy.yaml:7:9: warning[not-carried-over]: `javascript`" in shown.stderr
    assert "1 thing is left out; the spec says where" in shown.stderr
    assert shown.stdout == "wrote s.yaml\nnext: bench validate s.yaml, then bench plan s.yaml\n"
    assert "# not carried over: lossy.yaml, line 7" in (tmp_path / "s.yaml").read_text(encoding="utf-8")
    refused = bench("import", "promptfoo", "lossy.yaml", "-o", "t.yaml", "--strict", code=2)
    assert "nothing was written (--strict)" in refused.stderr
    assert not (tmp_path / "t.yaml").exists()
    bench("import", "promptfoo", "c.yaml", "-o", "t.yaml", "--strict")


def test_findings_as_json_are_json_and_nothing_else(bench):
    (found,) = json.loads(bench("import", "promptfoo", "lossy.yaml", "--format", "json").stderr)
    assert (found["code"], found["file"], found["line"], found["severity"]) == ("not-carried-over", "lossy.yaml", 7, "warning")


def test_somebodys_work_is_never_replaced_unasked(bench, tmp_path):
    (tmp_path / "s.yaml").write_text("mine", encoding="utf-8")
    bench("import", "promptfoo", "c.yaml", "-o", "s.yaml", code=2)
    assert (tmp_path / "s.yaml").read_text(encoding="utf-8") == "mine"
    bench("import", "promptfoo", "c.yaml", "-o", "s.yaml", "--force")
    assert (tmp_path / "s.yaml").read_text(encoding="utf-8").startswith("# Made from c.yaml")


def test_damaged_configuration_is_shown_with_its_place(bench, tmp_path):
    (tmp_path / "c.yaml").write_text("prompts: [a\n", encoding="utf-8")
    assert "c.yaml:1:10: error[yaml-syntax]" in bench("import", "promptfoo", "c.yaml", code=2).stderr
    assert "there is no file" in bench("import", "promptfoo", "none.yaml", code=2).stderr


def test_workshop_takes_files_variables_and_a_file_of_variables(bench, tmp_path, monkeypatch):
    (tmp_path / "models.json").write_text('{"phi": {"size_mb": 10}, "qwen": {}}', encoding="utf-8")
    (tmp_path / "prompts.json").write_text('["Why?"]', encoding="utf-8")
    (tmp_path / ".env").write_text("BENCH_ROUNDS=2\nBENCH_MODELS=qwen\n", encoding="utf-8")
    monkeypatch.setenv("BENCH_ROUNDS", "7")
    shown = bench("import", "workshop", "models.json", "prompts.json", "--env-file", ".env")
    assert "rounds: 7" in shown.stdout
    assert "alias: qwen" in shown.stdout
    assert "alias: phi" not in shown.stdout
    assert "no model is named" in bench("import", "workshop", code=2).stderr


def test_export_writes_lists_and_is_strict(bench, tmp_path):
    bench("import", "promptfoo", "c.yaml", "-o", "s.yaml")
    shown = bench("export", "promptfoo", "s.yaml", "--strict")
    assert "id: openai:chat:m" in shown.stdout
    with (tmp_path / "s.yaml").open("a", encoding="utf-8") as file:
        file.write("slo: {latency: 1 s}\n")
    assert "s.yaml:" in bench("export", "promptfoo", "s.yaml", "-o", "p.yaml", "--strict", code=2).stderr
    assert not (tmp_path / "p.yaml").exists()
    assert "1 thing is left out; the file says where" in bench("export", "promptfoo", "s.yaml", "-o", "p.yaml").stderr
    assert "error[" in bench("export", "promptfoo", "s.yaml", "--set", "rounds=no", code=2).stderr

"""`limits:` end a run early: exit code 6, what was not reached is `skipped` with the reason, and --resume goes on."""

import pytest
from harness.command import Here
from harness.mock_llm import mock_llm
from harness.written_spec import counts, external, latest, states, write_spec

from bench.store.reader import read_manifest, read_statuses

PRICES = "cost: {model: price_table, input_per_million: 100000 EUR, output_per_million: 100000 EUR}"


@pytest.fixture
def server():
    with mock_llm(ttft_ms=20, n=4) as running:
        yield running


@pytest.fixture
def run(tmp_path, capsys, monkeypatch):
    return Here(tmp_path, capsys, monkeypatch)


def stopped(folder, run, spec, rule, code=6):
    ended = run("run", spec, code=code)
    layout = latest(folder)
    assert f"stop rule limits.{rule} ended the run" in ended.stderr
    assert ended.stdout.splitlines()[-1] == str(layout.folder.relative_to(folder))
    assert read_manifest(layout).status == "stopped"
    assert states(layout) == {("first", "default"): "served", ("second", "default"): "skipped"}
    assert "not its turn yet" in read_statuses(layout)[1].reason
    assert "skipped" in layout.report("report.md").read_text(encoding="utf-8")
    _, completed, failed, missing = counts(layout)["first", "default"]
    assert missing > 0
    assert counts(layout)["second", "default"] == (20, 0, 0, 20)
    return completed + failed


def models(server):
    return external("first", server.base_url), external("second", server.base_url)


def test_a_run_ends_when_its_money_is_spent(tmp_path, run, server):
    spec = write_spec(tmp_path, *models(server), prompts=20, more=f"warmup: 0\n{PRICES}\nlimits: {{cost: 5 EUR}}")
    assert stopped(tmp_path, run, spec, "cost") == 4  # 11 prompt tokens and 4 output tokens cost 1.5 EUR


def test_a_run_ends_when_its_time_is_over(tmp_path, run, server):
    server.behave(ttft_ms=250, n=1)
    spec = write_spec(tmp_path, *models(server), prompts=20, more="warmup: 0\nlimits: {duration: 2 s}")
    assert stopped(tmp_path, run, spec, "duration", {6, 3}) <= 8  # 3: a busy machine has no answer by then


def test_a_run_ends_when_too_many_answers_fail(tmp_path, run, server):
    server.behave(fault="400")
    spec = write_spec(tmp_path, *models(server), prompts=20, more="warmup: 0\nrounds: 2\nlimits: {max_error_rate: 10 %}")
    ended = run("run", spec, code=3)  # nothing was measured, which weighs more than the rule
    assert "exit 6: the stop rule limits.max_error_rate" in ended.stderr
    assert ended.stderr.count("failed: first") == 3
    assert states(latest(tmp_path))["second", "default"] == "skipped"


def test_an_ended_run_goes_on_where_it_was(tmp_path, run, server):
    spec = write_spec(tmp_path, *models(server), prompts=20, more=f"warmup: 0\n{PRICES}\nlimits: {{cost: 20 EUR}}")
    run("run", spec, code=6)
    run("run", spec, "--resume", code=6)
    run("run", spec, "--resume", code=0)
    assert counts(latest(tmp_path)) == {("first", "default"): (20, 20, 0, 0), ("second", "default"): (20, 20, 0, 0)}
    assert set(states(latest(tmp_path)).values()) == {"served"}
    assert [session.ended_by for session in read_manifest(latest(tmp_path)).sessions] == ["cost", "cost", "finished"]

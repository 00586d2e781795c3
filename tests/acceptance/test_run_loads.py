"""Loads as a user meets them: the whole command against a server with known limits."""

import msgspec
import pytest
from harness.command import Here
from harness.mock_llm import mock_llm
from harness.written_spec import counts, external, latest, write_spec

from bench.store.reader import read_manifest, read_summary


@pytest.fixture
def run(tmp_path, capsys, monkeypatch):
    return Here(tmp_path, capsys, monkeypatch)


SWEEP = "warmup: 0\nrounds: 3\nslo: {latency: 5 s}\nload: {kind: sweep, from: 1, to: 16, steps: 5}"


def test_a_sweep_finds_the_knee_of_a_server_with_four_slots(tmp_path, run):
    with mock_llm(ttft_ms=100, n=1, slots=4) as server:  # long against what a busy machine takes beside it
        spec = write_spec(tmp_path, external("m", server.base_url), prompts=8, more=SWEEP)
        run("run", spec, code=0)
        sent = len(server.log)
        (facts,) = read_summary(latest(tmp_path)).loads
        assert [step.level for step in facts.steps] == [1, 2, 4, 8]
        assert facts.capacity.ended.startswith("step 4 (concurrency 8): throughput stopped growing")
        assert facts.capacity.level in {4, 8}
        assert 24 < facts.capacity.request_rate < 42  # four slots of 100 ms take 40 per second
        assert (facts.not_needed, sent) == (24, 96)
        assert counts(latest(tmp_path)) == {("m", "default"): (96, 96, 0, 0)}
        assert read_manifest(latest(tmp_path)).status == "finished"
        report = latest(tmp_path).report("report.md").read_text(encoding="utf-8")
        assert "The sweep ended after step 4" in report
        run("run", spec, "--resume", code=0)
        assert len(server.log) == sent  # what was not needed is not asked later


def test_a_trace_is_played_and_kept_with_the_run(tmp_path, run):
    (tmp_path / "peak.csv").write_text("arrival_s\n10\n10.05\n10.3\n", encoding="utf-8")
    with mock_llm(n=1) as server:
        spec = write_spec(tmp_path, external("m", server.base_url), more="warmup: 0\nload: {kind: trace, file: peak.csv}")
        run("run", spec, code=0)
        received = [truth.received_ns * 1e-9 for truth in server.log]
    layout = latest(tmp_path)
    assert received[2] - received[0] == pytest.approx(0.3, abs=0.1)
    assert (layout.inputs / "peak.csv").read_text(encoding="utf-8") == "arrival_s\n10\n10.05\n10.3\n"
    (facts,) = read_summary(layout).loads
    assert facts.arrivals_per_s == pytest.approx(2 / 0.3, rel=1e-4)
    assert msgspec.json.decode((layout.folder / "summary.json").read_bytes())["loads"][0]["kind"] == "trace"


def test_dropped_arrivals_are_failures_that_the_report_names(tmp_path, run):
    with mock_llm(ttft_ms=300, n=1) as server:
        more = "warmup: 0\nload: {kind: constant, rate: 100, concurrency: 1, max_wait: 100 ms}"
        spec = write_spec(tmp_path, external("m", server.base_url), prompts=6, more=more)
        run("run", spec, code=0)
        assert len(server.log) < 6
    (facts,) = read_summary(latest(tmp_path)).loads
    assert facts.dropped == 6 - len(server.log)
    assert read_summary(latest(tmp_path)).counts[0].failures == {"dropped": facts.dropped}
    assert f"{facts.dropped} of 6 arrivals were dropped" in latest(tmp_path).report("report.md").read_text(encoding="utf-8")

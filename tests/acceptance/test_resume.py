"""A run that is killed at any moment goes on where it was: every trial exactly once, the same counts as a run that was left alone."""

import signal
import time

import msgspec
import pytest
from harness.command import bench, start_bench
from harness.mock_llm import mock_llm

from bench.records.run import Manifest
from bench.store.layout import RunLayout, list_runs
from bench.store.pending import is_deciding
from bench.store.reader import read_manifest, read_plan, read_samples, read_summary

SPEC = """
bench: 1
name: killed
version: 1.0.0
models:
  - {{id: first, runtime: external, base_url: "{url}", model: mock}}
  - {{id: second, runtime: external, base_url: "{url}", model: mock}}
prompts: {{file: prompts.json}}
generation: {{temperature: 0, max_tokens: 8, seed: 1}}
rounds: 2
warmup: 1
retries: 1
load: {{kind: closed, concurrency: 2}}
report: {{formats: [markdown, csv]}}
"""
PROMPTS = [{"id": f"p{number}", "prompt": f"Say {number}."} for number in range(10)]
TRIALS = 2 * 10 * 2


@pytest.fixture
def server():
    with mock_llm(ttft_ms=8, itl_ms=1, n=6) as running:
        yield running


@pytest.fixture
def spec(tmp_path, server):
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC.format(url=server.base_url), encoding="utf-8")
    (tmp_path / "prompts.json").write_bytes(msgspec.json.encode(PROMPTS))
    return path


def wait_for_samples(folder, wanted, process):
    """Wait until so many samples are on disk, or the process has ended."""
    end = time.monotonic() + 100
    while time.monotonic() < end and process.poll() is None:
        runs = list_runs(folder / "runs")
        if runs and sum(path.read_bytes().count(b"\n") for path in (runs[-1] / "samples").glob("*.jsonl")) >= wanted:
            return
        time.sleep(0.002)


def decided(layout):
    trials = {trial.id for block in read_plan(layout).blocks for trial in block.trials if not trial.is_warmup}
    return [sample.trial_id for sample in read_samples(layout) if is_deciding(sample) and sample.trial_id in trials]


def counts(layout):
    return [(each.model_id, each.planned, each.completed, each.failed, each.missing) for each in read_summary(layout).counts]


@pytest.mark.slow
def test_a_run_killed_again_and_again_has_every_trial_exactly_once(tmp_path, spec):
    whole = bench("run", spec, "--runs", "whole", folder=tmp_path)
    assert whole.returncode == 0, whole.stderr
    moments = (0, 1, 5, 12, 25, 38)
    for number, moment in enumerate(moments):
        words = ("run", spec, "--quiet", *(("--resume",) if number else ()))
        process = start_bench(*words, folder=tmp_path)
        wait_for_samples(tmp_path, moment, process)
        process.kill()
        process.communicate()
    runs = list_runs(tmp_path / "runs")
    if not runs:  # killed before the folder was there: nothing was promised yet
        bench("run", spec, "--quiet", folder=tmp_path)
    ended = bench("run", spec, "--resume", folder=tmp_path)
    assert ended.returncode == 0, ended.stderr
    layout = RunLayout(list_runs(tmp_path / "runs")[-1])
    assert ended.stdout.splitlines()[-1] == str(layout.folder.relative_to(tmp_path))
    seen = decided(layout)
    assert len(seen) == len(set(seen)) == TRIALS
    assert counts(layout) == counts(RunLayout(list_runs(tmp_path / "whole")[-1])) == [("first", 20, 20, 0, 0), ("second", 20, 20, 0, 0)]
    assert [session.ended_by for session in read_manifest(layout).sessions][-1] == "finished"
    assert "killed" in {session.ended_by for session in read_manifest(layout).sessions} or len(read_manifest(layout).sessions) == 1


def test_ctrl_c_keeps_everything_and_says_how_to_go_on(tmp_path, spec):
    process = start_bench("run", spec, folder=tmp_path)
    wait_for_samples(tmp_path, 6, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=100)
    layout = RunLayout(list_runs(tmp_path / "runs")[-1])
    assert process.returncode == 130, err
    assert "--resume" in err
    assert out.splitlines()[-1] == str(layout.folder.relative_to(tmp_path))
    kept = decided(layout)
    assert 0 < len(kept) < TRIALS
    assert read_manifest(layout).status == "interrupted"
    assert layout.report("report.md").is_file()
    again = bench("run", spec, "--resume", folder=tmp_path)
    assert again.returncode == 0, again.stderr
    assert sorted(set(decided(layout))) == sorted(decided(layout))
    assert len(decided(layout)) == TRIALS
    assert set(kept) <= set(decided(layout))


def test_a_changed_spec_is_refused_unless_allowed_and_then_keeps_what_is_alike(tmp_path, spec, server):
    assert bench("run", spec, "--only", "first", "--quiet", folder=tmp_path).returncode == 0
    sent = len(server.log)
    spec.write_text(spec.read_text(encoding="utf-8").replace("rounds: 2", "rounds: 3"), encoding="utf-8")
    refused = bench("run", spec, "--resume", "--quiet", folder=tmp_path)
    assert refused.returncode == 5
    assert "--allow-changed-spec" in refused.stderr
    allowed = bench("run", spec, "--resume", "--allow-changed-spec", "--quiet", folder=tmp_path)
    assert allowed.returncode == 0, allowed.stderr
    assert len(server.log) - sent == 10 + 1  # the third round, and the warm-up
    layout = RunLayout(list_runs(tmp_path / "runs")[-1])
    assert counts(layout) == [("first", 30, 30, 0, 0)]
    assert read_manifest(layout).sessions[-1].spec_changed


def test_failed_trials_are_kept_until_a_retry_is_asked_for(tmp_path, spec, server):
    server.behave(fault="500", fault_first=4)
    assert bench("run", spec, "--only", "first", "--set", "retries=0", "--set", "warmup=0", "--quiet", folder=tmp_path).returncode == 0
    layout = RunLayout(list_runs(tmp_path / "runs")[-1])
    assert counts(layout) == [("first", 20, 16, 4, 0)]
    words = ("run", spec, "--resume", "--set", "retries=0", "--set", "warmup=0", "--quiet")
    assert bench(*words, folder=tmp_path).returncode == 0
    assert counts(layout) == [("first", 20, 16, 4, 0)]
    assert bench(*words, "--retry-failed", folder=tmp_path).returncode == 0
    assert counts(layout) == [("first", 20, 20, 0, 0)]


def test_an_occupied_run_folder_names_its_holder_and_stays_untouched(tmp_path, spec):
    process = start_bench("run", spec, "--set", "rounds=20", folder=tmp_path)
    wait_for_samples(tmp_path, 3, process)
    try:
        second = bench("run", spec, "--set", "rounds=20", "--resume", folder=tmp_path)
        assert second.returncode == 5
        assert str(process.pid) in second.stderr
    finally:
        process.kill()
        process.communicate()
    manifest = msgspec.json.decode(RunLayout(list_runs(tmp_path / "runs")[-1]).manifest.read_bytes(), type=Manifest)
    assert len(manifest.sessions) == 1

"""Models that die, are missing or are asked in unusual ways: each costs its own rows only."""

import os
import signal

import pytest
from harness.command import Here, start_bench
from harness.mock_llm import mock_llm, refusing_endpoint
from harness.published import validated
from harness.written_spec import answers, counts, external, latest, n_samples, owned, states, wait_until, write_spec

from bench.store.reader import read_health, read_statuses


@pytest.fixture
def server():
    with mock_llm(ttft_ms=1, n=4) as running:
        yield running


@pytest.fixture
def run(tmp_path, capsys, monkeypatch):
    return Here(tmp_path, capsys, monkeypatch)


def test_a_server_that_is_killed_while_it_answers_costs_its_own_trials_and_says_why(tmp_path, run, server):
    spec = write_spec(tmp_path, owned("mine", "ttft_ms=60"), external("theirs", server.base_url), prompts=20)
    process = start_bench("run", spec, "--allow-commands", folder=tmp_path)
    wait_until(lambda: n_samples(tmp_path) >= 2, process)
    (status,) = read_statuses(latest(tmp_path))
    os.kill(status.endpoint.pid, signal.SIGKILL)
    out, err = process.communicate(timeout=100)
    layout = latest(tmp_path)
    assert process.returncode == 10, err
    assert "died: mine" in err
    assert "exit 10: required model mine" in err
    assert out.splitlines()[-1] == str(layout.folder.relative_to(tmp_path))
    assert states(layout) == {("mine", "default"): "failed", ("theirs", "default"): "served"}
    assert counts(layout)["theirs", "default"] == (20, 20, 0, 0)
    _, completed, failed, missing = counts(layout)["mine", "default"]
    assert completed >= 2
    assert failed <= 1
    assert completed + failed + missing == 20
    run("run", spec, "--resume", "--retry-failed", "--allow-commands")
    assert counts(layout)["mine", "default"] == (20, 20, 0, 0)


def test_a_dead_optional_model_of_two_changes_no_exit_code(tmp_path, run, server):
    gone = external("gone", refusing_endpoint().base_url, more=", optional: true")
    run("run", write_spec(tmp_path, gone, external("there", server.base_url)))
    assert states(latest(tmp_path)) == {("gone", "default"): "unavailable", ("there", "default"): "served"}
    assert "gone" in latest(tmp_path).report("report.md").read_text(encoding="utf-8")


def test_two_endpoints_that_serve_one_name_are_interleaved_and_kept_apart(tmp_path, run, server):
    with mock_llm(ttft_ms=1, n=2) as other:
        spec = write_spec(tmp_path, external("here", server.base_url), external("there", other.base_url), more="warmup: 1\norder: interleaved")
        run("run", spec)
        assert len(server.log) == len(other.log) == 4
    assert counts(latest(tmp_path)) == {("here", "default"): (3, 3, 0, 0), ("there", "default"): (3, 3, 0, 0)}
    tokens = {(trial.model_id, sample.outcome.usage.completion_tokens) for trial, sample in answers(latest(tmp_path))}
    assert tokens == {("here", 4), ("there", 2)}


def test_variants_change_what_is_sent_and_have_rows_of_their_own(tmp_path, run, server):
    variants = "warmup: 0\nvariants:\n  - {id: short, generation: {max_tokens: 5}}\n  - {id: warm, generation: {temperature: 0.5}}"
    run("run", write_spec(tmp_path, external("m", server.base_url), more=variants))
    assert counts(latest(tmp_path)) == {("m", "short"): (3, 3, 0, 0), ("m", "warm"): (3, 3, 0, 0)}
    assert (
        sorted((truth.body.get("max_tokens"), truth.body.get("temperature")) for truth in server.log if "max_tokens" in truth.body) == [(5, None)] * 3
    )
    assert [truth.body["temperature"] for truth in server.log if "temperature" in truth.body] == [0.5] * 3


def test_answers_that_are_not_streamed_have_a_latency_and_no_time_to_first_token(tmp_path, run, server):
    run("run", write_spec(tmp_path, external("m", server.base_url), more="warmup: 0\ngeneration: {stream: false}"))
    assert not any(truth.body.get("stream") for truth in server.log)
    timings = [sample.timing for _, sample in answers(latest(tmp_path))]
    assert len(timings) == 3
    assert all(timing.first_token_s is None and timing.finished_s > timing.sent_s for timing in timings)
    assert validated(latest(tmp_path).folder)["sample"] == 3


def test_the_official_client_measures_the_same_trials(tmp_path, run, server):
    run("run", write_spec(tmp_path, external("m", server.base_url), more="warmup: 0\nclient: openai-sdk"))
    assert counts(latest(tmp_path)) == {("m", "default"): (3, 3, 0, 0)}
    assert "openai" in server.log[0].headers["user-agent"].lower()


def test_a_model_that_waits_for_its_turn_is_kept_awake_apart_from_the_measured_requests(tmp_path, run, server):
    with mock_llm(ttft_ms=150, n=1) as slow:
        models = (external("quick", server.base_url), external("slow", slow.base_url))
        spec = write_spec(tmp_path, *models, prompts=4, more="warmup: 0\norder: interleaved\nkeep_alive: 100 ms")
        run("run", spec)
    layout = latest(tmp_path)
    assert len(answers(layout)) == 8
    kept = sum(health.keep_alive_requests for health in read_health(layout))
    assert kept > 0
    assert kept == len(server.log) + len(slow.log) - 8

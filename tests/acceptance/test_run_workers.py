"""A load sent by several processes, cut short in every way: the exit code says how, what was measured is kept, and --resume does the rest."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from harness.command import bench, start_bench
from harness.mock_llm import mock_llm
from harness.written_spec import answers, counts, external, latest, n_samples, owned, states, wait_until, write_spec

from bench.records.exchange import Completion
from bench.store.reader import read_manifest, read_statuses, read_summary

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="--workers takes a system that can fork")
LOAD = "warmup: 0\nretries: 0\nload: {kind: closed, concurrency: 4}"
AT_MOST_FAILED = 24  # when its server dies: those in flight, and what their places take while it is looked whether it died
WORKERS = ("--workers", "2", "--no-selftest")


@pytest.fixture
def server():
    with mock_llm(ttft_ms=30, n=2) as running:
        yield running


def workers_of(process):
    """The ids of a run's workers: its children that run the same program."""
    command = Path(f"/proc/{process.pid}/cmdline").read_bytes()
    children = [pid for task in Path(f"/proc/{process.pid}/task").iterdir() for pid in (task / "children").read_text(encoding="ascii").split()]
    return [int(pid) for pid in children if Path(f"/proc/{pid}/cmdline").read_bytes() == command]


def resumed(folder, spec, *, planned, kept):
    """Go on with the run; all trials are then answered once, and nothing that was kept was measured again."""
    before = {sample.trial_id: sample for sample in kept}
    ended = bench("run", spec, "--resume", *WORKERS, "--allow-commands", folder=folder)
    assert ended.returncode == 0, ended.stderr
    assert counts(latest(folder)) == {("m", "default"): (planned, planned, 0, 0)}
    found = [sample for _, sample in answers(latest(folder))]
    assert len({sample.trial_id for sample in found}) == planned
    assert all(sample in found for sample in before.values())


def server_of(model_id, folder):
    """The process id of a server that bench started."""
    return next(status.endpoint.pid for status in read_statuses(latest(folder)) if status.model_id == model_id)


def kept_of(folder):
    return [sample for _, sample in answers(latest(folder)) if isinstance(sample.outcome, Completion)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_all_workers_and_keeps_their_answers(tmp_path, server, number):
    spec = write_spec(tmp_path, external("m", server.base_url), prompts=60, more=LOAD)
    process = start_bench("run", spec, *WORKERS, folder=tmp_path)
    wait_until(lambda: n_samples(tmp_path) >= 6, process)
    process.send_signal(number)
    _, err = process.communicate(timeout=100)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "--resume" in err
    layout = latest(tmp_path)
    assert read_manifest(layout).status == "interrupted"
    kept = kept_of(tmp_path)
    assert 6 <= len(kept) < 60
    assert read_summary(layout).counts[0].missing == 60 - len(kept)
    assert {sample.worker for sample in kept} <= {"w1-1", "w1-2"}
    resumed(tmp_path, spec, planned=60, kept=kept)


def test_an_impatient_user_still_keeps_everything(tmp_path, server):
    spec = write_spec(tmp_path, external("m", server.base_url), prompts=60, more=LOAD)
    process = start_bench("run", spec, *WORKERS, folder=tmp_path)
    wait_until(lambda: n_samples(tmp_path) >= 6, process)
    for _ in range(3):
        process.send_signal(signal.SIGINT)
        time.sleep(0.002)
    _, err = process.communicate(timeout=100)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    resumed(tmp_path, spec, planned=60, kept=kept_of(tmp_path))


def test_a_dead_server_ends_all_workers_and_its_failures_say_so(tmp_path):
    spec = write_spec(tmp_path, owned("m", "ttft_ms=40", "n=2"), prompts=90, more=LOAD)
    process = start_bench("run", spec, *WORKERS, "--allow-commands", folder=tmp_path)
    wait_until(lambda: n_samples(tmp_path) >= 6, process)
    os.kill(server_of("m", tmp_path), signal.SIGKILL)
    _, err = process.communicate(timeout=100)
    assert process.returncode == 10, err
    assert "Traceback" not in err
    layout = latest(tmp_path)
    assert states(layout) == {("m", "default"): "failed"}
    assert "died: m:" in err
    failures = [sample.outcome for _, sample in answers(layout) if not isinstance(sample.outcome, Completion)]
    assert all("the server died" in failure.message for failure in failures)
    kept = kept_of(tmp_path)
    assert len(failures) <= AT_MOST_FAILED
    assert read_summary(layout).counts[0].missing == 90 - len(failures) - len(kept)
    ended = bench("run", spec, "--resume", "--retry-failed", *WORKERS, "--allow-commands", folder=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert counts(layout) == {("m", "default"): (90, 90, 0, 0)}
    assert all(sample in kept_of(tmp_path) for sample in kept)


def test_a_dead_server_costs_no_other_model_its_trials(tmp_path):
    models = (owned("m", "ttft_ms=40", "n=2"), owned("other", "ttft_ms=40", "n=2"))
    spec = write_spec(tmp_path, *models, prompts=45, more=f"{LOAD}\norder: interleaved")
    process = start_bench("run", spec, *WORKERS, "--allow-commands", folder=tmp_path)
    wait_until(lambda: n_samples(tmp_path) >= 6, process)
    os.kill(server_of("m", tmp_path), signal.SIGKILL)
    _, err = process.communicate(timeout=100)
    assert process.returncode == 10, err
    assert states(latest(tmp_path)) == {("m", "default"): "failed", ("other", "default"): "served"}
    assert counts(latest(tmp_path))["other", "default"] == (45, 45, 0, 0)
    _, _, failed, missing = counts(latest(tmp_path))["m", "default"]
    assert failed <= AT_MOST_FAILED
    assert missing > 0


def test_a_killed_worker_ends_the_run_as_an_interrupt_does(tmp_path, server):
    spec = write_spec(tmp_path, external("m", server.base_url), prompts=60, more=LOAD)
    process = start_bench("run", spec, *WORKERS, folder=tmp_path)
    wait_until(lambda: n_samples(tmp_path) >= 6, process)
    os.kill(workers_of(process)[0], signal.SIGKILL)
    _, err = process.communicate(timeout=100)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "a worker was ended by SIGKILL" in err
    assert "--resume" in err
    assert read_manifest(latest(tmp_path)).status == "interrupted"
    kept = kept_of(tmp_path)
    assert 6 <= len(kept) < 60
    resumed(tmp_path, spec, planned=60, kept=kept)


def test_workers_end_when_their_parent_is_killed(tmp_path, server):
    spec = write_spec(tmp_path, external("m", server.base_url), prompts=60, more=LOAD)
    process = start_bench("run", spec, *WORKERS, folder=tmp_path)
    wait_until(lambda: n_samples(tmp_path) >= 6, process)
    assert len(workers_of(process)) == 2
    process.kill()
    _, err = process.communicate(timeout=100)  # ends when they have ended, too: they hold the other end
    assert "Traceback" not in err
    kept = kept_of(tmp_path)
    assert 6 <= len(kept) < 60
    resumed(tmp_path, spec, planned=60, kept=kept)


@pytest.mark.parametrize(
    ("limits", "behaviour", "rule"),
    [("duration: 2 s", {"ttft_ms": 150}, "duration"), ("max_error_rate: 10 %", {"fault": "500"}, "error_rate")],
)
def test_a_stop_rule_ends_all_workers(tmp_path, server, limits, behaviour, rule):
    server.behave(**{"ttft_ms": 20, "n": 2, **behaviour})
    spec = write_spec(tmp_path, external("m", server.base_url), prompts=80, more=f"{LOAD}\nlimits: {{{limits}}}")
    ended = bench("run", spec, *WORKERS, folder=tmp_path)
    assert ended.returncode in ({3} if rule == "error_rate" else {6, 3}), ended.stderr  # 3: a busy machine has no answer by then
    assert "stop rule" in ended.stderr
    assert "stopped:" in ended.stderr
    manifest = read_manifest(latest(tmp_path))
    assert (manifest.status, manifest.sessions[-1].ended_by) == ("stopped", rule)
    planned, _, _, missing = counts(latest(tmp_path))["m", "default"]
    assert 0 < missing < planned + (ended.returncode == 3)
    kept = kept_of(tmp_path)
    server.behave(n=2)
    spec_again = ("run", spec, "--resume", "--retry-failed", *WORKERS)
    for _ in range(planned):  # the limit holds for each session
        ended = bench(*spec_again, folder=tmp_path)
        if ended.returncode == 0:
            break
    assert ended.returncode == 0, ended.stderr
    assert counts(latest(tmp_path)) == {("m", "default"): (80, 80, 0, 0)}
    assert all(sample in kept_of(tmp_path) for sample in kept)


def test_a_disk_that_is_full_ends_all_workers_with_the_file_named(tmp_path, server):
    server.behave(text="long " * 4000, n=1)
    spec = write_spec(tmp_path, external("m", server.base_url), prompts=16, more=LOAD)
    words = f'ulimit -f 64; exec "{sys.executable}" -m bench.cli.main run "{spec}" {" ".join(WORKERS)}'
    ended = subprocess.run(["bash", "-c", words], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)  # noqa: S607
    assert ended.returncode == 5, ended.stderr
    assert "samples/w1-" in ended.stderr
    assert "Traceback" not in ended.stderr
    kept = kept_of(tmp_path) if latest(tmp_path).samples.exists() else []
    server.behave(n=2)
    resumed(tmp_path, spec, planned=16, kept=kept)

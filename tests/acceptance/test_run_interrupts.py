"""Ctrl-C, full disks and closed pipes at every moment: what was measured is kept, found and gone on with."""

import os
import signal
import subprocess
import sys
import time

import msgspec
import pytest
from harness.command import bench, start_bench
from harness.fake_bench import fake_registry, means_for
from harness.mock_llm import mock_llm
from harness.written_spec import answers, counts, external, latest, n_samples, owned, states, wait_until, write_spec

from bench.catalog import CATALOG
from bench.pipeline import run
from bench.registry import Registry
from bench.store.layout import list_runs
from bench.store.lock import RunLock
from bench.store.reader import read_manifest, read_statuses

SLOW_LOADING = (
    f'{{id: slow, runtime: command, command: [{sys.executable}, -c, "import time; time.sleep(60)", "{{port}}"], model: x, load_timeout: 60 s}}'
)


@pytest.fixture
def server():
    with mock_llm(ttft_ms=30, n=2) as running:
        yield running


def interrupt(process, number=signal.SIGINT):
    process.send_signal(number)
    return process.communicate(timeout=100)


def named_folder(out, folder):
    return folder / out.splitlines()[-1] == latest(folder).folder


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_while_a_model_loads_it_ends_at_once_and_every_model_has_a_row(tmp_path, server, number):
    spec = write_spec(tmp_path, external("first", server.base_url), SLOW_LOADING, external("last", server.base_url), prompts=2)
    process = start_bench("run", spec, "--allow-commands", folder=tmp_path)
    wait_until(lambda: list_runs(tmp_path / "runs") and list((latest(tmp_path).logs).glob("slow*.log")), process)
    began = time.monotonic()
    out, err = interrupt(process, number)
    assert time.monotonic() - began < 50  # the server would load for a minute
    assert process.returncode == 130, err
    assert named_folder(out, tmp_path)
    assert f"continue with: bench run {spec} --resume {out.splitlines()[-1]}\n" in err
    assert states(latest(tmp_path)) == {("first", "default"): "served", ("slow", "default"): "skipped", ("last", "default"): "skipped"}
    assert "interrupted" in read_statuses(latest(tmp_path))[1].reason
    assert counts(latest(tmp_path))["first", "default"] == (2, 2, 0, 0)
    assert "skipped" in latest(tmp_path).report("report.md").read_text(encoding="utf-8")


class Interrupted:
    """A runtime whose download the user interrupts."""

    def serve(self, treatment, context):
        context.progress(f"download {treatment.model_id}", 1, 100)
        signal.raise_signal(signal.SIGINT)


def test_while_weights_are_fetched_it_ends_at_once(tmp_path, server):
    spec = write_spec(tmp_path, external("one", server.base_url), external("two", server.base_url))
    means = means_for(spec, tmp_path, registry=Registry({**CATALOG, "runtime": {"external": f"{__name__}:Interrupted"}}))
    before = signal.getsignal(signal.SIGINT)
    ended = run(means)
    assert ended.code == 130
    assert states(latest(tmp_path)) == {("one", "default"): "skipped", ("two", "default"): "skipped"}
    assert read_manifest(latest(tmp_path)).status == "interrupted"
    assert signal.getsignal(signal.SIGINT) is before


class InterruptedReport:
    """A report that the user interrupts."""

    filename = "report.md"

    def render(self, _view, _template):
        raise KeyboardInterrupt


def test_while_reports_are_made_the_run_stays_finished(tmp_path):
    spec = write_spec(tmp_path, external("m", "http://127.0.0.1:1/v1"))
    folders = []
    means = means_for(spec, tmp_path, registry=fake_registry(report={**CATALOG["report"], "markdown": f"{__name__}:InterruptedReport"}))
    with pytest.raises(KeyboardInterrupt):
        run(msgspec.structs.replace(means, on_folder=folders.append))
    assert folders == [latest(tmp_path).folder]
    assert read_manifest(latest(tmp_path)).status == "finished"
    assert RunLock(folders[0]).__enter__().note is None


class Broken:
    """A check that breaks while it decides."""

    def __init__(self, _argument):
        """Take anything."""

    def decide(self, _text):
        raise ZeroDivisionError


def test_a_bug_in_a_stage_leaves_no_run_that_seems_to_go_on(tmp_path):
    spec = write_spec(tmp_path, external("m", "http://127.0.0.1:1/v1"))
    spec.write_text(spec.read_text(encoding="utf-8").replace("Say 0.}", "Say 0., aspects: [{id: x, check: {max_words: 9}}]}"), encoding="utf-8")
    means = means_for(spec, tmp_path, registry=fake_registry(check={**CATALOG["check"], "max_words": f"{__name__}:Broken"}))
    with pytest.raises(ZeroDivisionError):
        run(means)
    manifest = read_manifest(latest(tmp_path))
    assert (manifest.status, manifest.sessions[-1].ended_by) == ("failed", "error")


def test_while_answers_come_a_second_one_insists_and_still_keeps_everything(tmp_path, server):
    server.behave(ttft_ms=60, n=1)
    process = start_bench("run", write_spec(tmp_path, external("m", server.base_url), prompts=40), folder=tmp_path)
    wait_until(lambda: n_samples(tmp_path) >= 2, process)
    process.send_signal(signal.SIGINT)
    out, err = interrupt(process)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert named_folder(out, tmp_path)
    assert len(answers(latest(tmp_path))) >= 2
    assert read_manifest(latest(tmp_path)).status == "interrupted"


def test_between_two_models_the_facts_of_an_earlier_session_are_kept(tmp_path, server):
    models = (external("first", server.base_url), external("second", server.base_url))
    spec = write_spec(tmp_path, *models, prompts=10, more="warmup: 0\norder: interleaved")
    process = start_bench("run", spec, folder=tmp_path)
    wait_until(lambda: n_samples(tmp_path) >= 8, process)
    interrupt(process)
    assert set(states(latest(tmp_path)).values()) == {"served"}


def test_what_a_killed_server_leaves_is_nothing(tmp_path):
    process = start_bench("run", write_spec(tmp_path, owned("mine", "ttft_ms=50"), prompts=40), "--allow-commands", folder=tmp_path)
    wait_until(lambda: n_samples(tmp_path) >= 1, process)
    server = read_statuses(latest(tmp_path))[0].endpoint.pid
    interrupt(process)
    with pytest.raises(ProcessLookupError):
        os.kill(server, 0)


@pytest.mark.skipif(sys.platform == "win32", reason="limits of file sizes are POSIX")
def test_a_disk_that_is_full_ends_the_run_with_the_file_named_and_the_manifest_says_so(tmp_path, server):
    server.behave(text="long " * 4000, n=1)
    spec = write_spec(tmp_path, external("m", server.base_url), prompts=12)
    words = f'ulimit -f 64; exec "{sys.executable}" -m bench.cli.main run "{spec}"'
    ended = subprocess.run(["bash", "-c", words], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)  # noqa: S607
    layout = latest(tmp_path)
    assert ended.returncode == 5, ended.stderr
    assert "samples/w1.jsonl" in ended.stderr
    assert "--resume" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert named_folder(ended.stdout, tmp_path)
    assert [session.ended_by for session in read_manifest(layout).sessions] == ["error"]
    assert read_manifest(layout).status == "failed"
    again = bench("run", spec, "--resume", folder=tmp_path)
    assert again.returncode == 0, again.stderr
    assert counts(layout) == {("m", "default"): (12, 12, 0, 0)}


def test_a_killed_run_has_a_report_with_its_grades_and_the_next_session_says_who_was_killed(tmp_path, server):
    spec = write_spec(tmp_path, external("m", server.base_url), prompts=40)
    spec.write_text(spec.read_text(encoding="utf-8").replace("Say 0.}", "Say 0., aspects: [{id: short, check: {max_words: 9}}]}"), encoding="utf-8")
    process = start_bench("run", spec, folder=tmp_path)
    wait_until(lambda: n_samples(tmp_path) >= 25, process)
    process.kill()
    process.communicate()
    layout = latest(tmp_path)
    assert read_manifest(layout).status == "running"
    shown = bench("report", folder=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert layout.grades_of("checks").exists()
    again = bench("run", spec, "--resume", folder=tmp_path)
    assert again.returncode == 0, again.stderr
    assert f"process {process.pid}" in again.stderr
    assert [session.ended_by for session in read_manifest(layout).sessions] == ["killed", "finished"]


def test_a_log_that_nobody_reads_any_more_does_not_end_a_run(tmp_path, server):
    process = start_bench("run", write_spec(tmp_path, external("m", server.base_url), prompts=6), folder=tmp_path)
    process.stderr.close()
    with process.stdout as stream:
        out = stream.read()
    assert process.wait(100) == 0
    assert named_folder(out, tmp_path)

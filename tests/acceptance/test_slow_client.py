"""A client that is too slow says so on top of everything; one that is not does not."""

import os
import subprocess
import sys

import pytest
from harness.fake_bench import means_for
from harness.mock_llm import mock_llm
from msgspec.structs import replace

from bench import measure, pipeline
from bench.catalog import CATALOG, REGISTRY
from bench.execute import delivered
from bench.registry import Registry
from bench.store.layout import RunLayout, list_runs
from bench.store.reader import read_manifest, read_summary

SPEC = """\
bench: 1
name: s
version: 1.0.0
models: [{id: m, runtime: external, model: mock, base_url: "URL"}]
prompts: [{id: p, user: "Hello [[ttft_ms=5 itl_ms=2 n=8]]"}]
load: {kind: closed, concurrency: 4}
rounds: ROUNDS
"""
SLOW = Registry({**CATALOG, "provider": {**CATALOG["provider"], "wire": "harness.rulers:Blocking"}})


def write(folder, server, rounds=8):
    path = folder / "s.yaml"
    path.write_text(SPEC.replace("URL", server.base_url).replace("ROUNDS", str(rounds)), encoding="utf-8")
    return path


def test_a_client_that_blocks_its_own_loop_is_reported_as_saturated(tmp_path):
    with mock_llm() as server:
        ended = pipeline.run(means_for(write(tmp_path, server), tmp_path, registry=SLOW))
    layout = RunLayout(ended.folder)
    assert read_summary(layout).client_saturated
    assert read_manifest(layout).client_saturated
    assert ended.view.cautions[0].startswith("Client saturated")
    report = (ended.folder / "report.md").read_text(encoding="utf-8")
    assert report.index("Client saturated") < report.index("## Results")


def test_a_quiet_client_is_not(tmp_path, monkeypatch):
    """What the loop says of itself is set to what a quiet machine shows: the tests run on busy ones, too."""
    really = measure.run_block

    async def quiet(*arguments):
        return replace(await really(*arguments), lag_p50_s=0.0001, lag_p99_s=0.0012, lag_max_s=0.002, cpu_share=0.1)

    monkeypatch.setattr(measure, "run_block", quiet)
    monkeypatch.setattr(delivered, "_SCHEDSTAT", tmp_path / "no such file")
    with mock_llm() as server:
        ended = pipeline.run(means_for(write(tmp_path, server), tmp_path, registry=REGISTRY))
    summary = read_summary(RunLayout(ended.folder))
    assert not summary.client_saturated
    assert read_manifest(RunLayout(ended.folder)).client_saturated is False
    assert not any("Client saturated" in caution or "limit of the load" in caution for caution in ended.view.cautions)


@pytest.mark.slow
@pytest.mark.skipif(not delivered._SCHEDSTAT.exists(), reason="only Linux says how long a thread waited for a processor")
def test_a_busy_process_on_its_only_core_is_noticed(tmp_path):
    core = min(os.sched_getaffinity(0))
    pinned = f"import os; os.sched_setaffinity(0, {{{core}}})"
    command = f"{pinned}; import sys; from bench.cli.main import main; sys.exit(main(sys.argv[1:]))"
    with mock_llm() as server, subprocess.Popen([sys.executable, "-c", f"{pinned}\nwhile True: pass"]) as busy:
        try:
            words = ("run", str(write(tmp_path, server, rounds=200)), "--quiet", "--no-selftest")
            environ = {**os.environ, "BENCH_CACHE": str(tmp_path / "cache")}
            subprocess.run([sys.executable, "-c", command, *words], cwd=tmp_path, env=environ, capture_output=True, check=True, timeout=60)
        finally:
            busy.kill()
    (folder,) = list_runs(tmp_path / "runs")
    summary = read_summary(RunLayout(folder))
    assert summary.health[0].cpu_wait_share > 0.25
    assert summary.client_saturated

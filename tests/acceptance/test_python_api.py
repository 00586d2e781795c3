"""The public Python API: what a script and a notebook do with it."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from harness.mock_llm import mock_llm
from harness.written_spec import external, write_spec

import bench
from bench.errors import Exit, RunFolderError, SpecError, UsageError
from bench.records.sample import Sample

GATED = """warmup: 0
gates:
  - {metric: error_rate, max: 0, on_noise: value}
  - {metric: completion_tokens, min: 100, on_noise: value}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run by the API, what it told, and where."""
    folder = tmp_path_factory.mktemp("api")
    told = []
    with mock_llm(n=4) as server:
        spec = write_spec(folder, external("m", server.base_url), more=GATED)
        run = bench.run(spec, runs=folder / "runs", environ={}, overrides={"rounds": 2, "name": "by-api"}, progress=told.append)
    return run, told, folder


def test_a_run_says_how_it_ended_and_where_it_lies(made):
    run, told, folder = made
    assert run.code == Exit.GATE_FAILED
    assert "completion_tokens" in run.reasons[0].message
    assert run.folder.parent == folder / "runs" / "by-api"
    assert run.manifest.sessions[0].command == ("bench.run", str(folder / "spec.yaml"))
    assert "m [default]: served" in told
    assert "m: 6 of 6" in told
    assert {"report.md", "report.csv", "report.html"} <= set(run.reports)
    assert "by-api: finished" in repr(run)


def test_rows_are_ready_for_a_table(made):
    run, _, _ = made
    (ttft,) = [row for row in run.estimates("ttft") if row["statistic"] == "p50" and "prompt_id" not in row]
    assert (ttft["model_id"], ttft["unit"]) == ("m", "s")
    assert ttft["value"] > 0
    assert {row["metric"] for row in run.estimates()} > {"ttft", "latency"}
    answers = list(run.answers())
    assert len(answers) == 6
    assert all(row["text"] and row["failure"] is None and 0 < row["ttft_s"] <= row["latency_s"] for row in answers)
    assert {row["prompt_id"] for row in answers} == {"p0", "p1", "p2"}
    (model,) = run.models()
    assert (model["model_id"], model["state"], model["completed"], model["transport"], model["served_model"]) == ("m", "served", 6, "http", "mock")
    assert [gate.outcome for gate in run.gates] == ["pass", "fail"]
    assert run.selection is None
    assert run.comparisons() == run.costs() == list(run.grades()) == []
    assert all(isinstance(sample, Sample) for sample in run.samples())


def test_a_run_is_loaded_by_whatever_names_it(made):
    run, _, folder = made
    for which in (run.folder, run.manifest.run_id, "by-api", "latest"):
        loaded = bench.load(which, runs=folder / "runs")
        assert (loaded.folder, loaded.code) == (run.folder, None)
        assert loaded.summary == run.summary
    with pytest.raises(RunFolderError):
        bench.load("no-such-run", runs=folder / "runs")


def test_a_run_without_a_summary_is_summarised_when_it_is_asked(made):
    run, _, folder = made
    before = run.summary
    (run.folder / "summary.json").unlink()
    assert bench.load(runs=folder / "runs").summary == before
    assert [path.name for path in run.report("csv")] == ["summary.json", "report.csv"]


def test_runs_are_compared(made, tmp_path):
    run, _, _ = made
    with mock_llm(n=4) as server:
        spec = write_spec(tmp_path, external("m", server.base_url))
        again = bench.run(spec, runs=tmp_path / "runs", environ={}, overrides={"name": "by-api"})
        rest = bench.run(spec, runs=tmp_path / "runs", environ={}, overrides={"name": "by-api"}, resume=True)
    assert again.code == rest.code == Exit.OK
    assert rest.folder == again.folder
    found = again.compare(run, metrics=("latency",))
    assert (found.base.run_id, found.head.run_id) == (run.manifest.run_id, again.manifest.run_id)
    assert {change.metric for change in found.changes} == {"latency"}


def test_it_works_where_an_event_loop_runs_as_in_a_notebook(tmp_path):
    with mock_llm(n=2) as server:
        spec = write_spec(tmp_path, external("m", server.base_url), prompts=1)

        async def cell():
            run = bench.run(spec, runs=tmp_path / "runs", environ={})
            return run.code, len(list(run.answers())), run.report("markdown")[-1].name, run.compare(run).aligned

        assert asyncio.run(cell()) == (Exit.OK, 1, "report.md", 1)
        with pytest.raises(UsageError):  # what goes wrong goes on through the thread
            asyncio.run(fails(spec, tmp_path))


async def fails(spec, tmp_path):
    bench.run(spec, runs=tmp_path / "runs", environ={}, only=("nothing",))


def test_a_wrong_spec_is_an_exception_of_bench_with_every_finding(tmp_path):
    spec = write_spec(tmp_path, external("m", "http://localhost:9/v1"), more="wormup: 0\nrounds: none")
    with pytest.raises(SpecError) as caught:
        bench.run(spec, environ={})
    assert {found.code for found in caught.value.diagnostics} == {found.code for found in bench.validate(spec, environ={})}
    assert len(caught.value.diagnostics) == 2
    with pytest.raises(UsageError, match="there is no file"):
        bench.run(tmp_path / "none.yaml")
    assert bench.validate(write_spec(tmp_path, external("m", "http://localhost:9/v1")), environ={}) == ()


def test_nothing_is_written_to_the_terminal(tmp_path, capfd):
    with mock_llm(n=2) as server:
        bench.run(write_spec(tmp_path, external("m", server.base_url), prompts=1), runs=tmp_path / "runs", environ={})
    assert capfd.readouterr() == ("", "")


def test_the_package_itself_loads_nothing_until_it_is_asked():
    code = "import sys, bench; print(len([name for name in sys.modules if name.startswith('bench')]), dir(bench).count('run')); bench.no_such_name"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.split()[0] == "1"
    assert "module 'bench' has no attribute 'no_such_name'" in done.stderr


def test_a_users_program_is_typed(tmp_path):
    program = Path(__file__).parents[1] / "harness" / "api_use.py"
    words = [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "--follow-imports=silent", "--cache-dir", tmp_path, program]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stdout

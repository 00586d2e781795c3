"""A run says how wrong its client is: by a self-test of its own, by one of the last days, or not at all."""

import datetime

import msgspec
import pytest
from harness.fake_bench import means_for
from harness.mock_llm import mock_llm
from harness.published import validator
from harness.rulers import selftest

from bench import pipeline
from bench import selftest as program
from bench.catalog import REGISTRY
from bench.errors import RunFolderError
from bench.store.calibration import keep
from bench.store.layout import RunLayout
from bench.store.reader import read_manifest, read_selftest, read_summary
from bench.telemetry.inventory import machine, packages

SPEC = """\
bench: 1
name: s
version: 1.0.0
models: [{id: m, runtime: external, model: mock, base_url: "URL"}]
prompts: [{id: p, user: Hello}]
load: {kind: closed, concurrency: 2}
rounds: 4
"""


@pytest.fixture(autouse=True)
def _briefly(monkeypatch):
    monkeypatch.setattr(program, "_BRIEF_S", 0.01)


@pytest.fixture
def run(tmp_path):
    def go(**options):
        with mock_llm(n=3, itl_ms=1) as server:
            (tmp_path / "s.yaml").write_text(SPEC.replace("URL", server.base_url), encoding="utf-8")
            means = means_for(tmp_path / "s.yaml", tmp_path, registry=REGISTRY, **options)
            ended = pipeline.run(means)
        return ended, means.progress.notes

    return go


def kept(tmp_path, **changes):
    now = datetime.datetime.now(datetime.UTC)
    here = {"machine": machine(), "bench_version": packages().get("bench-spec", "unknown"), "concurrency": 2}
    found = selftest(**{**here, "measured_at": f"{now:%Y-%m-%dT%H:%M:%S+00:00}", **changes})
    keep(tmp_path / "cache", found)
    return found


def test_a_self_test_that_is_asked_for_is_in_the_run_and_bounds_its_figures(run, tmp_path):
    ended, notes = run(selftest=True)
    layout = RunLayout(ended.folder)
    found = msgspec.json.decode(layout.selftest.read_bytes())
    validator("selftest").validate(found)
    assert (found["concurrency"], found["failed"]) == (2, 0)
    assert read_summary(layout).selftest == read_selftest(layout)
    assert notes[-1] == f"self-test: {found['verdict']}"
    assert "by self-test at concurrency 2" in (ended.folder / "report.md").read_text(encoding="utf-8")
    assert list((tmp_path / "cache" / "selftest").iterdir())


def test_a_short_run_is_not_prolonged(run, tmp_path):
    ended, _ = run()
    assert not RunLayout(ended.folder).selftest.exists()
    assert read_summary(RunLayout(ended.folder)).selftest is None
    assert not (tmp_path / "cache" / "selftest").exists()


def test_a_kept_one_of_the_same_setting_is_taken(run, tmp_path):
    found = kept(tmp_path)
    ended, _ = run()
    assert read_summary(RunLayout(ended.folder)).selftest == found


def test_a_kept_one_of_another_setting_is_not(run, tmp_path):
    kept(tmp_path, concurrency=3)
    assert read_summary(RunLayout(run()[0].folder)).selftest is None


def test_none_is_taken_where_none_is_wanted(run, tmp_path):
    kept(tmp_path)
    assert read_summary(RunLayout(run(selftest=False)[0].folder)).selftest is None


def test_a_long_run_is_worth_one(run, monkeypatch):
    monkeypatch.setattr(program, "_WORTH_IT_S", 0.0)
    assert read_summary(RunLayout(run()[0].folder)).selftest is not None


def test_a_self_test_that_cannot_be_made_costs_no_run(run, monkeypatch):
    monkeypatch.setattr(program.sys, "executable", "/bin/false")
    ended, notes = run(selftest=True)
    assert notes[-1].startswith("self-test: the self-test's server did not start")
    assert read_manifest(RunLayout(ended.folder)).status == "finished"
    assert ended.code == 0


@pytest.mark.parametrize("place", ["cache", "selftest.json"])
def test_a_result_that_cannot_be_kept_costs_no_run(run, monkeypatch, place):
    def refused(*_):
        raise RunFolderError(f"cannot write {place}")

    monkeypatch.setattr(program, {"cache": "keep", "selftest.json": "write_json"}[place], refused)
    ended, notes = run(selftest=True)
    assert notes[-1] == f"self-test: cannot write {place}"
    assert ended.code == 0


def test_an_interrupted_self_test_costs_no_run(run, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(program, "run_selftest", interrupted)
    ended, notes = run(selftest=True)
    assert notes[-1] == "the self-test was interrupted; all answers are kept"
    assert ended.code == 0


def test_manifest_says_whether_the_client_kept_up_and_is_not_written_again(run):
    ended, _ = run()
    layout = RunLayout(ended.folder)
    assert read_manifest(layout).client_saturated is read_summary(layout).client_saturated
    before = {path.name: path.read_bytes() for path in ended.folder.iterdir() if path.is_file() and path.name != ".lock"}
    pipeline.conclude(layout, REGISTRY)
    assert {name: (ended.folder / name).read_bytes() for name in before} == before


def test_load_that_was_put_on_is_on_record(run):
    health = read_summary(RunLayout(run()[0].folder)).health[0]
    assert (health.requests, health.asked_in_flight) == (4, 2)
    assert health.new_connections <= 1  # the warm-up has opened the other one

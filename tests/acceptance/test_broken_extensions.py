"""Extensions that break in a real run: each is told with its package where it belongs, and everything else is there."""

import json

import pytest
from harness.command import bench
from harness.foreign import install
from harness.mock_llm import mock_llm
from harness.written_spec import external, write_spec

from bench.errors import Exit
from bench.store.layout import RunLayout
from bench.store.reader import read_statuses, read_summary

CODE = """
import os, sys
print("imported")
os.write(1, b"from native code\\n")

class Runtime:
    def serve(self, treatment, context):
        raise SystemExit("no such weights")

class Adapter:
    def load(self, settings):
        print("loading")
    def generate(self, messages, settings):
        if "1" in messages[0]["content"]:
            raise RuntimeError("no CUDA")
        print("talking")
        return "Said."

class Check:
    def __init__(self, argument):
        pass
    def decide(self, text):
        return 1 / 0

class Metric:
    unit, better, aggregate = "s", "lower", "mean"
    def measure(self, seen):
        raise KeyError("nothing")

class Cost:
    def __init__(self, settings):
        pass
    def run_cost(self, basis):
        return "cheap"

class Report:
    filename = "report.bad.txt"
    def render(self, view, template):
        raise OSError("no paper")

class Load:
    concurrency = 2
    def __init__(self, load):
        pass
    def arrivals(self, n, seed):
        return [3.0, 2.0, 1.0] * n
"""
POINTS = {
    "runtime": {"bad": "Runtime", "half": "Adapter"},
    "check": {"bad": "Check", "not_contains": "Check"},
    "metric": {"bad": "Metric", "unmade": "no_such_module_of_it:It"},
    "cost": {"bad": "Cost"},
    "report": {"bad": "Report"},
    "load": {"bad": "Load"},
}
MORE = """warmup: 0
cost: {model: bad}
report: {formats: [bad, markdown, csv]}
gates: [{metric: bad, max: 1, model: half}]
"""
WHOSE = "of broken-package 0.9 broke"


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packages")
    install(folder, POINTS, CODE, name="broken-package", version="0.9", module="broken_package")
    return folder


@pytest.fixture(scope="module")
def ran(packages, tmp_path_factory):
    folder = tmp_path_factory.mktemp("work")
    with mock_llm(n=3) as server:
        models = (external("fine", server.base_url), "{id: bad, runtime: bad, optional: true}", "{id: half, runtime: half}")
        spec = write_spec(folder, *models, prompts=2, more=MORE)
        check = "aspects: [{id: polite, check: {bad: x}}, {id: there, check: {not_contains: zebra}}]"
        spec.write_text(spec.read_text().replace("user: Say 0.}", f'user: "Say 0.", {check}}}'))
        done = bench("run", spec, folder=folder, environ={"PYTHONPATH": str(packages)})
    assert done.stdout, done.stderr
    return done, RunLayout(folder / done.stdout.splitlines()[-1])


def test_the_run_ends_with_all_that_could_be_measured_and_says_what_could_not(ran):
    done, layout = ran
    assert done.returncode == Exit.MISSING_EXTENSION, done.stderr
    assert "bug in bench" not in done.stderr
    summary = read_summary(layout)
    assert {each.model_id: (each.completed, each.failures) for each in summary.counts} == {
        "fine": (2, {}), "bad": (0, {}), "half": (1, {"extension": 1}),
    }  # fmt: skip
    states = {each.model_id: each for each in read_statuses(layout)}
    assert states["bad"].state == "failed"
    assert f"runtime 'bad' {WHOSE} when it served a model: SystemExit: no such weights" in states["bad"].reason
    assert layout.report("report.md").exists()
    assert layout.report("report.csv").exists()
    assert not layout.report("report.bad.txt").exists()
    assert f"exit 4: report 'bad' {WHOSE} on a report: OSError: no paper" in done.stderr


def test_what_has_no_value_says_why(ran):
    _, layout = ran
    summary = read_summary(layout)
    notes = [note for note in summary.notes if WHOSE in note]
    assert [note for note in notes if note.startswith(f"metric 'bad' {WHOSE} on an answer: KeyError: 'nothing' (")]
    assert any("no_such_module_of_it" in note for note in summary.notes)
    assert all(cost.amount is None and WHOSE in cost.note for cost in summary.costs if cost.per == "run")
    aspects = {each.group.aspect_id: each for each in summary.aspects if each.group.model_id == "fine"}
    assert (aspects["polite"].graded, aspects["polite"].failed) == (0, 1)
    assert aspects["there"].passed == 1  # a name of bench's own is bench's
    (gate,) = summary.gates
    assert gate.outcome == "undecided"
    grades = [json.loads(line) for line in layout.grades_of("checks").read_text().splitlines()]
    assert any(WHOSE in aspect.get("detail", "") for grade in grades for aspect in grade["aspects"])


def test_standard_output_holds_results_and_nothing_that_an_extension_prints(ran):
    done, _ = ran
    for words in ("imported", "from native code", "loading", "talking"):
        assert words not in done.stdout
        assert words in done.stderr


def test_tracebacks_are_in_the_log(ran):
    done, layout = ran
    log = (layout.logs / "extensions.log").read_text()
    assert "ZeroDivisionError: division by zero" in log
    assert "    return 1 / 0\n" in log
    assert 'raise OSError("no paper")' in log
    assert "logs/extensions.log" in done.stderr


def test_a_load_shape_that_cannot_run_ends_it_before_anything_is_sent(packages, tmp_path):
    with mock_llm(n=3) as server:
        spec = write_spec(tmp_path, external("fine", server.base_url), more="load: {kind: bad}")
        done = bench("run", spec, folder=tmp_path, environ={"PYTHONPATH": str(packages)})
        assert not [seen for seen in server.log if seen.path.endswith("completions")]
    assert done.returncode == Exit.MISSING_EXTENSION
    assert f"load 'bad' {WHOSE} when asked for arrivals: expected seconds that never fall, here from 3" in done.stderr
    assert not (tmp_path / "runs").exists()


def test_a_judge_must_be_asked_over_http(packages, tmp_path):
    with mock_llm(n=3) as server:
        judge = "judges: {mine: {runtime: half}}\njudge: {use: mine}"
        spec = write_spec(tmp_path, external("fine", server.base_url), prompts=1, more=judge)
        spec.write_text(spec.read_text().replace("user: Say 0.}", "user: Say 0., aspects: [{id: a, expect: It is said.}]}"))
        done = bench("run", spec, folder=tmp_path, environ={"PYTHONPATH": str(packages)})
    assert done.returncode == Exit.JUDGE_UNUSABLE
    assert "the judge 'mine' is not asked over HTTP (in-process), and a judge must be" in done.stderr

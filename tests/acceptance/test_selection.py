"""The decision by the commands a user types: in a run, made again by a report, and beside another run's."""

import csv
import json

import pytest
from harness.command import Here
from harness.planted import planted_run

QUICK = "selection: {weights: {quality: 3, latency: 1}, require: {latency: {max: 10 s}}}"
TOO_FAST = "selection: {weights: {quality: 3, latency: 1}, require: {latency: {max: 1 ms}}}"


@pytest.fixture
def bench(tmp_path, capsys, monkeypatch):
    return Here(tmp_path, capsys, monkeypatch)


def test_decision_stands_on_top_of_every_report_and_is_made_again_from_the_lines(tmp_path, bench):
    run = planted_run(tmp_path, more=QUICK)
    decision = json.loads(run.summary.read_bytes())["selection"]
    assert (
        decision["sentence"]
        == "Choose m: it is the only model that was measured, and it meets all requirements, in all of 2,000 resamples of the 12 prompts."
    )
    bench("report", run.folder, "--formats", "markdown,html,csv,json")
    again = json.loads(run.summary.read_bytes())["selection"]
    assert (again["sentence"], again["candidates"]) == (decision["sentence"], decision["candidates"])
    assert run.report("report.md").read_text(encoding="utf-8").split("\n\n")[1].startswith("**Choose m: ")
    assert run.report("report.html").read_text(encoding="utf-8").index("Choose m: ") < run.report("report.html").read_text(encoding="utf-8").index(
        "Results"
    )
    rows = list(csv.DictReader(run.report("report.csv").read_text(encoding="utf-8").splitlines()))
    assert [(row["model_id"], row["state"]) for row in rows if row["kind"] == "selection"] == [("m", "clear")]
    assert [(row["metric"], row["state"]) for row in rows if row["kind"] == "requirement"] == [("latency", "met")]


def test_two_runs_that_decide_otherwise_are_told_so(tmp_path, bench):
    base, head = planted_run(tmp_path, more=QUICK), planted_run(tmp_path, more=TOO_FAST)
    said = bench("compare", base.folder, head.folder).stdout
    assert "decision: base chooses m (clear, wins in 100 % of its resamples); head finds none that meets the requirements: another one" in said
    assert said.rstrip().endswith("another decision")
    found = json.loads(bench("compare", base.folder, head.folder, "--format", "json").stdout)
    assert (found["base"]["chosen"]["who"]["model_id"], found["head"]["chosen"]) == ("m", {"verdict": "none"})
    bench("baseline", "store", base.folder)
    assert "another decision" in bench("compare", "baseline", head.folder, "--format", "markdown").stdout


def test_runs_that_decide_alike_or_not_at_all_are_told_in_one_line_or_none(tmp_path, bench):
    base, head = planted_run(tmp_path, more=QUICK), planted_run(tmp_path, more=QUICK)
    said = bench("compare", base.folder, head.folder).stdout
    assert "decision: base chooses m (clear, wins in 100 % of its resamples); head chooses m (clear" in said
    assert "another" not in said
    assert "decision:" not in bench("compare", base.folder, planted_run(tmp_path).folder).stdout

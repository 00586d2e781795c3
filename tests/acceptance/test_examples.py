"""Every example spec runs from end to end with made-up models, and everything it writes is as its schema says."""

import pytest
from harness.fake_bench import means_for
from harness.published import validated
from harness.source_tree import ROOT

from bench.errors import Exit
from bench.pipeline import run

SPECS = sorted((ROOT / "specs").glob("*.yaml"))


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_example_runs_and_reports(path, tmp_path):
    environ = {"HOSTED_KEY": "made-up"}
    means = means_for(path, tmp_path, environ=environ)
    ended = run(means)
    # A made-up model measures, but cannot judge: tests/live runs the example with its real judge.
    # Gates on quality are open without a judge, and a gate that two made-up answers cannot decide is undecided.
    codes = {reason.code for reason in ended.reasons}
    assert codes <= {Exit.JUDGE_UNUSABLE, Exit.GATE_UNDECIDED}
    assert (Exit.JUDGE_UNUSABLE in codes) is (means.loaded.spec.judge is not None)
    assert (ended.view.summary.selection is not None) is (means.loaded.spec.selection is not None)
    counts = ended.view.summary.counts
    assert sum(each.completed for each in counts) == sum(each.planned for each in counts) > 0
    assert not sum(each.missing + each.failed for each in counts)
    for name in ("report.md", "report.csv", "report.html", "summary.json", "run.json", "plan.jsonl", "spec.resolved.yaml", "inputs"):
        assert (ended.folder / name).exists(), name
    assert validated(ended.folder)

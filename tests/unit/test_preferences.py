"""From a judge's lines about pairs, through the summary, to the report."""

import pytest
from harness.fake_bench import fake_registry, means_for
from harness.published import validated
from harness.written_spec import external, latest, write_spec

from bench.pipeline import conclude, run
from bench.records.grade import PairGrade
from bench.store.reader import read_plan, read_summary
from bench.store.writer import LineWriter

MORE = "warmup: 0\nrounds: 1\nreport: {formats: [json, markdown]}"


@pytest.fixture
def layout(tmp_path):
    spec = write_spec(tmp_path, external("alpha", "http://a.invalid/v1"), external("beta", "http://b.invalid/v1"), prompts=10, more=MORE)
    run(means_for(spec, tmp_path))
    return latest(tmp_path)


def test_preferences_of_a_judge_reach_the_summary_and_the_report(layout):
    assert not any(one.metric == "preferred" for one in read_summary(layout).comparisons)
    trials = {(trial.model_id, trial.prompt_id): trial.id for block in read_plan(layout).blocks for trial in block.trials}
    layout.pairs.mkdir()
    writer = LineWriter(layout.pairs_of("local-pairwise"))
    for prompt_id in sorted({prompt_id for _, prompt_id in trials}):
        first, second = trials["alpha", prompt_id], trials["beta", prompt_id]
        line = {"grader_id": "local-pairwise", "grader_digest": "d", "state": "graded", "preferred": "second"}
        writer.append(PairGrade(first_trial_id=first, second_trial_id=second, **line))
    writer.close()
    conclude(layout, fake_registry())
    (found,) = [one for one in read_summary(layout).comparisons if one.metric == "preferred"]
    assert (found.a.model_id, found.wins, found.verdict, found.grader_id) == ("beta", 10, "better", "local-pairwise")
    assert "beta is preferred to alpha" in layout.report("report.md").read_text("utf-8")
    assert validated(layout.folder)["summary"] == 1

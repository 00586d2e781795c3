"""By what a run is graded, and whose grades count."""

import pytest
from harness.runs import run_folder

from bench.catalog import REGISTRY
from bench.errors import UsageError
from bench.grading import UnusableJudge, look_ahead, primary, scoring, with_grading
from bench.records.judging import JudgeRecord
from bench.records.spec import Aspect, JudgeSpec, Message, ModelSpec, Prompt, Rubric, Spec
from bench.store.create import write_json


def prompt(name, text="?", **more):
    return Prompt(id=name, messages=(Message(role="user", content=text),), **more)


def spec(*prompts, **more):
    return Spec(bench=1, name="x", version="1.0.0", digest="d", models=(ModelSpec(id="m", runtime="external"),), prompts=prompts, **more)


def record(name, **more):
    return JudgeRecord(**{"grader_id": name, "grader_digest": "d", "judge_id": name, "method": "aspects", "state": "served"} | more)


def test_a_later_spec_brings_what_is_graded_and_nothing_of_what_was_measured():
    asked = Aspect(id="a", expect="Says so")
    later = spec(
        prompt("p", aspects=(asked,), rubric="r", reference="so"), prompt("q", "other words", aspects=(asked,)), rubrics=(Rubric(id="r"),), rounds=9
    )
    both = with_grading(spec(prompt("p", tags=("t",)), prompt("q", aspects=(asked,)), rounds=2), later)
    p, q = both.prompts
    assert (p.aspects, p.rubric, p.reference, p.tags) == ((asked,), "r", "so", ("t",))
    assert q.aspects == ()  # it was asked in other words than the later spec's
    assert (both.rounds, both.rubrics) == (2, later.rubrics)


def test_a_spec_of_other_prompts_is_refused():
    with pytest.raises(UsageError, match="no prompt of this spec is one of the run's"):
        with_grading(spec(prompt("p")), spec(prompt("p", "!")))


def of_judges(tmp_path, *records, judge=None):
    layout = run_folder(tmp_path)
    for each in records:
        write_json(layout.judge_of(each.grader_id), each)
    return scoring(layout, spec(prompt("p", rubric="r"), rubrics=(Rubric(id="r"),), judge=judge))["p"]


def test_without_judges_every_grade_counts(tmp_path):
    found = of_judges(tmp_path)
    assert (found.counting, found.judge, found.rubric) == (None, None, Rubric(id="r"))


def test_a_judge_whose_word_is_not_taken_is_left_out_and_the_others_stay(tmp_path):
    found = of_judges(tmp_path, record("good", may_count=True), record("coin"))
    assert found.counting == {"checks", "people", "good"}


def test_the_runs_judge_is_the_one_its_spec_names():
    judges = (record("a"), record("b-score"), record("c", state="unavailable"))
    named = spec(prompt("p"), judge=JudgeSpec(use="b", method="score"))
    assert primary(named, judges).grader_id == "b-score"
    assert primary(spec(prompt("p"), judge=JudgeSpec(use="c")), judges).grader_id == "a"
    assert primary(spec(prompt("p")), ()) is None


@pytest.mark.parametrize(
    ("judge", "words"),
    [
        (JudgeSpec(use="j", settings={"samples": 0}), "samples"),
        (JudgeSpec(use="j", method="panel"), "members"),
        (JudgeSpec(use="j", method="samples", settings={"temperature": 0}), "temperature"),
    ],
)
def test_settings_that_make_no_sense_are_found_without_a_judge(tmp_path, judge, words):
    with pytest.raises(UnusableJudge, match=words):
        look_ahead(spec(prompt("p"), judge=judge), tmp_path, REGISTRY)


@pytest.mark.parametrize("judge", [None, JudgeSpec(use="j"), JudgeSpec(use="j", method="human"), JudgeSpec(use="j", method="pairwise"),
                                   JudgeSpec(use="j", method="panel", settings={"members": ["k"]})])  # fmt: skip
def test_sound_settings_pass(tmp_path, judge):
    look_ahead(spec(prompt("p"), judge=judge), tmp_path, REGISTRY)

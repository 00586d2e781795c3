import numpy as np
import pytest
from harness.summarized import spec_of, summary_of
from scipy import stats

from bench.records.grade import AspectGrade, Grade
from bench.records.sketch import observation
from bench.records.spec import Aspect, Check, Message, Prompt, ReportSpec
from bench.report import glossary
from bench.summarize.passes import FORMS

CHECK = Aspect(id="short", check=Check(name="max_words", argument=5), required=True)


def answer(prompt_id, round_, is_right, **more):
    if is_right is None:
        return observation(prompt_id=prompt_id, round=round_, failure="timeout", **more)
    aspect = AspectGrade(aspect_id="short", kind="check", state="graded", score=float(is_right))
    grade = Grade(trial_id="t", grader_id="checks", grader_digest="d", state="graded", score=float(is_right), aspects=(aspect,))
    return observation(prompt_id=prompt_id, round=round_, grades=(grade,), **more)


def answers(given):
    return [answer(prompt_id, n, is_right) for prompt_id, rights in given.items() for n, is_right in enumerate(rights, start=1)]


def found(seen, *ks, aspects=(CHECK,)):
    names = dict.fromkeys(each.trial.prompt_id for each in seen)
    prompts = tuple(Prompt(id=name, messages=(Message(role="user", content="?"),), aspects=aspects) for name in names)
    spec = spec_of(seen, prompts=prompts, report=ReportSpec(pass_k=ks))
    known = {form for form, _ in FORMS}
    return {each.metric: each for each in summary_of(seen, spec=spec).estimates if each.metric[:5] in known}


def test_both_are_means_over_prompts():
    seen = answers({"a": (1, 1, 0, 0), "b": (1, 1, 1, 1), "c": (0, 0, 0, 1)})
    estimates = found(seen, 1, 2)
    assert estimates["pass@1"].value == estimates["pass^1"].value == pytest.approx((0.5 + 1 + 0.25) / 3)
    assert estimates["pass@2"].value == pytest.approx((5 / 6 + 1 + 1 / 2) / 3)
    assert estimates["pass^2"].value == pytest.approx((1 / 6 + 1 + 0) / 3)
    assert (estimates["pass@2"].n, estimates["pass@2"].clusters, estimates["pass@2"].unit) == (3, 3, "share")


def test_prompts_are_the_units_of_the_interval_however_many_rounds_there_are():
    few = answers({str(n): (n % 2, n % 2) for n in range(10)})
    many = answers({str(n): (n % 2,) * 8 for n in range(10)})
    expected = stats.binomtest(5, 10).proportion_ci(method="wilson")
    for seen in (few, many):
        estimate = found(seen, 2)["pass^2"]
        assert (estimate.low, estimate.high) == pytest.approx((expected.low, expected.high))


def test_interval_covers_what_more_prompts_would_show():
    chance = np.random.default_rng(4)
    truth, covered = 1 - np.mean((1 - np.array([0.1, 0.5, 0.9])) ** 2), 0
    for _ in range(60):
        seen = answers({str(n): tuple(int(right) for right in chance.random(3) < chance.choice([0.1, 0.5, 0.9])) for n in range(20)})
        estimate = found(seen, 2)["pass@2"]
        covered += estimate.low <= truth <= estimate.high
    assert covered >= 54


def test_a_failed_trial_is_an_answer_that_is_not_accepted():
    assert found(answers({"a": (1, None), "b": (1, 1)}), 2)["pass^2"].value == pytest.approx(0.5)


def test_prompts_with_too_few_answers_are_left_out_and_counted():
    estimate = found(answers({"a": (1, 1, 1), "b": (1, 1)}), 3)["pass^3"]
    assert (estimate.value, estimate.n, estimate.not_applicable) == (1.0, 1, 1)
    assert (estimate.low, estimate.note) == (None, "n too small for an interval: 1 of 2 prompts")
    estimate = found(answers({"a": (1, 1)}), 3)["pass^3"]
    assert (estimate.value, estimate.not_applicable, estimate.note) == (None, 1, "no prompt has so many answers")


def test_warm_up_is_not_counted():
    seen = [*answers({"a": (1, 1), "b": (1, 1)}), answer("a", 0, 0, is_warmup=True)]
    assert found(seen, 2)["pass^2"].value == 1.0


def test_without_a_word_on_what_is_acceptable_nothing_is_said():
    estimate = found(answers({"a": (1, 1), "b": (1, 1)}), 2, aspects=())["pass@2"]
    assert (estimate.value, estimate.n) == (None, 0)
    assert estimate.note.startswith("nothing defines an accepted answer")


def test_answers_that_no_grader_can_tell_apart_have_no_value():
    judged = Aspect(id="true", expect="Says the truth", required=True)
    estimate = found(answers({"a": (1, 1), "b": (1, 1)}), 2, aspects=(CHECK, judged))["pass@2"]
    assert (estimate.value, estimate.not_applicable) == (None, 2)
    assert estimate.note == "no grader of this run can tell whether an answer is accepted"


def test_nothing_is_estimated_that_the_spec_does_not_ask_for():
    assert found(answers({"a": (1, 1)})) == {}


def test_report_says_what_they_are():
    said = dict(glossary.definitions({"pass@3", "pass^3", "ttft"}))
    assert list(said) == ["TTFT", "pass@3", "pass^3"]
    assert "C(n−c, 3)" in said["pass@3"]

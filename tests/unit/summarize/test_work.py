import pytest
from harness.summarized import served, spec_of

from bench.records.grade import AspectGrade, Grade
from bench.records.sketch import observation
from bench.records.spec import Aspect, Check, Criterion, Message, Prompt, Rubric
from bench.summarize.work import cost_bases

MESSAGES = (Message(role="user", content="?"),)
CHECK = Aspect(id="short", check=Check(name="max_words", argument=5), required=True)
JUDGED = Aspect(id="true", expect="Says the truth", required=True)


def grade(**scores):
    aspects = tuple(
        AspectGrade(aspect_id=name, kind="check", state="abstained" if score is None else "graded", score=score) for name, score in scores.items()
    )
    known = [score for score in scores.values() if score is not None]
    return Grade(
        trial_id="t", grader_id="checks", grader_digest="d", state="graded" if known else "abstained",
        score=sum(known) / len(known) if known else None, aspects=aspects,
    )  # fmt: skip


def accepted(*grades, aspects=(CHECK,), rubric=None, failure=None):
    seen = [observation(prompt_id="p", round=n, grades=(given,) if given else (), failure=failure) for n, given in enumerate(grades, start=1)]
    prompt = Prompt(id="p", messages=MESSAGES, aspects=aspects, rubric=rubric.id if rubric else None)
    spec = spec_of(seen, prompts=(prompt,), rubrics=(rubric,) if rubric else ())
    (basis,) = cost_bases(spec, (served(),), seen)
    return basis.accepted


def test_work_is_measured_trials_and_their_time():
    seen = [
        observation(prompt_id="w", is_warmup=True, sent_s=0.0, finished_s=50.0),
        observation(prompt_id="a", sent_s=50.0, finished_s=51.0, prompt_tokens=100, completion_tokens=7, cached_tokens=30),
        observation(prompt_id="b", sent_s=53.0, finished_s=54.0, prompt_tokens=50, completion_tokens=None),
        observation(prompt_id="c", failure="server", sent_s=54.0, finished_s=55.0),
    ]
    (basis,) = cost_bases(spec_of(seen), (served(),), seen)
    assert (basis.requests, basis.prompt_tokens, basis.completion_tokens, basis.cached_tokens) == (2, 150, 7, 30)
    assert (basis.wall_s, basis.busy_s) == (pytest.approx(5.0), pytest.approx(3.0))
    assert basis.accepted is None


def test_every_model_and_variant_has_its_own_line_in_the_order_of_the_spec():
    seen = [observation(model_id=m, variant_id=v) for v in ("gpu", "cpu") for m in ("b", "a")]
    spec = spec_of(seen)
    statuses = [served(m, v) for m in "ab" for v in ("cpu", "gpu")]
    found = [(basis.model.id, basis.variant_id) for basis in cost_bases(spec, statuses, seen[::-1])]
    assert found == [("b", "gpu"), ("b", "cpu"), ("a", "gpu"), ("a", "cpu")]


def test_required_aspects_decide():
    assert accepted(grade(short=1.0), grade(short=0.0), grade(short=1.0)) == 2
    assert accepted(grade(short=1.0), failure="timeout") == 0


def test_abstaining_is_not_meeting():
    assert accepted(grade(short=None)) == 0


def test_nothing_demanded_is_none():
    assert accepted(grade(short=1.0), aspects=(Aspect(id="short", check=CHECK.check),)) is None


def test_aspect_without_a_grader_leaves_it_open():
    assert accepted(grade(short=1.0), aspects=(CHECK, JUDGED)) is None
    assert accepted(None) is None


RUBRIC = Rubric(id="r", scale=(1, 5), criteria=(Criterion(id="all", aspects="all"),), pass_score=4.0)
TWO = (Aspect(id="a", check=CHECK.check), Aspect(id="b", check=CHECK.check))


def test_pass_score_is_on_the_rubrics_scale():
    assert accepted(grade(a=1.0, b=0.5), grade(a=1.0, b=0.4), aspects=TWO, rubric=RUBRIC) == 1


def test_pass_score_needs_the_whole_rubric_graded():
    assert accepted(grade(a=1.0), aspects=TWO, rubric=RUBRIC) is None
    asked = Rubric(id="r", criteria=(Criterion(id="clarity", question="Clear?"),), pass_score=4.0)
    assert accepted(grade(a=1.0, b=1.0), aspects=TWO, rubric=asked) is None

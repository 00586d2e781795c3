"""Grading by checks: what counts, what is left out, and what stays honest when there is no answer."""

import pytest

from bench.catalog import REGISTRY
from bench.errors import MissingExtension
from bench.judge.grade import CHECKS_VERSION, Checks, grade_by_checks, grader_digest, prepare_rules
from bench.protocols import Verdict
from bench.records.exchange import Completion, Failure
from bench.records.spec import Aspect, Check, Message, Prompt


def _check(aspect_id, name, argument, **more):
    return Aspect(id=aspect_id, check=Check(name=name, argument=argument), **more)


def _prompt(*aspects):
    return Prompt(id="p", messages=(Message(role="user", content="?"),), aspects=aspects)


def _grade(prompt, outcome):
    if isinstance(outcome, str):
        outcome = Completion(text=outcome)
    return grade_by_checks(prompt, "t1", outcome, prepare_rules(prompt, REGISTRY.load))


def test_score_is_the_mean_by_weights():
    prompt = _prompt(_check("a", "contains", "ship", weight=3), _check("b", "max_words", 2, weight=1))
    grade = _grade(prompt, "we ship on Friday")
    assert grade.score == 0.75
    assert [(aspect.aspect_id, aspect.score, aspect.weight) for aspect in grade.aspects] == [("a", 1.0, 3), ("b", 0.0, 1)]
    assert (grade.trial_id, grade.grader_id, grade.state) == ("t1", "checks", "graded")


def test_required_stays_on_its_aspect():
    grade = _grade(_prompt(_check("a", "contains", "x", required=True), _check("b", "contains", "y")), "y")
    assert [aspect.required for aspect in grade.aspects] == [True, False]


def test_aspects_for_a_judge_are_left_alone():
    prompt = _prompt(Aspect(id="j", expect="Says why"), _check("a", "contains", "x"), Aspect(id="k", forbid="Invents"))
    assert [aspect.aspect_id for aspect in _grade(prompt, "x").aspects] == ["a"]


def test_prompt_without_checks_has_no_grade():
    assert _grade(_prompt(Aspect(id="j", expect="Says why")), "x") is None


def test_failed_trial_is_abstained_and_never_zero():
    grade = _grade(_prompt(_check("a", "contains", "x"), _check("b", "not_contains", "y")), Failure(kind="timeout", message="60 s"))
    assert (grade.state, grade.score) == ("abstained", None)
    assert {(aspect.state, aspect.score, aspect.detail) for aspect in grade.aspects} == {("abstained", None, "no answer: timeout")}


class _Puzzled:
    def decide(self, _text):
        return Verdict(passed=None, detail="puzzled")


def test_undecided_check_is_failed_and_left_out_of_the_mean():
    prompt = _prompt(_check("a", "contains", "x"), _check("b", "contains", "y"))
    rules = prepare_rules(prompt, REGISTRY.load) | {"b": _Puzzled()}
    grade = grade_by_checks(prompt, "t1", Completion(text="x"), rules)
    assert (grade.state, grade.score) == ("graded", 1.0)
    assert (grade.aspects[1].state, grade.aspects[1].score, grade.aspects[1].detail) == ("failed", None, "puzzled")


def test_grade_with_nothing_decided_is_failed():
    prompt = _prompt(_check("a", "contains", "x"))
    grade = grade_by_checks(prompt, "t1", Completion(text="x"), {"a": _Puzzled()})
    assert (grade.state, grade.score) == ("failed", None)


def test_weights_of_zero_give_no_score():
    assert _grade(_prompt(_check("a", "contains", "x", weight=0)), "x").score is None


def test_digest_changes_with_what_is_decided_and_with_nothing_else():
    one = _prompt(_check("a", "contains", "x"))
    assert grader_digest(one) == grader_digest(_prompt(_check("a", "contains", "x"), Aspect(id="j", expect="Says why")))
    for other in (_check("b", "contains", "x"), _check("a", "regex", "x"), _check("a", "contains", "y"), _check("a", "contains", "x", weight=2)):
        assert grader_digest(_prompt(other)) != grader_digest(one)
    assert CHECKS_VERSION == 1


def test_unknown_check_is_refused_with_a_near_miss():
    with pytest.raises(MissingExtension) as refused:
        prepare_rules(_prompt(_check("a", "contain", "x")), REGISTRY.load)
    assert "contains" in refused.value.hint


class _Counting:
    asked = 0

    def __init__(self, _argument):
        pass

    def decide(self, text):
        _Counting.asked += 1
        return Verdict(passed="x" in text, detail=f"looked at {text}")


def test_an_answer_that_recurs_is_decided_once():
    prompt, plain = _prompt(_check("a", "contains", "x")), Prompt(id="plain", messages=())
    checks = Checks((prompt, plain), lambda _door, _name: _Counting)
    _Counting.asked = 0
    timeout = Failure(kind="timeout", message="60 s")
    outcomes = (Completion(text="x"), Completion(text="y"), Completion(text="x", reasoning="Hm."), timeout, Completion(text="timeout"), timeout)
    rules = {"a": _Counting(None)}
    found = [checks.grade("p", f"t{number}", outcome) for number, outcome in enumerate(outcomes)]
    assert _Counting.asked == 3
    assert found == [grade_by_checks(prompt, f"t{number}", outcome, rules) for number, outcome in enumerate(outcomes)]
    assert checks.grade("plain", "t", outcomes[0]) is None
    assert not Checks((plain,), REGISTRY.load)

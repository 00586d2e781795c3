import pytest
from msgspec.structs import replace

from bench.records.grade import AspectGrade, Grade
from bench.records.observation import Scoring
from bench.records.rubric_score import joint_score, on_scale, rubric_score
from bench.records.sketch import observation
from bench.records.spec import Criterion, Rubric


def aspect(name, score=None, *, weight=1.0, kind="expect", state=None):
    return AspectGrade(aspect_id=name, kind=kind, state=state or ("abstained" if score is None else "graded"), score=score, weight=weight)


def rubric(*criteria):
    return Rubric(id="r", criteria=criteria)


COVERAGE = Criterion(id="coverage", weight=0.7, aspects=("a", "b"))
CLARITY = Criterion(id="clarity", weight=0.3, question="Is it clear?")


def test_a_criterion_is_the_weighted_mean_of_its_aspects_and_a_rubric_that_of_its_criteria():
    found = rubric_score(
        [aspect("a", 1.0, weight=3), aspect("b", 0.0), aspect("c", 0.0), aspect("clarity", 0.5, kind="question")], rubric(COVERAGE, CLARITY)
    )
    assert [(each.criterion_id, each.score, each.weight) for each in found.criteria] == [("coverage", 0.75, 0.7), ("clarity", 0.5, 0.3)]
    assert (found.state, found.score) == ("graded", pytest.approx(0.7 * 0.75 + 0.3 * 0.5))


def test_all_takes_every_aspect_and_no_question():
    found = rubric_score(
        [aspect("a", 1.0), aspect("b", 0.0, kind="check"), aspect("other", 0.0, kind="question")], rubric(Criterion(id="x", aspects="all"))
    )
    assert found.score == 0.5


def test_what_abstained_is_left_out_while_the_rest_carries_half_of_the_weight():
    assert rubric_score([aspect("a", 1.0), aspect("b")], rubric(COVERAGE)).score == 1.0
    assert rubric_score([aspect("a", 1.0), aspect("b")], None).score == 1.0


@pytest.mark.parametrize("of", [rubric(COVERAGE), None])
def test_less_than_half_of_the_weight_abstains(of):
    found = rubric_score([aspect("a", 1.0), aspect("b", weight=1.01)], of)
    assert (found.state, found.score) == ("abstained", None)


def test_a_criterion_that_abstains_is_left_out_by_the_same_rule():
    asked = [aspect("a"), aspect("b"), aspect("clarity", 1.0, kind="question")]
    assert rubric_score(asked, rubric(COVERAGE, CLARITY)).state == "abstained"
    light = Criterion(id="coverage", weight=0.3, aspects=("a", "b"))
    assert rubric_score(asked, rubric(light, CLARITY)).score == 1.0


def test_what_nobody_took_on_weighs_nothing():
    assert rubric_score([aspect("a", 0.25, kind="check")], rubric(COVERAGE, CLARITY)).score == 0.25


def test_nothing_at_all_is_no_score_and_no_zero():
    assert rubric_score([], rubric(COVERAGE)) == rubric_score([], None)
    assert rubric_score([], None).score is None


def test_failed_is_told_apart_from_abstained():
    assert rubric_score([aspect("a", state="failed"), aspect("b", state="failed")], rubric(COVERAGE)).state == "failed"
    assert rubric_score([aspect("a", state="failed"), aspect("b")], rubric(COVERAGE)).state == "abstained"


def test_a_question_of_the_same_name_is_no_aspect():
    assert rubric_score([aspect("a", 1.0), aspect("a", 0.0, kind="question")], rubric(Criterion(id="x", aspects=("a",)))).score == 1.0


def test_a_judge_that_was_asked_for_the_criterion_as_a_whole_stands_in_for_its_aspects():
    assert rubric_score([aspect("coverage", 0.75, kind="question")], rubric(COVERAGE)).score == 0.75


def test_scale():
    assert on_scale(0.0, Rubric(id="r", scale=(-2, 8))) == -2.0
    assert on_scale(1.0, Rubric(id="r", scale=(-2, 8))) == 8.0


def grade(grader_id, *aspects, state="graded", score=None):
    return Grade(trial_id="t", grader_id=grader_id, grader_digest="d", state=state, score=score, aspects=aspects)


def test_two_graders_of_one_aspect_are_one_aspect():
    both = [grade("x", aspect("a", 1.0), aspect("b", 1.0)), grade("y", aspect("a", 0.0), aspect("b"))]
    assert joint_score(both, None) == pytest.approx((0.5 + 1.0) / 2)


def test_the_short_way_gives_what_the_long_way_gives():
    aspects = (aspect("a", 1.0, weight=3), aspect("b", 0.0))
    alone = [grade("x", *aspects, score=0.75)]
    for of in (None, rubric(Criterion(id="all", aspects="all"))):
        assert joint_score(alone, of) == rubric_score(aspects, of).score == 0.75
    half = [grade("x", aspect("a", 1.0), aspect("b", weight=2), score=1.0)]
    assert joint_score(half, None) is None


def test_a_grade_without_aspects_is_a_grade():
    assert joint_score([grade("human", score=0.5)], None) == 0.5
    assert joint_score([grade("human", state="abstained")], None) is None


def test_a_grader_whose_word_is_not_taken_changes_nothing_but_its_own_number():
    seen = observation(grades=(grade("checks", aspect("a", 1.0, kind="check"), score=1.0), grade("local", aspect("b", 0.0), score=0.0)))
    assert (seen.score, seen.checks_met, seen.judged) == (0.5, 1.0, None)
    told = replace(seen, scoring=Scoring(counting=frozenset({"checks"}), judge="local"))
    assert (told.score, told.checks_met, told.judged) == (1.0, 1.0, 0.0)

"""What people said, as grades."""

from bench.judge.people import grade_by_people, score_by_person, voices
from bench.records.annotation import Annotation, AspectAnswer, CriterionAnswer
from bench.records.spec import Aspect, Check, Criterion, Message, Prompt, Rubric

ASPECTS = (
    Aspect(id="date", expect="Names the date", weight=3),
    Aspect(id="made-up", forbid="Invents a name"),
    Aspect(id="short", check=Check(name="max_words", argument=9)),
)
PROMPT = Prompt(id="p", messages=(Message(role="user", content="task"),), aspects=ASPECTS, rubric="r")
RUBRIC = Rubric(
    id="r", scale=(1, 5), criteria=(Criterion(id="all", aspects="all", weight=0.5), Criterion(id="clear", question="Is it clear?", weight=0.5))
)


def said(who, *, score=None, clear=None, is_adjudication=False, drawn="random", **aspects):
    return Annotation(
        trial_id="t", annotator=who, at="2026-11-23T00:00:00Z", item_id="i", prompt_id="p", score=score, drawn=drawn, is_adjudication=is_adjudication,
        aspects=tuple(AspectAnswer(aspect_id=name.replace("_", "-"), answer=answer) for name, answer in aspects.items()),
        criteria=() if clear is None else (CriterionAnswer(criterion_id="clear", score=clear),),
    )  # fmt: skip


def grade(*annotations, rubric=RUBRIC):
    return grade_by_people(PROMPT, rubric, "t1", voices(annotations, {"p": rubric})["i"])


def test_votes_are_averaged_and_a_forbidden_thing_counts_against():
    found = grade(said("kim", date="yes", made_up="yes"), said("lee", date="no", made_up="yes"), rubric=None)
    assert [(each.aspect_id, each.score, each.p) for each in found.aspects] == [("date", 0.5, 0.5), ("made-up", 0.0, 1.0)]
    assert found.score == (3 * 0.5 + 1 * 0.0) / 4


def test_who_is_unsure_has_no_vote():
    found = grade(said("kim", date="yes", made_up="unsure"), said("lee", date="unsure", made_up="unsure"), rubric=None)
    assert [(each.aspect_id, each.score) for each in found.aspects] == [("date", 1.0)]
    assert grade(said("kim", date="unsure")).state == "abstained"


def test_criteria_lie_on_the_rubrics_scale():
    found = grade(said("kim", date="yes", made_up="no", clear=2.0))
    assert found.aspects[-1].score == 0.25
    assert found.score == 0.5 * 1.0 + 0.5 * 0.25


def test_the_whole_counts_only_where_no_part_was_judged():
    assert grade(said("kim", score=4.0)).score == 0.75
    assert grade(said("kim", score=4.0, date="no", made_up="yes", clear=1)).score == 0.0


def test_the_last_word_of_a_person_holds_and_an_adjudication_against_all():
    assert voices([said("kim", date="no"), said("kim", date="yes")], {"p": RUBRIC})["i"].aspects == {"date": {"kim": 1.0}}
    decided = [said("lead", date="no", is_adjudication=True), said("kim", date="yes", made_up="no"), said("lee", date="yes")]
    assert voices(decided, {"p": RUBRIC})["i"].aspects == {"date": {"lead": 0.0}, "made-up": {"kim": 0.0}}


def test_one_who_was_asked_for_it_makes_an_item_a_chosen_one():
    assert not voices([said("kim", date="yes", drawn="chosen"), said("lee", date="yes")], {"p": RUBRIC})["i"].drawn


def test_prompts_that_are_gone_are_left_out():
    assert voices([said("kim", date="yes")], {}) == {}


def test_the_order_of_the_lines_of_different_people_does_not_matter():
    lines = [said("kim", date="yes", score=3), said("lee", date="no", score=5), said("max", made_up="no")]
    assert voices(lines, {"p": RUBRIC}) == voices(reversed(lines), {"p": RUBRIC})


def test_each_person_has_a_score_of_their_own():
    voiced = voices([said("kim", date="yes", made_up="no"), said("lee", date="no", made_up="no"), said("max", date="unsure")], {"p": None})["i"]
    assert score_by_person(PROMPT, None, voiced) == {"kim": 1.0, "lee": 0.25}

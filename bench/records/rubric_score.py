"""Aspects to criteria to one score, 0–1. Pure: the same for checks, for a judge, for people, and for all of them together.

A criterion's score is the weighted mean of its aspects, or its question's score; a rubric's is the weighted mean of its criteria. What abstained or
failed is left out while the rest carries at least half of the weight, else there is no score. What nobody took on has no weight at all: without a
judge a rubric is scored by its checks.
"""

from collections.abc import Iterable, Sequence

import msgspec

from bench.records.grade import AspectGrade, CriterionGrade, Grade, GradeState
from bench.records.spec import Criterion, Rubric

_SHARE = 0.5  # of the weight, at least, must have a score: less would let an exception speak for the whole


class RubricScore(msgspec.Struct, frozen=True, kw_only=True):
    """A score with its criteria, in the rubric's order; without a rubric there are none. `score` is None unless the state is `graded`."""

    state: GradeState
    score: float | None = None
    criteria: tuple[CriterionGrade, ...] = ()


_Part = tuple[GradeState, float | None, float]
"""State, score and weight of an aspect or a criterion."""


def rubric_score(aspects: Iterable[AspectGrade], rubric: Rubric | None) -> RubricScore:
    """The score of one answer. Several graders' grades of one aspect are one aspect: the mean of those that gave a score."""
    said = _by_aspect(aspects)
    if rubric is None:
        state, score = _mean(list(said.values()))
        return RubricScore(state=state, score=score)
    criteria = tuple(found for criterion in rubric.criteria if (found := _criterion(criterion, said)) is not None)
    state, score = _mean([(each.state, each.score, each.weight) for each in criteria])
    return RubricScore(state=state, score=score, criteria=criteria)


def joint_score(grades: Sequence[Grade], rubric: Rubric | None) -> float | None:
    """The score of one answer by several graders' grades together; None when they do not give one.

    A grade without aspects speaks of the answer as a whole: it counts as one aspect of weight 1 of a prompt without a rubric.
    """
    if len(grades) == 1 and grades[0].aspects and _is_flat(rubric) and all(aspect.state == "graded" for aspect in grades[0].aspects):
        return grades[0].score  # by far the most, so the way is short
    return rubric_score((aspect for grade in grades for aspect in grade.aspects or (_whole(grade),)), rubric).score


def on_scale(score: float, rubric: Rubric) -> float:
    """A score of 0–1 on the rubric's scale.

    >>> on_scale(0.5, Rubric(id="helpful", scale=(1, 5)))
    3.0
    """
    low, high = rubric.scale
    return low + (high - low) * score


def _is_flat(rubric: Rubric | None) -> bool:
    """Whether the score is the weighted mean of all aspects."""
    return rubric is None or (len(rubric.criteria) == 1 and rubric.criteria[0].aspects == "all")


def _whole(grade: Grade) -> AspectGrade:
    return AspectGrade(aspect_id=grade.grader_id, kind="question", state=grade.state, score=grade.score)


def _by_aspect(aspects: Iterable[AspectGrade]) -> dict[tuple[bool, str], _Part]:
    """What is known of each aspect and, apart from them, of each criterion's question."""
    said: dict[tuple[bool, str], list[AspectGrade]] = {}
    for aspect in aspects:
        said.setdefault((aspect.kind == "question", aspect.aspect_id), []).append(aspect)
    return {key: _joined(several) for key, several in said.items()}


def _joined(several: list[AspectGrade]) -> _Part:
    scores = [each.score for each in several if each.state == "graded" and each.score is not None]
    if scores:
        return "graded", sum(scores) / len(scores), several[0].weight
    return "abstained" if any(each.state == "abstained" for each in several) else "failed", None, several[0].weight


def _criterion(criterion: Criterion, said: dict[tuple[bool, str], _Part]) -> CriterionGrade | None:
    """A criterion's grade; None when nobody took any of it on. A judge that was asked for the criterion as a whole stands in for its aspects."""
    if criterion.aspects == "all":
        parts = [part for (is_question, _), part in said.items() if not is_question]
    else:
        parts = [said[False, name] for name in criterion.aspects or () if (False, name) in said]
    if not parts and (asked := said.get((True, criterion.id))) is not None:
        parts = [asked]
    if not parts:
        return None
    state, score = _mean(parts)
    return CriterionGrade(criterion_id=criterion.id, state=state, score=score, weight=criterion.weight)


def _mean(parts: Sequence[_Part]) -> tuple[GradeState, float | None]:
    """The weighted mean of the parts with a score, where they carry enough of the weight."""
    graded = [(score, weight) for state, score, weight in parts if state == "graded" and score is not None]
    scored, whole = sum(weight for _, weight in graded), sum(weight for _, _, weight in parts)
    if graded and scored > 0 and scored >= _SHARE * whole:
        return "graded", graded[0][0] if len(graded) == 1 else sum(score * weight for score, weight in graded) / scored
    return ("failed" if parts and all(state == "failed" for state, _, _ in parts) else "abstained"), None

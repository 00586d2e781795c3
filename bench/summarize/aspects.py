"""How often each aspect of each prompt was met, and whether an answer is acceptable."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Literal

from bench.records.estimate import AspectSummary, Group
from bench.records.grade import AspectGrade, Grade
from bench.records.observation import Observation
from bench.records.rubric_score import on_scale
from bench.records.spec import Aspect, Prompt, Rubric, Spec
from bench.summarize.table import Cell

Fate = Literal["passed", "missed", "abstained", "failed", "ungraded"]
MET = 0.5  # a check scores 0 or 1; a judge's score from the middle on counts as met
Fates = dict[tuple[Cell, str, str], Counter[Fate]]


def is_met(aspect: AspectGrade) -> bool:
    """An aspect with a score of at least one half."""
    return aspect.state == "graded" and aspect.score is not None and aspect.score >= MET


def aspect_grade(grades: Iterable[Grade], aspect_id: str) -> AspectGrade | None:
    """What the graders said of an aspect: the first that gave a score, else the first that spoke; None when no grader took it on."""
    said = [aspect for grade in grades for aspect in grade.aspects if aspect.aspect_id == aspect_id]
    return next((aspect for aspect in said if aspect.state == "graded"), said[0] if said else None)


def fate(seen: Observation, aspect: Aspect) -> Fate:
    """What became of one aspect in one answer."""
    found = aspect_grade(seen.grades, aspect.id)
    if found is None:
        return "ungraded"
    if found.state != "graded":
        return found.state
    return "passed" if is_met(found) else "missed"


def count_fates(fates: Fates, seen: Observation, prompt: Prompt, times: int = 1) -> None:
    """Add one answer's aspects, or those of several alike; failed requests have no aspects."""
    if seen.completion is None or seen.trial.is_warmup:
        return
    for aspect in prompt.aspects:
        key = (Cell(seen.trial.model_id, seen.trial.variant_id), prompt.id, aspect.id)
        fates.setdefault(key, Counter())[fate(seen, aspect)] += times


def aspect_summaries(spec: Spec, cells: Iterable[Cell], fates: Fates) -> Iterator[AspectSummary]:
    """In the order of models, variants, prompts and aspects of the spec; aspects of prompts that nobody answered are left out."""
    for cell in cells:
        for prompt in spec.prompts:
            for aspect in prompt.aspects:
                if (counted := fates.get((cell, prompt.id, aspect.id))) is not None:
                    yield AspectSummary(
                        group=Group(model_id=cell.model_id, variant_id=cell.variant_id, prompt_id=prompt.id, aspect_id=aspect.id),
                        kind=kind(aspect),
                        passed=counted["passed"],
                        graded=counted["passed"] + counted["missed"],
                        abstained=counted["abstained"],
                        failed=counted["failed"],
                        ungraded=counted["ungraded"],
                    )


def kind(aspect: Aspect) -> Literal["check", "expect", "forbid"]:
    """Which of the three an aspect is."""
    return "check" if aspect.check is not None else "expect" if aspect.expect is not None else "forbid"


def defines_acceptance(prompt: Prompt, rubric: Rubric | None) -> bool:
    """Whether a prompt says what an acceptable answer is: a rubric's pass score, or a required aspect."""
    return (rubric is not None and rubric.pass_score is not None) or any(aspect.required for aspect in prompt.aspects)


def is_accepted(seen: Observation, prompt: Prompt, rubric: Rubric | None) -> bool | None:
    """Whether an answer reached its rubric's pass score and met every required aspect; None when no grader whose word is taken can tell.

    A pass score speaks of the whole rubric, so every aspect must have found a grader. An aspect whose grader abstained or failed is not met.
    """
    if seen.completion is None:
        return False
    needs_score = rubric is not None and rubric.pass_score is not None
    demanded = [aspect for aspect in prompt.aspects if aspect.required or needs_score]
    found = [aspect_grade(seen.deciding, aspect.id) for aspect in demanded]
    if any(grade is None for grade in found):
        return None
    if any(aspect.required and grade is not None and not is_met(grade) for aspect, grade in zip(demanded, found, strict=True)):
        return False
    return _reaches(seen, rubric) if rubric is not None and rubric.pass_score is not None else True


def _reaches(seen: Observation, rubric: Rubric) -> bool | None:
    """Whether the graders' score, put on the rubric's scale, is at least its pass score; None when the rubric also asks what nobody graded."""
    if any(criterion.question is not None and aspect_grade(seen.deciding, criterion.id) is None for criterion in rubric.criteria):
        return None
    return seen.score is not None and rubric.pass_score is not None and on_scale(seen.score, rubric) >= rubric.pass_score - 1e-9

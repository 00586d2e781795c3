"""A run's answers beside what people said of them. Part of the program (`pipeline.py`); loads numpy, so it is loaded when all is measured."""

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from bench.annotate.items import DEFAULT_SCALE, item_id
from bench.annotate.labels import read_labels
from bench.errors import UsageError
from bench.grading import PEOPLE_GRADE
from bench.judge.people import GRADER_ID, Voiced, grade_by_people, score_by_person, voices
from bench.records.annotation import Annotation
from bench.records.calibration import Calibration
from bench.records.grade import Grade
from bench.records.observation import Observation
from bench.records.plan import Plan
from bench.records.rubric_score import rubric_score
from bench.records.spec import Prompt, Rubric, Spec
from bench.store.decided import Decided
from bench.store.layout import RunLayout
from bench.store.reader import Note, quiet, read_annotations
from bench.store.writer import encode, write_whole
from bench.summarize.labelled import Answered, Voice, overlap

QUALITY = "quality"
"""Stands among the graders for all that count together."""

_MOST_LABELS = 64_000_000  # bytes

Known = dict[str, tuple[Prompt, Rubric | None]]


def calibrate(layout: RunLayout, spec: Spec, observations: Iterable[Observation], labels: Path | None, note: Note = quiet) -> Calibration | None:
    """What people's labels say of the run's graders; None where nobody labelled an answer of it. `labels`: the spec's table, if any.

    Raises: UsageError when the table of labels makes no sense, RunFolderError when the folder is damaged.
    """
    known = _known(spec)
    said = list(chain(_of_the_spec(labels, known), read_annotations(layout, note)))
    if not said:
        return None
    from bench.summarize.calibration import calibration  # noqa: PLC0415 - brings half of scipy, for runs with labels alone

    spoken = voices(said, {name: rubric for name, (_, rubric) in known.items()})
    rubrics = [rubric for _, rubric in known.values() if rubric is not None]
    scales = {rubric.scale for rubric in rubrics}
    return calibration(
        _answers(observations, known),
        {item: _voice(voiced, known[voiced.prompt_id]) for item, voiced in spoken.items()},
        scale=scales.pop() if len(scales) == 1 else DEFAULT_SCALE,
        passes_from=_passes_from(rubrics),
        seed=spec.seed,
    )


def grade_by_annotations(layout: RunLayout, spec: Spec, plan: Plan, labels: Path | None) -> None:
    """`judge: {method: human}`: what people said, as the grades of `people`, written anew from the annotations; else nothing.

    An answer that nobody graded has no grade, and counts as ungraded: the means are those of the labelled answers, and coverage says how many.
    Raises: UsageError when the table of labels makes no sense, RunFolderError when the folder is damaged.
    """
    if spec.judge is None or spec.judge.method != PEOPLE_GRADE:
        return
    known = _known(spec)
    said = chain(_of_the_spec(labels, known), read_annotations(layout))
    spoken = voices(said, {name: rubric for name, (_, rubric) in known.items()})
    write_whole(layout.grades_of(GRADER_ID), (encode(grade) + b"\n" for grade in _grades(Decided(layout, plan).observations(), known, spoken)))


def _grades(observations: Iterable[Observation], known: Known, spoken: dict[str, Voiced]) -> Iterator[Grade]:
    for seen in observations:
        if seen.completion is not None and not seen.trial.is_warmup and seen.trial.prompt_id in known:
            voiced = spoken.get(item_id(seen.trial.prompt_id, seen.completion.text))
            if voiced is not None:
                yield grade_by_people(*known[seen.trial.prompt_id], seen.trial.id, voiced)


def _known(spec: Spec) -> Known:
    by_id = {rubric.id: rubric for rubric in spec.rubrics}
    return {prompt.id: (prompt, by_id.get(prompt.rubric or "")) for prompt in spec.prompts}


def _of_the_spec(labels: Path | None, known: Known) -> tuple[Annotation, ...]:
    if labels is None or not labels.exists():  # labels are written later, by people, with what a first run gave
        return ()
    try:
        if labels.stat().st_size > _MOST_LABELS:
            raise UsageError(f"{labels.name}: more than {_MOST_LABELS:,} bytes of labels")
        return read_labels(labels.read_text(encoding="utf-8-sig"), labels.name, known)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the labels {labels.name}: {error}", hint="`judge.labels` names a UTF-8 table (CSV)") from error


def _answers(observations: Iterable[Observation], known: Known) -> Iterator[Answered]:
    for seen in observations:
        trial, completion = seen.trial, seen.completion
        if completion is None or trial.is_warmup or trial.prompt_id not in known:
            continue
        prompt, rubric = known[trial.prompt_id]
        graders = [grade for grade in seen.grades if grade.grader_id != GRADER_ID]  # people are not held against themselves
        scores = {grade.grader_id: rubric_score(grade.aspects, rubric).score if grade.aspects else grade.score for grade in graders}
        if len(scores) > 1 and len(graders) == len(seen.grades):
            scores[QUALITY] = seen.score
        yield Answered(
            model_id=trial.model_id,
            variant_id=trial.variant_id,
            prompt_id=trial.prompt_id,
            item_id=item_id(trial.prompt_id, completion.text),
            length=len(completion.text),
            overlap=overlap(completion.text, prompt),
            scores={name: score for name, score in scores.items() if score is not None},
            aspects={grade.grader_id: {aspect.aspect_id: aspect.score for aspect in grade.aspects if aspect.score is not None} for grade in graders},
        )


def _voice(voiced: Voiced, known: tuple[Prompt, Rubric | None]) -> Voice:
    grade = grade_by_people(*known, "", voiced)
    return Voice(
        score=grade.score,
        by_person=score_by_person(*known, voiced),
        aspects={aspect.aspect_id: aspect.score for aspect in grade.aspects if aspect.score is not None},
        drawn=voiced.drawn,
    )


def _passes_from(rubrics: Iterable[Rubric]) -> float | None:
    """The score, 0–1, from which an answer passes: where all rubrics that say so say the same."""
    shares = {(rubric.pass_score - rubric.scale[0]) / (rubric.scale[1] - rubric.scale[0]) for rubric in rubrics if rubric.pass_score is not None}
    return shares.pop() if len(shares) == 1 else None

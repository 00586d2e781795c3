"""Graders against people: agreement, what trivial rivals reach, and the means that labels and scores give together."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from bench.errors import MissingExtension
from bench.records.calibration import Agreement, Calibration, Corrected, GraderCalibration, PassRate, PeopleAgreement, Rival
from bench.stats import ppi
from bench.stats.agreement import krippendorff_alpha, on_grades, quadratic_kappa
from bench.stats.calibrated import calibrate
from bench.stats.correlation import Correlation, agreement, ceiling, kendall, spearman
from bench.stats.quantile import Floats
from bench.stats.rogan_gladen import Rated, true_share
from bench.summarize.labelled import LEAST, Answered, Columns, Voice, columns
from bench.summarize.table import Cell

RESAMPLES = 1000  # for the interval of each correlation: enough for two digits
_NEXT = 40
ADVISED = 50
_HALF = 0.5


class _Task(NamedTuple):
    """The answers, what people said of them, and how both are read."""

    seen: Columns
    voices: Mapping[str, Voice]
    scale: tuple[int, int]
    passes_from: float | None
    seed: int
    resamples: int
    notes: list[str]

    def rng(self) -> np.random.Generator:
        """The same chance for every grader."""
        return np.random.default_rng(self.seed)


def calibration(  # noqa: PLR0913 - how the two are read
    answers: Iterable[Answered],
    voices: Mapping[str, Voice],
    *,
    scale: tuple[int, int],
    passes_from: float | None,
    seed: int,
    resamples: int | None = None,
) -> Calibration | None:
    """What the labels say; None where no answer of the run has one.

    `scale`: on which grades are compared; `passes_from`: the score, 0–1, from which an answer passes, None where no rubric says.
    """
    seen = columns(answers, voices)
    if not len(seen.answers) or np.isnan(seen.all_labels).all():
        return None
    task = _Task(seen, voices, scale, passes_from, seed, resamples or RESAMPLES, [])
    graders = sorted({name for answer in seen.answers for name in answer.scores})
    people = _people(task)
    made = tuple(_grader(name, task) for name in graders)
    if (n := _labelled(seen)) < LEAST:
        task.notes.append(f"Means are not corrected: {n} randomly drawn answers are labelled, {LEAST} are needed and {ADVISED} advised.")
    return Calibration(people=people, graders=made, label_next=tuple(_next(seen, graders)), notes=tuple(dict.fromkeys(task.notes)))


def _labelled(seen: Columns) -> int:
    """How many different answers of those that chance chose have a label."""
    return int((~np.isnan(seen.labels[seen.is_first])).sum())


def _people(task: _Task) -> PeopleAgreement:
    seen, (low, high) = task.seen, task.scale
    votes = seen.votes[:, seen.is_first]
    shared = int(((~np.isnan(votes)).sum(axis=0) > 1).sum())
    alphas: list[Agreement] = []
    top: Agreement | None = None
    if shared:
        grades = on_grades(low + (high - low) * votes, task.scale)
        alphas = _optional(task.notes, lambda: _alpha(grades, task.scale, shared))
        found = ceiling(votes)
        top = Agreement(measure="spearman", value=found.value, n=shared, why=None if found.value is not None else "too few answers are shared")
    lengths = _of(spearman, seen.all_labels, seen.lengths, task)
    return PeopleAgreement(annotators=len(seen.people), items=len(task.voices), shared=shared, alphas=tuple(alphas), ceiling=top, length_bias=lengths)


def _alpha(grades: Floats, scale: tuple[int, int], shared: int) -> Iterator[Agreement]:
    value = krippendorff_alpha(grades, scale)
    yield Agreement(measure="krippendorff_alpha", value=value, n=shared, why=None if value is not None else "all who share an answer give one grade")


def _optional(notes: list[str], make: Callable[[], Iterable[Agreement]]) -> list[Agreement]:
    """What needs the extra `judge`; without it a note says so."""
    try:
        return list(make())
    except MissingExtension as missing:
        notes.append(f"Left out: {missing.message} ({missing.hint}).")
        return []


def _grader(name: str, task: _Task) -> GraderCalibration:
    seen, scores = task.seen, task.seen.scores(name)
    judged = _of(spearman, scores, seen.labels, task)
    measures = [judged, _of(kendall, scores, seen.labels, task), *_optional(task.notes, lambda: _kappa(seen, scores, task.scale))]
    bent = calibrate(scores[seen.is_first], seen.labels[seen.is_first], seen.clusters[seen.is_first], task.rng())
    cells = list(dict.fromkeys(Cell(answer.model_id, answer.variant_id) for answer in seen.answers))
    enough = _labelled(seen) >= LEAST
    return GraderCalibration(
        grader_id=name,
        agreements=tuple(measures),
        on_aspects=tuple(_on_aspects(name, seen, task.voices)),
        rivals=tuple(_rivals(task, judged)),
        length_bias=_of(spearman, scores, seen.lengths, task),
        means=tuple(_mean(cell, seen, scores) for cell in cells) if enough else (),
        differences=tuple(_difference(cells[0], cell, seen, scores) for cell in cells[1:]) if enough else (),
        pass_rates=tuple(_pass_rates(cells, seen, scores, task.passes_from)) if enough and task.passes_from is not None else (),
        bend=bent.kind,
        bend_why=bent.why,
        errors={str(kind): error for kind, error in bent.errors.items()},
    )


def _of(measure: Correlation, first: Floats, second: Floats, task: _Task) -> Agreement:
    """A correlation over the different answers of the run, with its interval over prompts."""
    at = task.seen.is_first
    found = agreement(measure, first[at], second[at], task.seen.clusters[at], task.rng(), task.resamples)
    return Agreement(
        measure=measure.__name__,
        value=found.value,
        low=found.interval.low,
        high=found.interval.high,
        n=found.n,
        clusters=found.clusters,
        why=found.why,
    )


def _kappa(seen: Columns, scores: Floats, scale: tuple[int, int]) -> Iterator[Agreement]:
    low, high = scale
    at = seen.is_first
    first, second = (on_grades(low + (high - low) * values[at], scale) for values in (scores, seen.labels))
    both = ~(np.isnan(first) | np.isnan(second))
    value = quadratic_kappa(first, second, scale)
    why = None if value is not None else "one of them gives one grade only, or nothing was rated by both"
    yield Agreement(measure="quadratic_kappa", value=value, n=int(both.sum()), clusters=int(np.unique(seen.clusters[at][both]).size), why=why)


def _on_aspects(name: str, seen: Columns, voices: Mapping[str, Voice]) -> Iterator[Agreement]:
    """On how many yes/no questions grader and people say the same; a tie among people is no answer."""
    hits, prompts = [], set()
    for place in seen.is_first:
        answer = seen.answers[int(place)]
        voice = voices.get(answer.item_id)
        for aspect, score in answer.aspects.get(name, {}).items():
            if voice and voice.drawn and (by_people := voice.aspects.get(aspect, _HALF)) != _HALF:
                hits.append((score >= _HALF) == (by_people > _HALF))
                prompts.add(answer.prompt_id)
    if hits:
        yield Agreement(measure="accuracy", value=sum(hits) / len(hits), n=len(hits), clusters=len(prompts))


def _rivals(task: _Task, judged: Agreement) -> Iterator[Rival]:
    seen = task.seen
    for name, values in (("length", seen.lengths), ("overlap", seen.overlaps)):
        found = _of(spearman, values, seen.labels, task)
        beaten = None if found.value is None or judged.value is None else judged.value > abs(found.value)
        yield Rival(name="length" if name == "length" else "overlap", agreement=found, is_beaten=beaten)


def _part(cell: Cell, seen: Columns, scores: Floats) -> ppi.Labelled:
    at = seen.cell(*cell)
    return ppi.Labelled(predictions=scores[at], labels=seen.labels[at], clusters=seen.clusters[at])


def _mean(cell: Cell, seen: Columns, scores: Floats) -> Corrected:
    return _corrected(cell, ppi.corrected_mean(_part(cell, seen, scores)), None)


def _difference(first: Cell, second: Cell, seen: Columns, scores: Floats) -> Corrected:
    return _corrected(second, ppi.corrected_difference(_part(second, seen, scores), _part(first, seen, scores)), first)


def _corrected(cell: Cell, found: ppi.Corrected, against: Cell | None) -> Corrected:
    return Corrected(
        model_id=cell.model_id,
        variant_id=cell.variant_id,
        value=found.value,
        low=found.interval.low if found.value is not None else None,
        high=found.interval.high if found.value is not None else None,
        naive=found.naive,
        by_labels=found.by_labels,
        by_labels_low=found.by_labels_interval.low,
        by_labels_high=found.by_labels_interval.high,
        tuning=found.tuning,
        n_labels=found.n_labels,
        n_answers=found.n_answers,
        clusters=found.interval.have,
        worth=found.worth if found.interval.is_whole else None,
        against=None if against is None else (against.model_id, against.variant_id),
    )


def _pass_rates(cells: Sequence[Cell], seen: Columns, scores: Floats, passes_from: float) -> Iterator[PassRate]:
    """The judge's rights and wrongs are counted over all models; its share of passes is each model's own."""
    at = seen.is_first
    known = ~(np.isnan(scores[at]) | np.isnan(seen.labels[at]))
    by_judge, by_people = scores[at][known] >= passes_from, seen.labels[at][known] >= passes_from
    good, bad = (Rated(int(by_judge[which].sum()), int(which.sum())) for which in (by_people, ~by_people))
    for cell in cells:
        mine = scores[seen.cell(*cell)]
        mine = mine[~np.isnan(mine)]
        if mine.size:
            passed = Rated(int((mine >= passes_from).sum()), mine.size)
            found = true_share(passed, good, bad)
            yield PassRate(
                model_id=cell.model_id,
                variant_id=cell.variant_id,
                seen=passed.passed / passed.n,
                value=found.value,
                low=found.low,
                high=found.high,
                n_passed_by_people=good.n,
                n_failed_by_people=bad.n,
            )


def _next(seen: Columns, graders: Sequence[str]) -> Iterator[str]:
    """Unlabelled answers about which graders differ most among themselves, or the one grader is least sure; the models take turns."""
    scores = np.array([seen.scores(name) for name in graders]) if graders else np.empty((0, len(seen.answers)))
    open_: dict[tuple[str, str], list[tuple[float, str]]] = {}
    for place in seen.is_first.tolist():
        answer = seen.answers[place]
        given = scores[:, place][~np.isnan(scores[:, place])]
        if np.isnan(seen.all_labels[place]) and given.size:
            doubt = float(np.ptp(given)) if given.size > 1 else 1 - 2 * abs(float(given[0]) - _HALF)
            open_.setdefault((answer.model_id, answer.variant_id), []).append((-doubt, answer.item_id))
    queues = [sorted(items) for _, items in sorted(open_.items())]
    turns = [queue[k][1] for k in range(max(map(len, queues), default=0)) for queue in queues if k < len(queue)]
    yield from turns[:_NEXT]

"""The answers of a run, read once: a few numbers of each, what became of their aspects, and the work they were. None is kept."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from bench.protocols import ColumnMetric, GradeMetric, Metric
from bench.records.observation import Observation
from bench.records.plan import Trial
from bench.records.spec import Spec
from bench.summarize.aspects import Fates, count_fates
from bench.summarize.columns import BLOCK, Column
from bench.summarize.part import Line, Part
from bench.summarize.rows import Rows, whole
from bench.summarize.table import Table, parts
from bench.summarize.work import Work

_FEW = 4  # trials per way of being graded, on average: with fewer it is simpler to look at every grade


class Stretch(Protocol):
    """Decided trials that stand near each other in the plan: as in a `Part`."""

    @property
    def places(self) -> Sequence[int]:
        """Where they stand in the plan."""

    @property
    def kinds(self) -> Sequence[Trial]:
        """Trials but for what tells those of a kind apart."""

    @property
    def of(self) -> Sequence[int]:
        """The kind of each."""

    @property
    def rounds(self) -> Sequence[int]:
        """The round of each."""

    @property
    def samples(self) -> Sequence[Any]:
        """What decided them."""

    @property
    def attempts(self) -> Sequence[int]:
        """How many tries each took."""


class Source(Protocol):
    """Where the decided trials of a run are read: `bench.store.decided.Decided`."""

    def stretches(self, kind: type[Line]) -> Iterator[Stretch]:
        """All of them in the plan's order, with as much of their samples as `kind` has."""

    def observations(self) -> Iterator[Observation]:
        """All of them in the plan's order, with everything."""

    def places(self) -> Iterator[int]:
        """Where in the plan each of them stands."""

    def observed(self, places: Iterable[int]) -> Iterator[Observation]:
        """Those at these places."""

    def verdicts(self) -> "memoryview[int]":
        """A number for each place of the plan: trials of one number were graded alike in all but words, those of number 0 not at all."""


class Seen(NamedTuple):
    """What is kept of the answers of a run."""

    rows: Rows
    fates: Fates
    work: Work


def read(spec: Spec, observations: Iterable[Observation], metrics: Mapping[str, Metric], places: Iterable[int] = ()) -> Seen:
    """Read all decided trials of a run, given in the plan's order, as wholes. `places`: where in the plan they stand; none: nothing is missing."""
    table, judged = Table(metrics), _Judged(spec)
    for part in parts(observations, places):
        table.add(part)
        for seen in part.observations:
            judged.add(seen)
    return Seen(whole(table), judged.fates, judged.work)


def read_run(spec: Spec, source: Source, metrics: Mapping[str, Metric]) -> Seen:
    """Read all decided trials of a run in columns, and each way of being graded once; as wholes where a metric, or the grades, leave no other way."""
    verdicts = np.frombuffer(source.verdicts(), dtype=np.uint32)
    kinds = 1 + int(verdicts.max(initial=0))  # they are numbered one after the other; a few of them may have been of no use
    if kinds > 1 + verdicts.size / _FEW or not all(isinstance(metric, ColumnMetric | GradeMetric) for metric in metrics.values()):
        return read(spec, source.observations(), metrics, source.places())
    table, judged = Table(metrics), _Judged(spec)
    for stretch in source.stretches(Line):
        of = np.array(stretch.of, dtype=np.intp)
        table.add(Part(stretch.kinds, of, stretch.rounds, stretch.samples, stretch.attempts, places=stretch.places))
    of_grades = {name: metric for name, metric in metrics.items() if isinstance(metric, GradeMetric)}
    found: dict[str, list[float | None]] = {name: [] for name in of_grades}
    alike = _alike(Rows(table, slice(0, table.n)), verdicts)
    for seen, times in zip(source.observed(alike.places), alike.times, strict=True):
        judged.add(seen, times)
        for name, metric in of_grades.items():
            found[name].append(metric.measure(seen))  # type: ignore[arg-type]  # such a metric has at most one number
    for name, values in found.items():
        table.measured[name].take_alike(values, alike.group)
    return Seen(whole(table), judged.fates, judged.work)


class _Judged:
    """What became of aspects, and of the work."""

    def __init__(self, spec: Spec) -> None:
        self._prompts = {prompt.id: prompt for prompt in spec.prompts}
        self.fates: Fates = {}
        self.work = Work(spec)

    def add(self, seen: Observation, times: int = 1) -> None:
        """Take the grades of a trial in, or of several that were graded alike."""
        if (prompt := self._prompts.get(seen.trial.prompt_id)) is not None:
            count_fates(self.fates, seen, prompt, times)
        self.work.judge(seen, times)


class _Alike(NamedTuple):
    """Trials of one model and prompt with the same fate that were graded alike: the group of each row; of each group a place and its size."""

    group: Column
    places: list[int]
    times: list[int]


def _alike(rows: Rows, verdicts: "np.ndarray[Any, np.dtype[np.uint32]]") -> _Alike:
    """Some rows at a time; groups are numbered in the order of their first rows."""
    group, places, times = Column(np.int32), list[int](), list[int]()
    known: dict[tuple[int, ...], int] = {}
    for part in (rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK)):
        at = part.codes("place")
        columns = (part.codes("cell"), part.codes("prompt"), part.codes("failure") > 0, part.is_warmup, verdicts[at])
        found, first, of, n = np.unique(np.stack(columns, axis=1, dtype=np.int64), axis=0, return_index=True, return_inverse=True, return_counts=True)
        numbers = np.empty(len(found), dtype=np.int32)
        for new in np.argsort(first).tolist():
            number = numbers[new] = known.setdefault(tuple(found[new].tolist()), len(known))
            if number == len(places):
                places.append(int(at[first[new]]))
                times.append(0)
            times[number] += int(n[new])
        group.extend(numbers[of.reshape(-1)])
    return _Alike(group, places, times)


def first_answers(rows: Rows, prompts: Sequence[str], most: int) -> tuple[list[int], int]:
    """The places of one trial of each model to each of the first prompts: that of the first round that was answered, else a failure.

    `prompts`: their order, others follow in alphabetical order. Returns also how many prompts beyond `most` have an answer.
    """
    measured = rows.where(~rows.is_warmup)
    codes, words = measured.codes("prompt"), rows.words("prompt")
    order = np.lexsort((measured.codes("round"), measured.codes("failure") > 0, measured.codes("cell"), codes))
    sorted_codes, sorted_cells = codes[order], measured.codes("cell")[order]
    is_first = np.ones(order.size, dtype=np.bool_)
    is_first[1:] = (sorted_codes[1:] != sorted_codes[:-1]) | (sorted_cells[1:] != sorted_cells[:-1])
    chosen: dict[str, list[int]] = {}
    for place, code in zip(measured.codes("place")[order][is_first].tolist(), sorted_codes[is_first].tolist(), strict=True):
        chosen.setdefault(words[code], []).append(place)
    ranked = [name for name in dict.fromkeys((*prompts, *sorted(chosen))) if name in chosen]
    return [place for name in ranked[:most] for place in chosen[name]], max(0, len(ranked) - most)

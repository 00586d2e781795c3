"""Observations, reduced to what the summary needs: a few numbers per trial, so that a long run holds neither its answers nor an object each."""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.protocols import Metric
from bench.records.exchange import Failure
from bench.records.observation import Observation
from bench.stats.quantile import Floats
from bench.summarize.columns import Column, Names
from bench.summarize.many import Many, Pooled

Index = NDArray[np.intp]
Mask = NDArray[np.bool_]
TIDY = 4096  # rows between two looks at whether columns have become long


class Cell(NamedTuple):
    """A model in a variant: what one line of a report is about."""

    model_id: str
    variant_id: str


WORDS = ("prompt", "treatment", "worker", "failure", "prefix", "counted_by", "finish_reason", "served_model", "stamped_by")
NUMBERS = ("scheduled_s", "sent_s", "finished_s", "completion_tokens")


def is_timed(metric: Metric) -> bool:
    """Whether a metric reads a clock: such metrics leave out the first request after a model was loaded."""
    return metric.unit == "s" or metric.unit.endswith("/s")


class _Measured:
    """One metric's values: a number or a pair per trial in columns, several numbers apart."""

    def __init__(self, metric: Metric) -> None:
        self.measure = metric.measure
        self.is_pair = metric.aggregate == "ratio"
        self.is_timed = is_timed(metric)
        self.columns = (Column(), Column()) if self.is_pair else (Column(),)
        self.first = self.columns[0].append
        self.many: Many | None = None


class _Store:
    """The columns of all rows, in the order in which they were read."""

    def __init__(self, metrics: Mapping[str, Metric]) -> None:
        self.n = 0
        self.cells: dict[Cell, int] = {}
        self.cell_names: list[Cell] = []
        self.names = {word: Names() for word in WORDS}
        self.codes = {word: array("i") for word in WORDS}
        self.cell_codes, self.rounds, self.steps, self.attempts = array("i"), array("i"), array("i"), array("i")
        self.flags = array("b")
        self.keys = array("Q")
        self.numbers = {name: Column() for name in NUMBERS}
        self.measured = {name: _Measured(metric) for name, metric in metrics.items()}
        self.ids = bytearray()
        self.id_ends = array("q", [0])

    def add(self, seen: Observation) -> None:
        trial, sample, completion = seen.trial, seen.sample, seen.completion
        timing = sample.timing
        row = self.n
        self.n += 1
        cell = self.cells.setdefault(Cell(trial.model_id, trial.variant_id), len(self.cells))
        if cell == len(self.cell_names):
            self.cell_names.append(Cell(trial.model_id, trial.variant_id))
        self.cell_codes.append(cell)
        self.rounds.append(trial.round)
        self.steps.append(trial.step or 0)
        self.attempts.append(seen.attempts)
        self.flags.append(trial.is_warmup + 2 * sample.is_first)
        self.keys.append(_key(trial.id))
        self.ids += trial.id.encode()
        self.id_ends.append(len(self.ids))
        failure = sample.outcome.kind if isinstance(sample.outcome, Failure) else None
        words = (
            *(trial.prompt_id, trial.treatment_digest, _clock(sample.worker), failure, seen.prefix),
            *((completion.usage.counted_by, completion.finish_reason, completion.served_model) if completion else (None, None, None)),
            timing.stamped_by,
        )
        prompt = self.names["prompt"].code(trial.prompt_id)
        for word, said in zip(WORDS, words, strict=True):
            self.codes[word].append(self.names[word].code(said))
        tokens = completion.usage.completion_tokens if completion else None
        for name, number in zip(NUMBERS, (timing.scheduled_s, timing.sent_s, timing.finished_s, tokens), strict=True):
            self.numbers[name].append(np.nan if number is None else number)
        for measured in self.measured.values():
            value = measured.measure(seen)
            if type(value) is float and not measured.is_pair:  # by far the most, so the way is short
                measured.first(value)
            else:
                _take(measured, value, (row, cell, prompt), is_left_out=trial.is_warmup or (sample.is_first and measured.is_timed))
        if self.n % TIDY == 0:
            for column in (*self.numbers.values(), *(column for measured in self.measured.values() for column in measured.columns)):
                column.tidy()

    def trial_id(self, number: int) -> str:
        return self.ids[self.id_ends[number] : self.id_ends[number + 1]].decode()


class Row:
    """One trial: a look into the columns."""

    __slots__ = ("_store", "number")

    def __init__(self, store: _Store, number: int) -> None:
        """The row of a store with this number."""
        self._store = store
        self.number = number

    def _word(self, name: str) -> str | None:
        return self._store.names[name].words[self._store.codes[name][self.number]] or None

    def _number(self, name: str) -> float:
        return float(self._store.numbers[name].at(self.number))

    @property
    def trial_id(self) -> str:
        """The trial's id."""
        return self._store.trial_id(self.number)

    @property
    def cell(self) -> Cell:
        """Model and variant."""
        return self._store.cell_names[self._store.cell_codes[self.number]]

    @property
    def prompt_id(self) -> str:
        """The prompt's id."""
        return self._word("prompt") or ""

    @property
    def treatment_digest(self) -> str:
        """The treatment's digest."""
        return self._word("treatment") or ""

    @property
    def worker(self) -> str:
        """The worker's name."""
        return self._word("worker") or ""

    @property
    def failure(self) -> str | None:
        """The kind of its failure; None when it was answered."""
        return self._word("failure")

    @property
    def prefix(self) -> str | None:
        """`cold` or `warm`; None when nobody says."""
        return self._word("prefix")

    @property
    def round(self) -> int:
        """Its round, from 1."""
        return self._store.rounds[self.number]

    @property
    def step(self) -> int | None:
        """Its step of a load that rises in steps, from 1."""
        return self._store.steps[self.number] or None

    @property
    def is_warmup(self) -> bool:
        """Whether it is a warm-up."""
        return bool(self._store.flags[self.number] & 1)

    @property
    def is_first(self) -> bool:
        """Whether it is the first request after a model was loaded."""
        return bool(self._store.flags[self.number] & 2)

    @property
    def scheduled_s(self) -> float:
        """When it was due."""
        return self._number("scheduled_s")

    @property
    def sent_s(self) -> float:
        """When it was sent."""
        return self._number("sent_s")

    @property
    def finished_s(self) -> float:
        """When it ended."""
        return self._number("finished_s")

    @property
    def values(self) -> dict[str, Floats]:
        """Metric -> its value (two for a ratio: numerator and denominator); no entry where there was none, or several."""
        found = {name: np.array([column.at(self.number) for column in measured.columns]) for name, measured in self._store.measured.items()}
        return {name: array for name, array in found.items() if np.all(np.isfinite(array))}


def _take(measured: _Measured, value: float | Sequence[float] | None, place: tuple[int, int, int], *, is_left_out: bool) -> None:
    """Put a metric's value where it belongs: no value is better than a wrong one (infinite, not a number)."""
    first, *second = measured.columns
    if value is None:
        first.append(np.nan)
        if second:
            second[0].append(np.nan)
    elif second:
        numerator, denominator = value  # type: ignore[misc]  # a ratio's metric returns a pair
        first.append(numerator)
        second[0].append(denominator)
    elif isinstance(value, (int, float)):
        first.append(value)
    elif len(value) == 1:
        first.append(value[0])
    else:
        first.append(np.nan)
        if len(value) and not is_left_out and np.all(np.isfinite(value)):
            measured.many = measured.many or Many()
            measured.many.add(value, *place)


def _clock(worker: str) -> str:
    """Whose clock a worker has: `w1-1`, `w1-2`, … are processes of one session on one machine, with one clock."""
    return worker.partition("-")[0]


def _key(trial_id: str) -> int:
    """What rows are sorted by: the beginning of an id that is a digest, else of its digest."""
    try:
        return int.from_bytes(bytes.fromhex(trial_id[:16]))
    except ValueError:
        return int.from_bytes(blake2b(trial_id.encode(), digest_size=8).digest())


class Rows(Sequence[Row]):
    """Rows in the order of their trials' digests, whatever the order of the lines; or a part of them, which shares their columns."""

    def __init__(self, store: _Store, index: Index) -> None:
        """The rows of a store with these numbers."""
        self._store = store
        self.numbers = index

    def __len__(self) -> int:
        return self.numbers.size

    def __getitem__(self, place):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN204 - a row or, for a slice, a part
        if isinstance(place, slice):
            return Rows(self._store, self.numbers[place])
        return Row(self._store, int(self.numbers[place]))

    def __iter__(self) -> Iterator[Row]:
        return (Row(self._store, number) for number in self.numbers.tolist())

    def where(self, keep: Mask) -> "Rows":
        """The rows that a mask keeps. Shape: bool[n]."""
        return Rows(self._store, self.numbers[keep])

    def at(self, places: Index) -> "Rows":
        """The rows at these places."""
        return Rows(self._store, self.numbers[places])

    def by_cell(self, cells: "Iterable[Cell] | None" = None) -> dict[Cell, "Rows"]:
        """The rows of these cells, or of each there is."""
        codes, known = self.codes("cell"), self._store.cells
        return {cell: self.where(codes == known.get(cell, -1)) for cell in (known if cells is None else cells)}

    def codes(self, name: str) -> NDArray[np.int32]:
        """A small whole number per row: `cell`, `round`, `step` (0: none), `attempts`, or the code of one of `WORDS`, where 0 is none."""
        store = self._store
        numbers = {"cell": store.cell_codes, "round": store.rounds, "step": store.steps, "attempts": store.attempts}
        held = numbers[name] if name in numbers else store.codes[name]
        return np.frombuffer(held, dtype=np.int32)[self.numbers] if store.n else np.empty(0, dtype=np.int32)

    def words(self, name: str) -> list[str]:
        """What the codes of one of `WORDS` stand for."""
        return self._store.names[name].words

    def counts(self, name: str) -> dict[str, int]:
        """How often each word occurs, in alphabetical order; rows without one are not counted."""
        counts = np.bincount(self.codes(name), minlength=1)
        return dict(sorted((word, int(n)) for word, n in zip(self.words(name)[1:], counts[1:], strict=False) if n))

    def number(self, name: str) -> Floats:
        """One of `NUMBERS` per row; `nan` where there is none."""
        return self._store.numbers[name].read()[self.numbers]

    @cached_property
    def is_warmup(self) -> Mask:
        """Whether each row is a warm-up."""
        return (self._flags & 1).astype(np.bool_)

    @cached_property
    def is_first(self) -> Mask:
        """Whether each row is the first request after a model was loaded."""
        return (self._flags & 2).astype(np.bool_)

    @property
    def _flags(self) -> NDArray[np.int8]:
        return np.frombuffer(self._store.flags, dtype=np.int8)[self.numbers] if self._store.n else np.empty(0, dtype=np.int8)

    def values(self, metric: str) -> Floats:
        """A metric's value or pair per row, `nan` where there is none or there are several. Shape: float64[n, 1 or 2]."""
        if metric not in self._store.measured:
            return np.full((len(self), 1), np.nan)
        columns = [column.read()[self.numbers] for column in self._store.measured[metric].columns]
        found = np.stack(columns, axis=1)
        found[~np.isfinite(found).all(axis=1)] = np.nan
        return found

    def has_many(self, metric: str) -> bool:
        """Whether a metric has several values in any row."""
        return metric in self._store.measured and self._store.measured[metric].many is not None

    def many(self, metric: str) -> Pooled:
        """The values of a metric that has several per row: of these rows, or, where they are a histogram, of the cells of these rows.

        Warm-up has none in here, nor has the first request where the metric reads a clock.
        """
        many = self._store.measured[metric].many
        if many is None:
            return Pooled(np.empty(0), None, np.empty(0, dtype=np.int64), 0)
        if many.is_exact:
            values, numbers = many.exact()
            kept = np.isin(numbers, self.numbers)
            return Pooled(values[kept], None, numbers[kept], 0)
        parts = [many.binned(cell) for cell in np.unique(self.codes("cell")).tolist()]
        weights = np.concatenate([part.weights for part in parts if part.weights is not None])
        units = np.concatenate([part.units for part in parts])
        return Pooled(np.concatenate([part.values for part in parts]), weights, units, max(part.n_prompts for part in parts))

    def trial_id(self, place: int) -> str:
        """The id of the trial at a place."""
        return self._store.trial_id(int(self.numbers[place]))

    @staticmethod
    def joined(parts: "Sequence[Rows]") -> "Rows":
        """The rows of at least one part, one part after the other."""
        return Rows(parts[0]._store, np.concatenate([part.numbers for part in parts]))  # noqa: SLF001 - of its own class

    @staticmethod
    def of(rows: "Sequence[Row]") -> "Rows":
        """These rows, as they are when they are a part already. All are of one reading."""
        if isinstance(rows, Rows):
            return rows
        store = rows[0]._store if rows else _Store({})  # noqa: SLF001 - rows and their parts are one module
        return Rows(store, np.array([row.number for row in rows], dtype=np.intp))


def read_rows(observations: Iterable[Observation], metrics: Mapping[str, Metric]) -> Rows:
    """Rows in the order of their trial ids, whatever the order of the lines."""
    store = _Store(metrics)
    for seen in observations:
        store.add(seen)
    return Rows(store, np.argsort(np.array(store.keys, dtype=np.uint64), kind="stable"))

"""The columns of all trials of a run, in the order in which they were read, so that a long run holds neither its answers nor an object each."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.protocols import ColumnMetric, Metric
from bench.records.observation import Observation
from bench.stats.quantile import Floats
from bench.summarize.columns import BLOCK, Column, Names, Texts
from bench.summarize.many import Many
from bench.summarize.part import Lot, Mask, Part, Whole

TOGETHER = 2048  # observations that are laid out at a time


class Cell(NamedTuple):
    """A model in a variant: what one line of a report is about."""

    model_id: str
    variant_id: str


WORDS = ("prompt", "treatment", "worker", "failure", "prefix", "counted_by", "finish_reason", "served_model", "stamped_by")
NUMBERS = ("scheduled_s", "sent_s", "finished_s", "prompt_tokens", "completion_tokens", "cached_tokens")
_COUNTS = ("cell", "round", "step", "attempts", "place")


def is_timed(metric: Metric) -> bool:
    """Whether a metric reads a clock: such metrics leave out the first request after a model was loaded."""
    return metric.unit == "s" or metric.unit.endswith("/s")


class Placed(NamedTuple):
    """Where the trials of a part belong. `is_left_out`: of several values per trial. Shape: all [n]."""

    rows: Whole
    cells: Whole
    prompts: Whole
    is_warmup: Mask
    is_first: Mask


class Measured:
    """One metric's values: a number or a pair per trial in columns, several numbers apart."""

    def __init__(self, metric: Metric) -> None:
        """Nothing is measured yet."""
        self._metric = metric
        self.is_pair = metric.aggregate == "ratio"
        self.is_timed = is_timed(metric)
        self.columns = (Column(), Column()) if self.is_pair else (Column(),)
        self.many: Many | None = None

    def add(self, lot: Lot, part: Part, placed: Placed) -> None:
        """Measure the trials of a part."""
        if not isinstance(self._metric, ColumnMetric):
            if part.observations:
                self._take_each(part.observations, placed)
            return  # a metric of grades waits for them
        with np.errstate(invalid="ignore", divide="ignore"):
            found = self._metric.measure_all(lot)
        if self.is_pair:
            for column, values in zip(self.columns, found, strict=True):
                column.extend(values)
        elif isinstance(found, tuple):
            self._take_several(np.asarray(found[0], dtype=np.float64), np.asarray(found[1], dtype=np.int64), placed)
        else:
            self.columns[0].extend(found)

    def take_alike(self, found: Sequence[float | None], alike: Column) -> None:
        """Take what a metric of grades says of each group of trials that were graded alike; `alike` is the group of each trial."""
        values = np.array(found, dtype=np.float64)
        for start in range(0, len(alike), BLOCK):
            self.columns[0].extend(values[alike.read(start, min(len(alike), start + BLOCK))])

    def _take_each(self, observations: Sequence[Observation], placed: Placed) -> None:
        """Put each trial's value where it belongs: no value is better than a wrong one (infinite, not a number)."""
        found = [self._metric.measure(seen) for seen in observations]
        if self.is_pair:
            pairs: Sequence[Any] = [(np.nan, np.nan) if pair is None else pair for pair in found]
            for place, column in enumerate(self.columns):
                column.extend([float(pair[place]) for pair in pairs])
            return
        several = [() if value is None else (value,) if isinstance(value, int | float) else tuple(value) for value in found]
        values = np.array([float(value) for trial in several for value in trial], dtype=np.float64)
        self._take_several(values, np.array([len(trial) for trial in several], dtype=np.int64), placed)

    def _take_several(self, values: Floats, counts: Whole, placed: Placed) -> None:
        """A trial's only value stands in the column; several go apart, unless one of them is no number."""
        first = np.cumsum(counts) - counts
        single = np.full(counts.size, np.nan)
        single[counts == 1] = values[first[counts == 1]]
        self.columns[0].extend(single)
        kept = (counts > 1) & ~placed.is_warmup
        if self.is_timed:
            kept &= ~placed.is_first
        if not np.isfinite(values).all():
            kept &= np.bincount(np.repeat(np.arange(counts.size), counts), weights=~np.isfinite(values), minlength=counts.size) == 0
        if kept.any():
            self.many = self.many or Many()
            n = counts[kept]
            of = (np.repeat(codes[kept], n) for codes in (placed.rows, placed.cells, placed.prompts))
            self.many.extend(values if kept.all() else values[np.repeat(kept, counts)], *of)


class Table:
    """The columns of all rows."""

    def __init__(self, metrics: Mapping[str, Metric]) -> None:
        """No trial is known yet."""
        self.n = 0
        self.cells: dict[Cell, int] = {}
        self.names = {word: Names() for word in WORDS}
        self.codes = {name: Column(np.int32) for name in (*_COUNTS, *WORDS)}
        self.flags = Column(np.int8)
        self.keys = Column(np.uint64)
        self.numbers = {name: Column() for name in NUMBERS}
        self.measured = {name: Measured(metric) for name, metric in metrics.items()}
        self.ids = Texts()
        self.order: NDArray[np.int32] | None = None

    def sort(self) -> None:
        """Put the rows in the order of their cells, warm-up last, of their prompts, and of their trials' digests: what is asked for lies together.

        `order` then says which one of those that were read each row is.
        """
        order = np.argsort(self.keys.read(), kind="stable").astype(np.int32)
        group = self.codes["cell"].read() * np.int32(2) + (self.flags.read() & 1)
        group = group * np.int64(len(self.names["prompt"].words)) + self.codes["prompt"].read()
        self.order = order[np.argsort(group[order], kind="stable")]
        self.keys = Column(np.uint64)
        del order, group
        measured = (column for each in self.measured.values() for column in each.columns)
        for column in (*self.codes.values(), self.flags, *self.numbers.values(), *measured):
            column.sort(self.order)

    def numbers_of(self, read: Whole) -> Whole:
        """The rows of those that were read as these."""
        if self.order is None:
            return read
        inverse = np.empty_like(self.order)
        inverse[self.order] = np.arange(self.n, dtype=np.int32)
        return inverse[read].astype(np.int64)

    def trial_id(self, number: int) -> str:
        """The id of the trial of a row."""
        return self.ids.at(number if self.order is None else int(self.order[number]))

    def add(self, part: Part) -> Placed:
        """Take a part in; returns where its trials stand."""
        lot = Lot(part)
        is_warmup = np.array([kind.is_warmup for kind in part.kinds], dtype=np.bool_)[part.of]
        is_first = np.array([sample.is_first for sample in part.samples], dtype=np.bool_)
        self.flags.extend(is_warmup + 2 * is_first)
        ids = [sample.trial_id for sample in part.samples]
        self.keys.extend(_keys(ids))
        self.ids.extend(ids)
        present = np.unique(part.of, return_index=True)[1]  # cells are numbered in the order of their first trials
        for kind in (part.kinds[part.of[place]] for place in np.sort(present).tolist()):
            self.cells.setdefault(Cell(kind.model_id, kind.variant_id), len(self.cells))
        cells = np.array([self.cells.get(Cell(kind.model_id, kind.variant_id), -1) for kind in part.kinds], dtype=np.int64)[part.of]
        steps = np.array([kind.step or 0 for kind in part.kinds], dtype=np.int64)[part.of]
        counts: tuple[Any, ...] = (cells, part.rounds, steps, part.attempts, part.places or range(self.n, self.n + lot.n))
        for name, column in zip(_COUNTS, counts, strict=True):
            self.codes[name].extend(column)
        prompts = self._add_words(part, lot)
        of_lot = (lot.all_scheduled_s, lot.all_sent_s, lot.all_finished_s, lot.prompt_tokens, lot.completion_tokens, lot.cached_tokens)
        for name, numbers in zip(NUMBERS, of_lot, strict=True):
            self.numbers[name].extend(numbers)
        placed = Placed(np.arange(self.n, self.n + lot.n), cells, prompts, is_warmup, is_first)
        for measured in self.measured.values():
            measured.add(lot, part, placed)
        self.n += lot.n
        return placed

    def _add_words(self, part: Part, lot: Lot) -> Whole:
        """Take the words of a part in; returns the codes of its prompts."""
        of = part.of.tolist()
        prefixes = np.where(lot.has_prefix, np.where(lot.is_warm, 2, 1), 0).tolist()
        words: tuple[Sequence[str | None], ...] = (
            [part.kinds[kind].prompt_id for kind in of],
            [part.kinds[kind].treatment_digest for kind in of],
            [sample.worker.partition("-")[0] for sample in part.samples],  # `w1-1`, `w1-2`, … are processes of one session, with one clock
            lot.failures,
            [(None, "cold", "warm")[prefix] for prefix in prefixes],
            lot.counted_by,
            lot.finish_reason,
            lot.served_model,
            lot.stamped_by,
        )
        for word, said in zip(WORDS, words, strict=True):
            codes = self.names[word].codes(said)
            self.codes[word].extend(codes)
            if word == "prompt":
                prompts = codes.astype(np.int64)
        return prompts


def _keys(ids: Sequence[str]) -> NDArray[Any]:
    """What rows are sorted by: the beginning of an id that is a digest, else of its digest."""
    try:
        found = bytes.fromhex("".join([trial_id[:16] for trial_id in ids]))
    except ValueError:
        found = b""
    if len(found) == 8 * len(ids):
        return np.frombuffer(found, dtype=">u8")
    return np.array([_key(trial_id) for trial_id in ids], dtype=np.uint64)


def _key(trial_id: str) -> int:
    try:
        return int.from_bytes(bytes.fromhex(trial_id[:16]))
    except ValueError:
        return int.from_bytes(blake2b(trial_id.encode(), digest_size=8).digest())


def parts(observations: Iterable[Observation], places: Iterable[int] = ()) -> Iterator[Part]:
    """Observations, some at a time. `places`: where in the plan they stand, where that is known."""
    left, at = iter(observations), iter(places)
    while some := list(islice(left, TOGETHER)):
        trials = [seen.trial for seen in some]
        samples, attempts = [seen.sample for seen in some], [seen.attempts for seen in some]
        yield Part(trials, np.arange(len(some)), [trial.round for trial in trials], samples, attempts, some, list(islice(at, len(some))))

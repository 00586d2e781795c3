"""Observations, reduced to what the summary needs: looks into the columns of a table, a row or many at a time."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.protocols import Metric
from bench.records.observation import Observation
from bench.stats.quantile import Floats
from bench.summarize.columns import Column
from bench.summarize.many import Pooled
from bench.summarize.part import Mask
from bench.summarize.table import Cell, Table, parts

Index = NDArray[np.intp]
Places = slice | Index


class Row:
    """One trial: a look into the columns."""

    __slots__ = ("_table", "number")

    def __init__(self, table: Table, number: int) -> None:
        """The row of a table with this number."""
        self._table = table
        self.number = number

    def _word(self, name: str) -> str | None:
        return self._table.names[name].words[self._code(name)] or None

    def _code(self, name: str) -> int:
        return int(self._table.codes[name].at(self.number))

    def _number(self, name: str) -> float:
        return float(self._table.numbers[name].at(self.number))

    @property
    def trial_id(self) -> str:
        """The trial's id."""
        return self._table.trial_id(self.number)

    @property
    def cell(self) -> Cell:
        """Model and variant."""
        return list(self._table.cells)[self._code("cell")]

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
        return self._code("round")

    @property
    def step(self) -> int | None:
        """Its step of a load that rises in steps, from 1."""
        return self._code("step") or None

    @property
    def is_warmup(self) -> bool:
        """Whether it is a warm-up."""
        return bool(int(self._table.flags.at(self.number)) & 1)

    @property
    def is_first(self) -> bool:
        """Whether it is the first request after a model was loaded."""
        return bool(int(self._table.flags.at(self.number)) & 2)

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
        found = {name: np.array([column.at(self.number) for column in measured.columns]) for name, measured in self._table.measured.items()}
        return {name: array for name, array in found.items() if np.all(np.isfinite(array))}


class Rows(Sequence[Row]):
    """Rows in an order that does not depend on that of the lines (`Table.sort`); or a part of them, which shares their columns.

    Rows that stand together in the table are a slice of it: to choose them takes no memory, and to read them only their own numbers.
    """

    def __init__(self, table: Table, index: Places) -> None:
        """The rows of a table with these numbers; a slice says where it begins and ends."""
        self._table = table
        self._index = index

    @property
    def numbers(self) -> Index:
        """Which rows of the table they are."""
        return np.arange(self._index.start, self._index.stop) if isinstance(self._index, slice) else self._index

    def __len__(self) -> int:
        return int(self._index.stop - self._index.start) if isinstance(self._index, slice) else self._index.size

    def __getitem__(self, place):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN204 - a row or, for a slice, a part
        if isinstance(place, slice):
            return self.at(place)
        return Row(self._table, int(self.numbers[place]))

    def __iter__(self) -> Iterator[Row]:
        return (Row(self._table, number) for number in self.numbers.tolist())

    def where(self, keep: Mask) -> "Rows":
        """The rows that a mask keeps. Shape: bool[n]."""
        n, first = int(np.count_nonzero(keep)), int(np.argmax(keep)) if keep.size else 0
        if keep[first : first + n].all():
            return self.at(slice(first, first + n))
        return self.at(np.flatnonzero(keep))

    def at(self, places: Places) -> "Rows":
        """The rows at these places."""
        if isinstance(self._index, slice):
            if isinstance(places, slice):
                start, stop, step = places.indices(len(self))
                if step == 1:
                    return Rows(self._table, slice(self._index.start + start, self._index.start + max(start, stop)))
                return Rows(self._table, self.numbers[places])
            return Rows(self._table, places + self._index.start)
        return Rows(self._table, self._index[places])

    def flagged(self, flags: Mask) -> "Rows":
        """The rows whose flag, one for each row of the table, is set."""
        return self.where(flags[self._index])

    def flags(self) -> Mask:
        """A flag for each row of the table, none of them set."""
        return np.zeros(self._table.n, dtype=np.bool_)

    def _read(self, column: Column) -> NDArray[Any]:
        if isinstance(self._index, slice):
            return column.read(self._index.start, self._index.stop)
        return column.read()[self._index]

    def by_cell(self, cells: "Iterable[Cell] | None" = None) -> dict[Cell, "Rows"]:
        """The rows of these cells, or of each there is."""
        codes, known = self.codes("cell"), self._table.cells
        return {cell: self.where(codes == known.get(cell, -1)) for cell in (known if cells is None else cells)}

    def codes(self, name: str) -> NDArray[np.int32]:
        """A small whole number per row: `cell`, `round`, `step` (0: none), `attempts`, or the code of one of `WORDS`, where 0 is none."""
        return self._read(self._table.codes[name])

    def words(self, name: str) -> list[str]:
        """What the codes of one of `WORDS` stand for."""
        return self._table.names[name].words

    def by_word(self, name: str) -> dict[str, Places]:
        """The places of the rows with each word, in the order of the rows: a slice where they stand together."""
        if not len(self):
            return {}
        codes, words = self.codes(name), self.words(name)
        if (codes[1:] >= codes[:-1]).all():
            edges = [0, *(np.flatnonzero(codes[1:] != codes[:-1]) + 1).tolist(), codes.size]
            return {words[int(codes[start])]: slice(start, stop) for start, stop in pairwise(edges)}
        order = np.argsort(codes, kind="stable")
        present, starts = np.unique(codes[order], return_index=True)
        return {words[code]: places for code, places in zip(present.tolist(), np.split(order, starts[1:]), strict=True)}

    def counts(self, name: str) -> dict[str, int]:
        """How often each word occurs, in alphabetical order; rows without one are not counted."""
        counts = np.bincount(self.codes(name), minlength=1)
        return dict(sorted((word, int(n)) for word, n in zip(self.words(name)[1:], counts[1:], strict=False) if n))

    def number(self, name: str) -> Floats:
        """One of `NUMBERS` per row; `nan` where there is none."""
        return self._read(self._table.numbers[name])

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
        return self._read(self._table.flags)

    def values(self, metric: str) -> Floats:
        """A metric's value or pair per row, `nan` where there is none or there are several. Shape: float64[n, 1 or 2]."""
        if metric not in self._table.measured:
            return np.full((len(self), 1), np.nan)
        columns = self._table.measured[metric].columns
        found = np.empty((len(columns), len(self)))
        for place, column in enumerate(columns):
            found[place] = self._read(column)
        found[:, ~np.isfinite(found).all(axis=0)] = np.nan
        return found.T

    def has_many(self, metric: str) -> bool:
        """Whether a metric has several values in any row."""
        return metric in self._table.measured and self._table.measured[metric].many is not None

    def many(self, metric: str) -> Pooled:
        """The values of a metric that has several per row: of these rows, or, where they are a histogram, of the cells of these rows.

        Warm-up has none in here, nor has the first request where the metric reads a clock.
        """
        many = self._table.measured[metric].many
        if many is None:
            return Pooled(np.empty(0), None, np.empty(0, dtype=np.int64), 0)
        if many.is_exact:
            values, numbers = many.exact()
            numbers = self._table.numbers_of(numbers)
            kept = np.isin(numbers, self.numbers)
            return Pooled(values[kept], None, numbers[kept], 0)
        parts = [many.binned(cell) for cell in np.unique(self.codes("cell")).tolist()]
        weights = np.concatenate([part.weights for part in parts if part.weights is not None])
        units = np.concatenate([part.units for part in parts])
        return Pooled(np.concatenate([part.values for part in parts]), weights, units, max(part.n_prompts for part in parts))

    def trial_id(self, place: int) -> str:
        """The id of the trial at a place."""
        return self._table.trial_id(int(self._index.start + place if isinstance(self._index, slice) else self._index[place]))

    @staticmethod
    def joined(parts: "Sequence[Rows]") -> "Rows":
        """The rows of at least one part, one part after the other."""
        if len(parts) == 1:
            return parts[0]
        return Rows(parts[0]._table, np.concatenate([part.numbers for part in parts]))  # noqa: SLF001 - of its own class

    @staticmethod
    def of(rows: "Sequence[Row]") -> "Rows":
        """These rows, as they are when they are a part already. All are of one reading."""
        if isinstance(rows, Rows):
            return rows
        table = rows[0]._table if rows else Table({})  # noqa: SLF001 - rows and their parts are one module
        return Rows(table, np.array([row.number for row in rows], dtype=np.intp))


def read_rows(observations: Iterable[Observation], metrics: Mapping[str, Metric]) -> Rows:
    """Rows, whatever the order of the lines."""
    table = Table(metrics)
    for part in parts(observations):
        table.add(part)
    return whole(table)


def whole(table: Table) -> Rows:
    """All rows of a table, in their order. Nothing can be added to it afterwards."""
    table.sort()
    return Rows(table, slice(0, table.n))

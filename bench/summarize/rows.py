"""Observations, reduced to what the summary needs: looks into the columns of a table, a row or many at a time."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
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
        return self._table.ids.at(self.number)

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
    """Rows in the order of their trials' digests, whatever the order of the lines; or a part of them, which shares their columns."""

    def __init__(self, table: Table, index: Index) -> None:
        """The rows of a table with these numbers."""
        self._table = table
        self.numbers = index
        self._held: dict[str, NDArray[Any]] = {}
        self._of_whole: tuple[dict[str, NDArray[Any]], Index] | None = None

    def hold(self, *names: str) -> "Rows":
        """Keep these `codes`, and the flags, in memory, for the many parts of these rows that `at` makes; returns itself."""
        self._held = {name: self.codes(name) for name in names} | {"flags": self._flags}
        return self

    def __len__(self) -> int:
        return self.numbers.size

    def __getitem__(self, place):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN204 - a row or, for a slice, a part
        if isinstance(place, slice):
            return Rows(self._table, self.numbers[place])
        return Row(self._table, int(self.numbers[place]))

    def __iter__(self) -> Iterator[Row]:
        return (Row(self._table, number) for number in self.numbers.tolist())

    def where(self, keep: Mask) -> "Rows":
        """The rows that a mask keeps. Shape: bool[n]."""
        return Rows(self._table, self.numbers[keep])

    def at(self, places: Index) -> "Rows":
        """The rows at these places."""
        part = Rows(self._table, self.numbers[places])
        part._of_whole = (self._held, places) if self._held else None
        return part

    def _read(self, name: str, column: Column) -> NDArray[Any]:
        if name in self._held:
            return self._held[name]
        if self._of_whole is not None and name in self._of_whole[0]:
            held, places = self._of_whole
            return held[name][places]
        return column.read()[self.numbers]

    def by_cell(self, cells: "Iterable[Cell] | None" = None) -> dict[Cell, "Rows"]:
        """The rows of these cells, or of each there is."""
        codes, known = self.codes("cell"), self._table.cells
        return {cell: self.where(codes == known.get(cell, -1)) for cell in (known if cells is None else cells)}

    def codes(self, name: str) -> NDArray[np.int32]:
        """A small whole number per row: `cell`, `round`, `step` (0: none), `attempts`, or the code of one of `WORDS`, where 0 is none."""
        return self._read(name, self._table.codes[name])

    def words(self, name: str) -> list[str]:
        """What the codes of one of `WORDS` stand for."""
        return self._table.names[name].words

    def by_word(self, name: str) -> dict[str, Index]:
        """The places of the rows with each word, in the order of the rows."""
        if not len(self):
            return {}
        codes = self.codes(name)
        order = np.argsort(codes, kind="stable")
        present, starts = np.unique(codes[order], return_index=True)
        words = self.words(name)
        return {words[code]: places for code, places in zip(present.tolist(), np.split(order, starts[1:]), strict=True)}

    def counts(self, name: str) -> dict[str, int]:
        """How often each word occurs, in alphabetical order; rows without one are not counted."""
        counts = np.bincount(self.codes(name), minlength=1)
        return dict(sorted((word, int(n)) for word, n in zip(self.words(name)[1:], counts[1:], strict=False) if n))

    def number(self, name: str) -> Floats:
        """One of `NUMBERS` per row; `nan` where there is none."""
        return self._table.numbers[name].read()[self.numbers]

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
        return self._read("flags", self._table.flags)

    def values(self, metric: str) -> Floats:
        """A metric's value or pair per row, `nan` where there is none or there are several. Shape: float64[n, 1 or 2]."""
        if metric not in self._table.measured:
            return np.full((len(self), 1), np.nan)
        columns = [column.read()[self.numbers] for column in self._table.measured[metric].columns]
        found = np.stack(columns, axis=1)
        found[~np.isfinite(found).all(axis=1)] = np.nan
        return found

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
            kept = np.isin(numbers, self.numbers)
            return Pooled(values[kept], None, numbers[kept], 0)
        parts = [many.binned(cell) for cell in np.unique(self.codes("cell")).tolist()]
        weights = np.concatenate([part.weights for part in parts if part.weights is not None])
        units = np.concatenate([part.units for part in parts])
        return Pooled(np.concatenate([part.values for part in parts]), weights, units, max(part.n_prompts for part in parts))

    def trial_id(self, place: int) -> str:
        """The id of the trial at a place."""
        return self._table.ids.at(int(self.numbers[place]))

    @staticmethod
    def joined(parts: "Sequence[Rows]") -> "Rows":
        """The rows of at least one part, one part after the other."""
        return Rows(parts[0]._table, np.concatenate([part.numbers for part in parts]))  # noqa: SLF001 - of its own class

    @staticmethod
    def of(rows: "Sequence[Row]") -> "Rows":
        """These rows, as they are when they are a part already. All are of one reading."""
        if isinstance(rows, Rows):
            return rows
        table = rows[0]._table if rows else Table({})  # noqa: SLF001 - rows and their parts are one module
        return Rows(table, np.array([row.number for row in rows], dtype=np.intp))


def read_rows(observations: Iterable[Observation], metrics: Mapping[str, Metric]) -> Rows:
    """Rows in the order of their trial ids, whatever the order of the lines."""
    table = Table(metrics)
    for part in parts(observations):
        table.add(part)
    return whole(table)


def whole(table: Table) -> Rows:
    """All rows of a table, in the order of their trial ids."""
    return Rows(table, np.argsort(table.keys.read(), kind="stable"))

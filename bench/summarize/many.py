"""Metrics with several values per trial, such as the gaps between chunks: all values while they are few, a histogram when they are many."""

from collections import defaultdict
from collections.abc import Sequence
from math import log
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.stats.quantile import Floats

Ids = NDArray[np.int64]
HELD = 1 << 18  # values that are kept as they are; from then on each stands for its bin's mean
_LOG_WIDTH = log(1.01)
_LEAST = 1e-6
_BINS = 1852  # the first holds what is below `_LEAST`, the last what is above 99.7
UNITS = 400  # of a cell: enough for the interval of a p99


class Pooled(NamedTuple):
    """Values, how often each occurs, and whose they are: row numbers when `weights` is None, else codes of groups of rows that share a prompt.

    Shape: all [n]. Of values in a histogram the sum is exact, and no quantile is further than 1 % from the value that it stands for.
    """

    values: Floats
    weights: Ids | None
    units: Ids
    n_prompts: int


class Many:
    """The values of one metric."""

    def __init__(self, held: int = HELD) -> None:
        """Begin with no value; more than `held` become a histogram."""
        self._most = held
        self._held: list[tuple[Floats, Ids, Ids, Ids]] = []  # values, rows, cells, prompts
        self._n_held = 0
        self._counts: dict[int, Ids] = {}
        self._sums: dict[int, Floats] = {}
        self._seen: defaultdict[int, set[int]] = defaultdict(set)

    def add(self, values: Sequence[float], row: int, cell: int, prompt: int) -> None:
        """Take the values of one trial; cell and prompt are codes."""
        self.extend(np.array(values, dtype=np.float64), *(np.full(len(values), code) for code in (row, cell, prompt)))

    def extend(self, values: Floats, rows: Ids, cells: Ids, prompts: Ids) -> None:
        """Take values with whose they are. How they are dealt out to calls changes nothing."""
        self._held.append((values, rows, cells, prompts))
        self._n_held += values.size
        if self._n_held >= self._most:
            held = self._all_held()
            whole = self._n_held - self._n_held % self._most
            for start in range(0, whole, self._most):
                self._fold(*(column[start : start + self._most] for column in held))
            self._held, self._n_held = [tuple(column[whole:].copy() for column in held)], self._n_held - whole  # type: ignore[list-item]

    def _all_held(self) -> list[NDArray[Any]]:
        return [np.concatenate(columns) for columns in zip(*self._held, strict=True)] if self._held else [np.empty(0)] * 4

    @property
    def is_exact(self) -> bool:
        """Whether every value is still there."""
        return not self._counts

    def exact(self) -> tuple[Floats, Ids]:
        """All values, and the rows they are of. Only while `is_exact`."""
        values, rows, *_ = self._all_held()
        return values, rows

    def binned(self, cell: int) -> Pooled:
        """The values of a cell as means of bins. Only when not `is_exact`."""
        if self._n_held:
            self._fold(*self._all_held())
            self._held, self._n_held = [], 0
        if cell not in self._counts:
            return Pooled(np.empty(0), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), 0)
        filled = np.flatnonzero(self._counts[cell])
        weights = self._counts[cell][filled]
        return Pooled(self._sums[cell][filled] / weights, weights, filled // _BINS, len(self._seen[cell]))

    def _fold(self, values: Floats, rows: Ids, cells: Ids, prompts: Ids) -> None:
        """Add values to the histograms: counts and sums per unit and bin."""
        places = _bins(values)
        for cell in np.unique(cells).tolist():
            here = cells == cell
            self._seen[cell].update(np.unique(prompts[here]).tolist())
            units = (rows if len(self._seen[cell]) == 1 else prompts)[here] % UNITS
            slots = units * _BINS + places[here]
            counts, sums = (np.bincount(slots, weights=weights, minlength=UNITS * _BINS) for weights in (None, values[here]))
            self._counts[cell] = self._counts.get(cell, 0) + counts.astype(np.int64)
            self._sums[cell] = np.asarray(self._sums.get(cell, 0.0) + sums, dtype=np.float64)


def _bins(values: Floats) -> NDArray[np.int64]:
    """Bins of 1 %, equal in logarithm."""
    with np.errstate(divide="ignore", invalid="ignore"):
        places = np.floor(np.log(values / _LEAST) / _LOG_WIDTH) + 1
    return np.asarray(np.clip(np.nan_to_num(places, nan=0.0, neginf=0.0, posinf=_BINS - 1), 0, _BINS - 1), dtype=np.int64)

"""Metrics with several values per trial, such as the gaps between chunks: all values while they are few, a histogram when they are many."""

from array import array
from collections import defaultdict
from collections.abc import Sequence
from math import log
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.stats.quantile import Floats

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
    weights: NDArray[np.int64] | None
    units: NDArray[np.int64]
    n_prompts: int


class Many:
    """The values of one metric."""

    def __init__(self, held: int = HELD) -> None:
        """Begin with no value; more than `held` become a histogram."""
        self._most = held
        self._values, self._rows = array("d"), array("q")
        self._cells, self._prompts = array("i"), array("i")
        self._counts: dict[int, NDArray[np.int64]] = {}
        self._sums: dict[int, Floats] = {}
        self._seen: defaultdict[int, set[int]] = defaultdict(set)

    def add(self, values: Sequence[float], row: int, cell: int, prompt: int) -> None:
        """Take the values of one trial; cell and prompt are codes."""
        n = len(values)
        self._values.extend(values)
        self._rows.extend((row,) * n)
        self._cells.extend((cell,) * n)
        self._prompts.extend((prompt,) * n)
        if len(self._values) >= self._most:
            self._fold()

    @property
    def is_exact(self) -> bool:
        """Whether every value is still there."""
        return not self._counts

    def exact(self) -> tuple[Floats, NDArray[np.int64]]:
        """All values, and the rows they are of. Only while `is_exact`."""
        return np.array(self._values, dtype=np.float64), np.array(self._rows, dtype=np.int64)

    def binned(self, cell: int) -> Pooled:
        """The values of a cell as means of bins. Only when not `is_exact`."""
        if self._values:
            self._fold()
        if cell not in self._counts:
            return Pooled(np.empty(0), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), 0)
        filled = np.flatnonzero(self._counts[cell])
        weights = self._counts[cell][filled]
        return Pooled(self._sums[cell][filled] / weights, weights, filled // _BINS, len(self._seen[cell]))

    def _fold(self) -> None:
        """Add what is held to the histograms: counts and sums per unit and bin."""
        values, cells = np.array(self._values, dtype=np.float64), np.array(self._cells)
        prompts, rows = np.array(self._prompts, dtype=np.int64), np.array(self._rows, dtype=np.int64)
        places = _bins(values)
        for cell in np.unique(cells).tolist():
            here = cells == cell
            self._seen[cell].update(np.unique(prompts[here]).tolist())
            units = (rows if len(self._seen[cell]) == 1 else prompts)[here] % UNITS
            slots = units * _BINS + places[here]
            counts, sums = (np.bincount(slots, weights=weights, minlength=UNITS * _BINS) for weights in (None, values[here]))
            self._counts[cell] = self._counts.get(cell, 0) + counts.astype(np.int64)
            self._sums[cell] = np.asarray(self._sums.get(cell, 0.0) + sums, dtype=np.float64)
        for held in (self._values, self._rows, self._cells, self._prompts):
            del held[:]


def _bins(values: Floats) -> NDArray[np.int64]:
    """Bins of 1 %, equal in logarithm."""
    with np.errstate(divide="ignore", invalid="ignore"):
        places = np.floor(np.log(values / _LEAST) / _LOG_WIDTH) + 1
    return np.asarray(np.clip(np.nan_to_num(places, nan=0.0, neginf=0.0, posinf=_BINS - 1), 0, _BINS - 1), dtype=np.int64)

"""Quantiles of ever more readings in memory that does not grow with them."""

import math
from array import array
from collections import Counter

# So many are kept as they are: half a megabyte, and eleven minutes of a loop that is asked every 10 ms.
EXACT = 65_536
_LOG_WIDTH = math.log(1.01)
_LEAST = 1e-9  # what is below counts as 0


class Readings:
    """Numbers from 0 on. Beyond `EXACT` of them, quantiles are read from bins 1 % wide, and are at most half a percent off.

    `largest` is always exact; 0 without any. Bins are kept from the start, so that no reading takes longer than another.
    """

    def __init__(self) -> None:
        """With none."""
        self._all = array("d")
        self._bins: Counter[int | None] = Counter()  # bin k holds what is above 1.01^(k - 1) and at most 1.01^k, None what is 0
        self._n = 0
        self.largest = 0.0

    def __len__(self) -> int:
        return self._n

    def add(self, value: float) -> None:
        """Take one in."""
        self._n += 1
        if self._n <= EXACT:
            self._all.append(value)
        self.largest = max(self.largest, value)
        self._bins[math.ceil(math.log(value) / _LOG_WIDTH) if value > _LEAST else None] += 1

    def quantiles(self, *levels: float) -> list[float]:
        """The quantiles of these levels: between order statistics (`quantile`), or the middle of a bin; 0 without any."""
        if self._n <= EXACT:
            ordered = sorted(self._all)
            return [quantile(ordered, level) for level in levels]
        return [self._of_bins(level * (self._n - 1)) for level in levels]

    def _of_bins(self, place: float) -> float:
        """What stands at this place of the order, from 0."""
        below = self._bins[None]
        if place < below:
            return 0.0
        for number in sorted(number for number in self._bins if number is not None):
            below += self._bins[number]
            if place < below:
                return min(math.exp((number - 0.5) * _LOG_WIDTH), self.largest)
        return self.largest


def quantile(ordered: list[float], level: float) -> float:
    """Linear interpolation between order statistics (numpy's `linear`); 0 without readings."""
    if not ordered:
        return 0.0
    place = level * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)

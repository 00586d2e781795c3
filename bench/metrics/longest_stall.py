"""How long answers stood still."""

import numpy as np

from bench.metrics.stall import all_longest_us, longest_us
from bench.protocols import Array, Columns, Metric
from bench.records.observation import Observation
from bench.records.sketch import observation


class LongestStall(Metric):
    """The longest stall of an answer that has one; `stalls` says what a stall is, and how many answers have one.

    Unit: seconds. None when the request failed, or the answer never stood still. Source: measurement.md §2.
    """

    unit, better, aggregate = "s", "lower", "quantiles"

    def measure(self, seen: Observation) -> float | None:
        """Seconds."""
        longest = None if seen.completion is None else longest_us(seen.sample.timing)
        return longest / 1e6 if longest else None

    def measure_all(self, seen: Columns) -> Array:
        """Seconds."""
        longest = all_longest_us(seen)
        return np.where(longest > 0, longest / 1e6, np.nan)


_EVEN = tuple(1.0 + k / 50 for k in range(9))
EXAMPLES = (
    (observation(token_s=(*_EVEN, 1.41, 1.8)), 0.39),
    (observation(token_s=_EVEN), None),
    (observation(token_s=(1.0, 1.5)), None),
    (observation(failure="timeout", token_s=(*_EVEN, 1.8)), None),
)

"""Share of answers that stood still."""

import numpy as np

from bench.metrics.stall import all_longest_us, longest_us
from bench.protocols import Array, Columns, Metric
from bench.records.observation import Observation
from bench.records.sketch import observation


class Stalls(Metric):
    """1 for an answer with a stall in it, 0 for one without: a gap between chunks above 50 ms and above ten times the answer's median gap.

    Unit: share. None when the request failed, or its chunks left fewer than two gaps. Source: measurement.md §2.
    """

    unit, better, aggregate = "share", "lower", "share"

    def measure(self, seen: Observation) -> float | None:
        """Zero or one."""
        longest = None if seen.completion is None else longest_us(seen.sample.timing)
        return None if longest is None else float(longest > 0)

    def measure_all(self, seen: Columns) -> Array:
        """Zero or one."""
        longest = all_longest_us(seen)
        return np.where(np.isnan(longest), np.nan, longest > 0)


_EVEN = tuple(1.0 + k / 50 for k in range(9))
EXAMPLES = (
    (observation(token_s=_EVEN), 0.0),
    (observation(token_s=(*_EVEN, 1.4)), 1.0),  # 240 ms after eight gaps of 20 ms
    (observation(token_s=(*_EVEN, 1.35)), 0.0),  # 190 ms: not ten times as long
    (observation(token_s=(1.0, 1.001, 1.002, 1.042)), 0.0),  # 40 ms: too short to be seen
    (observation(token_s=(1.0, 1.5)), None),
    (observation(first_token_s=None), None),
    (observation(failure="timeout", token_s=(*_EVEN, 1.4)), None),
)

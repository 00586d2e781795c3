"""When an answer stood still: a rule that the metrics of it share."""

import numpy as np

from bench.protocols import Array, Columns
from bench.records.exchange import Timing

# A pause that a reader sees (0.05 s is three frames of a screen) and that is no part of the answer's own rhythm.
SHORTEST_US = 50_000
TIMES_THE_MEDIAN = 10


def longest_us(timing: Timing) -> int | None:
    """The longest gap between arrivals where it is a stall, 0 where there is none, in whole microseconds; None with fewer than two gaps.

    A stall is longer than 50 ms and than ten times the answer's median gap (of an even number the lower middle one).
    """
    if timing.gaps is not None:
        longest, median = timing.gaps.max_us, timing.gaps.p50_us
    elif len(timing.gaps_us) > 1:
        longest = max(timing.gaps_us)
        median = sorted(timing.gaps_us)[(len(timing.gaps_us) - 1) // 2] if longest > SHORTEST_US else 0
    else:
        return None
    return longest if longest > SHORTEST_US and longest > TIMES_THE_MEDIAN * median else 0


def all_longest_us(seen: Columns) -> Array:
    """`longest_us` of many answers."""
    longest, median = seen.max_us.copy(), seen.p50_us.copy()
    ends = np.cumsum(seen.n_gaps)
    several = np.flatnonzero(seen.n_gaps > 1)
    if several.size:
        starts = ends - seen.n_gaps
        has_any = np.flatnonzero(seen.n_gaps > 0)
        most = np.zeros(seen.n)
        most[has_any] = np.maximum.reduceat(seen.gaps_us, starts[has_any])
        longest[several], median[several] = most[several], 0.0
        for place in several[most[several] > SHORTEST_US].tolist():
            gaps_us = np.sort(seen.gaps_us[starts[place] : ends[place]])
            median[place] = gaps_us[(gaps_us.size - 1) // 2]
    is_stall = (longest > SHORTEST_US) & (longest > TIMES_THE_MEDIAN * median)
    return np.where(np.isnan(longest), np.nan, np.where(is_stall, longest, 0.0))

"""When an answer stood still: a rule that the metrics of it share."""

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

"""Interval of how often something came out right, of plain lists."""

from collections.abc import Hashable, Sequence

import numpy as np

from bench.stats.interval import Interval
from bench.stats.wilson import share_interval, wilson_interval


def win_rate_interval(wins: Sequence[bool], clusters: Sequence[Hashable], level: float = 0.95) -> Interval:
    """Wilson interval of the share of wins. Those of one cluster are not independent: where there are such, an effective number of them counts.

    Assumes at least one entry, and as many of both.

    >>> interval = win_rate_interval([True] * 20, range(20))
    >>> round(interval.low, 3), round(win_rate_interval([True] * 20, [n // 2 for n in range(20)]).low, 3)
    (0.839, 0.722)
    """
    numbers = {cluster: number for number, cluster in enumerate(dict.fromkeys(clusters))}
    return share_interval(np.array(wins, dtype=np.float64), np.array([numbers[cluster] for cluster in clusters], dtype=np.intp), level)


def win_rate_bound(wins: int, n: int, level: float = 0.95) -> float:
    """The lower bound for so many wins in n independent tries."""
    return wilson_interval(wins / n, n, level)[0]

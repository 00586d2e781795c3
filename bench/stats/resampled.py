"""Intervals of any statistic of values that come in clusters, by resampling whole clusters."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bench.stats.cluster import BOOTSTRAP, RESAMPLES, Ids, expanded_tail
from bench.stats.interval import Interval

NEEDED = 6  # clusters, as for a median: resamples of fewer are too alike to say anything
_UNDEFINED = 0.05  # of the resamples may have no value; where more have none the interval would speak of the others only

Statistic = Callable[[NDArray[np.intp]], float | None]
"""Of the rows at these places, the number; None where it is undefined."""


def cluster_bootstrap(statistic: Statistic, clusters: Ids, rng: np.random.Generator, level: float = 0.95, *, resamples: int = RESAMPLES) -> Interval:
    """Percentile interval over resampled clusters, read at the expanded tails (`bench.stats.cluster.expanded_tail`).

    Shape: `clusters: int[n]`. No bounds below `NEEDED` clusters, or where more than 5 % of the resamples leave the statistic undefined.
    Source: A. C. Davison and D. V. Hinkley, Bootstrap Methods and their Application (1997), §3.8.
    """
    _, members = np.unique(clusters, return_inverse=True)
    k = int(members.max()) + 1 if members.size else 0
    nothing = Interval(low=None, high=None, method=BOOTSTRAP, have=k, needed=NEEDED)
    if k < NEEDED:
        return nothing
    places = np.split(np.argsort(members, kind="stable"), np.cumsum(np.bincount(members))[:-1])
    drawn = (statistic(np.concatenate([places[one] for one in rng.integers(0, k, size=k)])) for _ in range(resamples))
    values = np.array([value for value in drawn if value is not None])
    if values.size < (1 - _UNDEFINED) * resamples:
        return nothing
    tail = expanded_tail(k, level)
    low, high = np.quantile(values, (tail, 1 - tail))
    return Interval(low=float(low), high=float(high), method=BOOTSTRAP, have=k, needed=NEEDED)

"""Quantiles of independent values, with the exact order-statistic interval.

Source: H. A. David and H. N. Nagaraja, Order Statistics, 3rd ed. (2003), §7.1; G. J. Hahn and W. Q. Meeker, Statistical Intervals (1991), §5.2.
For independent values the number of them at or below the p-quantile is binomial(n, p), whatever their distribution, so that
P(X(l) ≤ q ≤ X(u)) ≥ 1 − P(B < l) − P(B ≥ u). Nothing is resampled and no distribution is assumed; ties only raise the coverage.
"""

from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bench.stats.distributions import binomial_above, binomial_below
from bench.stats.interval import Interval

Floats = NDArray[np.float64]
ORDER_STATISTIC = "order statistics, exact binomial"


def quantile(values: Floats, p: float) -> float:
    """The p-quantile by linear interpolation between order statistics (numpy `linear`; type 7 of Hyndman and Fan, 1996).

    Shape: `values: float64[n]`, n ≥ 1.

    >>> quantile(np.array([1.0, 2.0, 3.0, 4.0]), 0.5)
    2.5
    """
    return float(np.quantile(values, p, method="linear"))


def quantiles(values: Floats, ps: Sequence[float], weights: NDArray[np.int64] | None = None) -> list[float]:
    """Several quantiles at once. With `weights`, how often each value occurs, the nearest value with that rank is taken, not one between two."""
    if weights is None:
        return [float(found) for found in np.quantile(values, ps, method="linear")]
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    places = np.searchsorted(reached, np.maximum(np.asarray(ps) * reached[-1], 1), side="left")
    return [float(found) for found in values[order][places]]


@lru_cache(maxsize=4096)
def ranks(n: int, p: float, level: float = 0.95) -> tuple[int | None, int | None]:
    """Ranks (from 1) of the order statistics that bound the p-quantile; each tail has at most (1 − level)/2. None: n is too small on that side.

    l is the largest rank with P(B ≤ l − 1) ≤ α/2, u the smallest with P(B ≥ u) ≤ α/2, B ~ binomial(n, p).

    The median of ten values lies between the second and the ninth, with a chance of 1 − 2 · 11/1024 = 97.9 %:

    >>> ranks(10, 0.5)
    (2, 9)
    >>> ranks(71, 0.95)[1], ranks(72, 0.95)[1]
    (None, 72)
    """
    tail = (1 - level) / 2
    lower = bisect_left(range(1, n + 1), x=True, key=lambda rank: binomial_below(rank - 1, n, p) > tail)
    upper = bisect_left(range(1, n + 1), x=True, key=lambda rank: binomial_above(rank - 1, n, p) <= tail) + 1
    return (lower or None, upper if upper <= n else None)


@lru_cache(maxsize=64)
def needed(p: float, level: float = 0.95) -> int:
    """The smallest n that gives bounds on both sides: max(p, 1 − p)^n ≤ (1 − level)/2.

    >>> needed(0.5), needed(0.95), needed(0.99)
    (6, 72, 368)
    """
    tail, far = (1 - level) / 2, max(p, 1 - p)
    n = max(1, int(np.log(tail) / np.log(far)) - 1)
    while far**n > tail:
        n += 1
    return n


def quantile_interval(values: Floats, p: float, level: float = 0.95) -> Interval:
    """The order-statistic interval of the p-quantile. Assumes independent values of one distribution.

    >>> quantile_interval(np.arange(1.0, 11.0), 0.5)[:2]
    (2.0, 9.0)
    """
    return quantile_intervals(values, (p,), level)[0]


def quantile_intervals(values: Floats, ps: Sequence[float], level: float = 0.95) -> list[Interval]:
    """`quantile_interval` of several quantiles at once."""
    ordered = np.sort(values)
    found = []
    for p in ps:
        lower, upper = ranks(int(ordered.size), p, level)
        found.append(
            Interval(
                low=None if lower is None else float(ordered[lower - 1]),
                high=None if upper is None else float(ordered[upper - 1]),
                method=ORDER_STATISTIC,
                have=int(ordered.size),
                needed=needed(p, level),
            )
        )
    return found

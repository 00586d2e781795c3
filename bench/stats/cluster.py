"""Intervals for values that come in clusters (rounds of one prompt), where only the clusters are independent.

Treating the values as independent makes intervals too narrow by about √(1 + (m − 1)ρ) for m values per cluster with correlation ρ
(L. Kish, Survey Sampling, 1965, ch. 5); the tests show it by simulation.
"""

from math import sqrt

import numpy as np
from numpy.typing import NDArray

from bench.stats.distributions import normal_cdf, t_quantile
from bench.stats.interval import Interval
from bench.stats.quantile import Floats, needed

Ids = NDArray[np.intp]
JACKKNIFE = "t over clusters, leave-one-out"
BOOTSTRAP = "bootstrap over clusters"
RESAMPLES = 2000  # the expanded tail below stays above 0.2 %, that is 4 resamples, from 6 clusters on
_GRID = 2000  # candidate values per quantile; bounds are rounded outwards to the next one


def cluster_sums(values: Floats, clusters: Ids) -> tuple[Floats, Floats]:
    """Sum and count of the values of each cluster that has any. Shape: `values: float64[n]`, `clusters: int[n]` from 0."""
    counts = np.bincount(clusters).astype(np.float64)
    sums = np.bincount(clusters, weights=values).astype(np.float64)
    return sums[counts > 0], counts[counts > 0]


def ratio_interval(numerators: Floats, denominators: Floats, level: float = 0.95) -> Interval:
    """Interval of the ratio of sums ΣY/ΣN over independent clusters; with counts as denominators, of the mean of all values.

    Shape: both `float64[k]`, one entry per cluster. Bounds: r ± t(k−1) · √((k−1)/k · Σ(r₍₋ᵢ₎ − r̄)²), r₍₋ᵢ₎ being the ratio without cluster i; the
    jackknife keeps its coverage where clusters differ in size. With one value per cluster it is Student's interval of a mean.
    Source: W. G. Cochran, Sampling Techniques, 3rd ed. (1977), ch. 6; J. G. MacKinnon, M. Ø. Nielsen and M. D. Webb, Cluster-robust inference,
    Journal of Econometrics 232 (2023) 272–299, estimator CV3.

    Student's own example of a mean, n = 4:

    >>> low, high, *_ = ratio_interval(np.array([1.0, 2.0, 3.0, 4.0]), np.ones(4))
    >>> round(low, 4), round(high, 4)
    (0.4457, 4.5543)
    """
    k = numerators.size
    without = denominators.sum() - denominators
    if k < 2 or not np.all(without > 0):
        return Interval(low=None, high=None, method=JACKKNIFE, have=k, needed=2)
    ratio = numerators.sum() / denominators.sum()
    left_out = (numerators.sum() - numerators) / without
    spread = np.sqrt((k - 1) / k * np.sum((left_out - left_out.mean()) ** 2))
    reach = t_quantile(k - 1, (1 + level) / 2) * float(spread)
    return Interval(low=float(ratio) - reach, high=float(ratio) + reach, method=JACKKNIFE, have=k, needed=2)


def mean_interval(values: Floats, clusters: Ids, level: float = 0.95) -> Interval:
    """Interval of the mean of all values, clustered."""
    return ratio_interval(*cluster_sums(values, clusters), level)


def expanded_tail(k: int, level: float = 0.95) -> float:
    """The tail at which to read a percentile interval from k resampled units, so that it is as wide as a t interval.

    Φ(−√(k/(k−1)) · t(k−1, 1 − α/2)) in place of α/2: the plain percentile interval is too narrow for few units.
    Source: T. C. Hesterberg, What Teachers Should Know About the Bootstrap, The American Statistician 69 (2015) 371–386.

    >>> round(expanded_tail(10), 4), round(expanded_tail(10_000), 4)
    (0.0086, 0.025)
    """
    return normal_cdf(-sqrt(k / (k - 1)) * t_quantile(k - 1, (1 + level) / 2))


def clustered_quantile_interval(values: Floats, clusters: Ids, p: float, rng: np.random.Generator, level: float = 0.95) -> Interval:
    """Interval of the p-quantile of all values by a bootstrap over clusters, read at the expanded tails.

    Shape: `values: float64[n]`, `clusters: int[n]` from 0. A quantile further out than the clusters can reach has no bounds: without knowing how
    alike the values of a cluster are, only as many clusters as independent values would take are enough.
    Assumes: clusters drawn independently. Source: A. C. Davison and D. V. Hinkley, Bootstrap Methods and their Application (1997), §3.8.
    """
    _, members = np.unique(clusters, return_inverse=True)
    k = int(members.max()) + 1 if members.size else 0
    enough = needed(p, level)
    if k < enough:
        return Interval(low=None, high=None, method=BOOTSTRAP, have=k, needed=enough)
    grid, counts = _counts_below(values, members, k)
    totals = counts[:, -1]
    weights = rng.multinomial(k, np.full(k, 1 / k), size=RESAMPLES).astype(np.float64)
    drawn = _first_reached(weights, counts, p * (weights @ totals))
    tail = expanded_tail(k, level)
    step = int(grid.size == _GRID)  # a thinned grid rounds every quantile up to the next candidate
    low = grid[max(0, int(np.quantile(drawn, tail, method="lower")) - step)]
    high = grid[int(np.quantile(drawn, 1 - tail, method="higher"))]
    return Interval(low=float(low), high=float(high), method=BOOTSTRAP, have=k, needed=enough)


def _first_reached(weights: Floats, counts: Floats, targets: Floats) -> Ids:
    """For each resample the first candidate at which its weighted counts reach its target, by bisection.

    Shape: `weights: float64[r, k]`, `counts: float64[k, g]` rising along g, `targets: float64[r]`, at most the last count; returns int[r].
    """
    by_candidate = np.ascontiguousarray(counts.T)
    low = np.zeros(len(weights), dtype=np.intp)
    high = np.full(len(weights), len(by_candidate) - 1, dtype=np.intp)
    while np.any(low < high):
        middle = (low + high) // 2
        is_reached = np.einsum("rk,rk->r", weights, by_candidate[middle]) >= targets
        high = np.where(is_reached, middle, high)
        low = np.where(is_reached, low, np.minimum(middle + 1, high))
    return low


def _counts_below(values: Floats, members: Ids, k: int) -> tuple[Floats, Floats]:
    """Candidate values, and per cluster how many of its values are at or below each. Shape: float64[g], float64[k, g]."""
    ordered = np.unique(values)
    if ordered.size > _GRID:
        ordered = ordered[np.unique(np.linspace(0, ordered.size - 1, _GRID).astype(np.intp))]
    slots = np.searchsorted(ordered, values, side="left")
    flat = np.bincount(members * ordered.size + slots, minlength=k * ordered.size)
    return ordered, np.cumsum(flat.reshape(k, ordered.size), axis=1).astype(np.float64)

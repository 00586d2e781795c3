"""Intervals for values that come in clusters (rounds of one prompt), where only the clusters are independent.

Treating the values as independent makes intervals too narrow by about √(1 + (m − 1)ρ) for m values per cluster with correlation ρ
(L. Kish, Survey Sampling, 1965, ch. 5); the tests show it by simulation.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.stats.distributions import normal_cdf, t_quantile
from bench.stats.interval import Interval
from bench.stats.quantile import Floats, needed

Ids = NDArray[np.intp]
JACKKNIFE = "t over clusters, leave-one-out"
BOOTSTRAP = "bootstrap over clusters"
RESAMPLES = 2000  # the expanded tail below stays above 0.2 %, that is 4 resamples, from 6 clusters on
# With two clusters Student's quantile is 12.7, and the interval spans more than anybody believes: "n too small" says the same more clearly.
LEAST_CLUSTERS = 3
_GRID = 2000  # candidate values per quantile; bounds are rounded outwards to the next one
MOST_RESAMPLED = 2000  # clusters; resampling more takes memory and time, and says no more than the theory for large samples
WOODRUFF = "Woodruff over clusters"
_STRIDE = 45  # about √_GRID
_EXACT_IN_FLOAT32 = 2**24  # whole numbers up to this
_TOGETHER = 1 << 18  # values that are counted at a time
_CHUNK = 250  # resamples at a time: keeps the memory at `_CHUNK` × `_GRID` numbers


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
    if k < LEAST_CLUSTERS or not np.all(without > 0):
        return Interval(low=None, high=None, method=JACKKNIFE, have=k, needed=LEAST_CLUSTERS)
    ratio = numerators.sum() / denominators.sum()
    left_out = (numerators.sum() - numerators) / without
    spread = np.sqrt((k - 1) / k * np.sum((left_out - left_out.mean()) ** 2))
    reach = t_quantile(k - 1, (1 + level) / 2) * float(spread)
    return Interval(low=float(ratio) - reach, high=float(ratio) + reach, method=JACKKNIFE, have=k, needed=LEAST_CLUSTERS)


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
    """Interval of the p-quantile of all values: `clustered_quantile_intervals` of one."""
    return clustered_quantile_intervals(values, clusters, (p,), rng, level)[0]


def clustered_quantile_intervals(  # noqa: PLR0913 - values with their weights, what is wanted of them, and the chance
    values: Floats, clusters: Ids, ps: Sequence[float], rng: np.random.Generator | int, level: float = 0.95, *, weights: Ids | None = None
) -> list[Interval]:
    """Intervals of the p-quantiles of all values by a bootstrap over clusters, read at the expanded tails; the resamples are the same for all p.

    `rng`: a generator, or a seed, whose resamples are then the same for all values with as many clusters, and drawn once.

    Shape: `values: float64[n]`, `clusters: int[n]` from 0, `weights: int[n]`, how often each value occurs. A quantile further out than the clusters
    can reach has no bounds: without knowing how alike the values of a cluster are, only as many clusters as independent values would take are enough.
    Above `MOST_RESAMPLED` clusters the quantile's share is bounded instead (`woodruff_interval`), which then says the same.
    Assumes: clusters drawn independently. Source: A. C. Davison and D. V. Hinkley, Bootstrap Methods and their Application (1997), §3.8.
    """
    is_there = np.bincount(clusters) > 0
    k = int(np.count_nonzero(is_there))
    members = clusters if is_there.all() else (np.cumsum(is_there) - 1)[clusters]
    if k > MOST_RESAMPLED:
        return [woodruff_interval(values, members, p, level, weights=weights) for p in ps]
    reachable = [p for p in ps if k >= needed(p, level)]
    found: dict[float, tuple[float, float]] = {}
    if reachable:
        grid, counts = _counts_below(values, members, k, weights)
        drawn = _drawn_places(counts, reachable, rng)
        tail = expanded_tail(k, level)
        step = int(grid.size == _GRID)  # a thinned grid rounds every quantile up to the next candidate
        for p, places in zip(reachable, drawn, strict=True):
            low = grid[max(0, int(np.quantile(places, tail, method="lower")) - step)]
            found[p] = float(low), float(grid[int(np.quantile(places, 1 - tail, method="higher"))])
    bounds = [found.get(p, (None, None)) for p in ps]
    return [Interval(low, high, BOOTSTRAP, k, needed(p, level)) for p, (low, high) in zip(ps, bounds, strict=True)]


@lru_cache(maxsize=2)
def _of_seed(seed: int, k: int) -> NDArray[np.uint16]:
    """`_resamples` of a seed, once for all that is estimated with it."""
    return _resamples(np.random.default_rng(seed), k)


def _resamples(rng: np.random.Generator, k: int) -> NDArray[np.uint16]:
    """How often each of k clusters is drawn in each resample. Shape: [RESAMPLES, k]; k ≤ `MOST_RESAMPLED`, so 16 bits hold any count."""
    return np.concatenate([rng.multinomial(k, np.full(k, 1 / k), size=_CHUNK).astype(np.uint16) for _ in range(RESAMPLES // _CHUNK)])


def _drawn_places(counts: Floats, ps: Sequence[float], rng: np.random.Generator | int) -> list[NDArray[np.intp]]:
    """For each p the candidate that is the p-quantile of each resample. Shape: `counts: float[k, g]`, cumulated along g; int[RESAMPLES] each.

    Candidates are looked for among every `_STRIDE`th first, then between two of those: the counts only grow, so the place found is the first.
    """
    k, size = counts.shape
    coarse = np.append(np.arange(0, size - 1, _STRIDE), size - 1)
    stops = np.ascontiguousarray(counts[:, coarse])
    drawn = _of_seed(rng, k) if isinstance(rng, int) else _resamples(rng, k)
    below = np.concatenate([drawn[at : at + _CHUNK].astype(counts.dtype) @ stops for at in range(0, RESAMPLES, _CHUNK)])
    totals = below[:, -1].astype(np.float64)
    found = []
    for p in ps:
        wanted = p * totals
        stop = np.argmax(below >= wanted[:, None], axis=1)
        places = np.zeros(RESAMPLES, dtype=np.intp)
        for last in np.unique(stop).tolist():
            here = np.flatnonzero(stop == last)
            start, end = coarse[max(0, last - 1)], coarse[last] + 1
            places[here] = start + np.argmax(drawn[here].astype(counts.dtype) @ counts[:, start:end] >= wanted[here, None], axis=1)
        found.append(places)
    return found


def woodruff_interval(values: Floats, clusters: Ids, p: float, level: float = 0.95, *, weights: Ids | None = None) -> Interval:
    """Interval of the p-quantile of all values from many clusters: the values at the bounds of the share of values below the quantile.

    p ± t(k−1) · s, s² = k/(k−1) · Σ(below₍ᵢ₎ − p·n₍ᵢ₎)² / n². Shape: `values: float64[n]`, `clusters: int[n]` from 0, all present.
    Source: R. S. Woodruff, Confidence intervals for medians and other position measures, JASA 47 (1952) 635–646.
    """
    order = np.argsort(values, kind="stable")
    ordered, owners = values[order], clusters[order]
    counted = np.ones(values.size) if weights is None else weights[order].astype(np.float64)
    reached = np.cumsum(counted)
    k, n = int(owners.max()) + 1, reached[-1]
    inside = ordered <= ordered[np.searchsorted(reached, p * n)]
    residuals = np.bincount(owners, weights=counted * inside, minlength=k) - p * np.bincount(owners, weights=counted, minlength=k)
    reach = t_quantile(k - 1, (1 + level) / 2) * sqrt(k / (k - 1) * float(residuals @ residuals)) / n
    low, high = (ordered[min(values.size - 1, int(np.searchsorted(reached, share * n)))] for share in (max(0.0, p - reach), min(1.0, p + reach)))
    return Interval(low=float(low), high=float(high), method=WOODRUFF, have=k, needed=needed(p, level))


def _counts_below(values: Floats, members: Ids, k: int, weights: Ids | None = None) -> tuple[Floats, Floats]:
    """Candidate values, and per cluster how many of its values are at or below each. Shape: float64[g], float[k, g]."""
    ordered = np.unique(values)
    if ordered.size > _GRID:
        ordered = ordered[np.unique(np.linspace(0, ordered.size - 1, _GRID).astype(np.intp))]
    flat: NDArray[Any] = np.zeros(k * ordered.size, dtype=np.int64 if weights is None else np.float64)
    for start in range(0, values.size, _TOGETHER):
        some = slice(start, start + _TOGETHER)
        slots = members[some] * np.intp(ordered.size) + np.searchsorted(ordered, values[some], side="left")
        flat += np.bincount(slots, weights=None if weights is None else weights[some], minlength=flat.size)
    counts = flat.reshape(k, ordered.size)
    np.cumsum(counts, axis=1, out=counts)
    is_small = k * counts[:, -1].max() < _EXACT_IN_FLOAT32
    return ordered, counts.astype(np.float32 if is_small else np.float64)

"""Intervals of a share (successes among trials), independent or clustered."""

from math import sqrt

import numpy as np

from bench.stats.cluster import Ids, cluster_sums
from bench.stats.distributions import normal_quantile, t_quantile
from bench.stats.interval import Interval
from bench.stats.quantile import Floats

WILSON = "Wilson score"
CLUSTERED_WILSON = "Wilson score, effective n over clusters"


def wilson_interval(share: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """The score interval of a share seen in n trials; n may be an effective number.

    Source: E. B. Wilson, Journal of the American Statistical Association 22 (1927) 209–212; the numbers below are those of
    R. G. Newcombe, Statistics in Medicine 17 (1998) 857–872, table I, method 3 (81 of 263).

    >>> low, high = wilson_interval(81 / 263, 263)
    >>> round(low, 4), round(high, 4)
    (0.2553, 0.3662)
    """
    z = normal_quantile((1 + level) / 2)
    centre = share + z * z / (2 * n)
    reach = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return max(0.0, (centre - reach) / scale), min(1.0, (centre + reach) / scale)


def effective_n(values: Floats, clusters: Ids, level: float = 0.95) -> float:
    """As many independent trials as tell as much as these clustered zeros and ones.

    n_eff = p(1−p)/v with v the cluster variance of the share, at most n, times (z / t(k−1))² for the few clusters v comes from.
    Where all values agree, v is no estimate and every cluster counts as one trial. Assumes at least two clusters.
    Source: E. L. Korn and B. I. Graubard, Survey Methodology 24 (1998) 193–201, §2.
    """
    sums, counts = cluster_sums(values, clusters)
    k, n = sums.size, counts.sum()
    share = sums.sum() / n
    if share in {0.0, 1.0}:
        return float(k)
    variance = k / (k - 1) * np.sum((sums - share * counts) ** 2) / n**2
    raw = n if variance == 0 else min(n, share * (1 - share) / variance)
    upper = (1 + level) / 2
    return float(max(1.0, raw * (normal_quantile(upper) / t_quantile(k - 1, upper)) ** 2))


def share_interval(values: Floats, clusters: Ids, level: float = 0.95) -> Interval:
    """Interval of the share of ones. Independent when no cluster has two values; no bounds from a single cluster of several.

    Shape: `values: float64[n]` of zeros and ones, `clusters: int[n]` from 0.
    """
    _, counts = cluster_sums(values, clusters)
    share, k = float(values.mean()), int(counts.size)
    if counts.max() == 1:
        low, high = wilson_interval(share, values.size, level)
        return Interval(low=low, high=high, method=WILSON, have=k, needed=1)
    if k < 2:
        return Interval(low=None, high=None, method=CLUSTERED_WILSON, have=k, needed=2)
    low, high = wilson_interval(share, effective_n(values, clusters, level), level)
    return Interval(low=low, high=high, method=CLUSTERED_WILSON, have=k, needed=2)

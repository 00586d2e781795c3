"""Intervals of a share (successes among trials) or a mean of scores in 0–1, independent or clustered."""

from math import sqrt

import numpy as np

from bench.stats.cluster import Ids, cluster_sums
from bench.stats.distributions import normal_quantile, t_quantile
from bench.stats.interval import Interval
from bench.stats.quantile import Floats

WILSON = "Wilson score"
CLUSTERED_WILSON = "Wilson score, effective n over clusters"
_AGREE = 1e-18  # a variance of sums below this is rounding


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
    return (centre - reach) / scale if share > 0 else 0.0, (centre + reach) / scale if share < 1 else 1.0


def effective_n(values: Floats, clusters: Ids, level: float = 0.95) -> float:
    """As many independent zeros and ones as tell as much about the mean as these clustered values in 0–1.

    n_eff = p(1−p)/v with v the cluster variance of the mean, times (z / t(k−1))² for the few clusters that v comes from. Zeros and ones never
    count for more than they are. Where all clusters agree, v is no estimate and every cluster counts as one. Assumes at least two clusters.
    Source: E. L. Korn and B. I. Graubard, Survey Methodology 24 (1998) 193–201, §2. That the variance of values in 0–1 is at most p(1−p) makes it
    hold for scores too: R. Bhatia and C. Davis, American Mathematical Monthly 107 (2000) 353–357.
    """
    sums, counts = cluster_sums(values, clusters)
    k, n = sums.size, counts.sum()
    mean = sums.sum() / n
    variance = k / (k - 1) * np.sum((sums - mean * counts) ** 2) / n**2
    if variance <= _AGREE * n**-2:
        return float(k)
    raw = mean * (1 - mean) / variance
    if np.all((values == 0) | (values == 1)):
        raw = min(n, raw)
    upper = (1 + level) / 2
    return float(max(1.0, raw * (normal_quantile(upper) / t_quantile(k - 1, upper)) ** 2))


def share_interval(values: Floats, clusters: Ids, level: float = 0.95) -> Interval:
    """Interval of a share (zeros and ones) or of a mean score (values in 0–1). Student's interval would be empty where all agree; this one is not.

    Shape: `values: float64[n]`, `clusters: int[n]` from 0. Zeros and ones of which no cluster has two are taken as independent trials; a single
    cluster of several values has no bounds.
    """
    _, counts = cluster_sums(values, clusters)
    mean, k = float(values.mean()), int(counts.size)
    if counts.max() == 1 and np.all((values == 0) | (values == 1)):
        low, high = wilson_interval(mean, values.size, level)
        return Interval(low=low, high=high, method=WILSON, have=k, needed=1)
    if k < 2:
        return Interval(low=None, high=None, method=CLUSTERED_WILSON, have=k, needed=2)
    low, high = wilson_interval(mean, effective_n(values, clusters, level), level)
    return Interval(low=low, high=high, method=CLUSTERED_WILSON, have=k, needed=2)

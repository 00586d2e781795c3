"""The mean of differences over strata that are the very ones asked about: repeats within each are what varies, not the strata."""

from math import sqrt
from typing import NamedTuple

import numpy as np

from bench.stats.cluster import Ids
from bench.stats.distributions import t_below, t_quantile
from bench.stats.quantile import Floats

STRATIFIED = "t over rounds within prompts"
LEAST = 2  # repeats of each stratum: one says nothing of how much they vary


class Stratified(NamedTuple):
    """The mean of the strata's means, the bounds of its interval and the p of a mean of 0; None where some stratum has too few repeats."""

    mean: float
    low: float | None
    high: float | None
    p: float | None
    n_strata: int
    n: int


def stratified_mean(differences: Floats, strata: Ids, level: float = 0.95) -> Stratified:
    """The mean of the strata's means, each counting once, with Student's interval from the variance within the strata.

    Variance: Σ s²ₖ/nₖ / K², degrees of freedom by Satterthwaite. It speaks of these strata alone: how others would be is not in it. Shape:
    `differences: float64[n]`, `strata: int[n]` from 0, n ≥ 1. Assumes: repeats within a stratum are independent. Source: W. G. Cochran, Sampling
    Techniques, 3rd ed. (1977), §5.4; F. E. Satterthwaite, Biometrics Bulletin 2 (1946) 110–114.

    One stratum is Student's own case:

    >>> found = stratified_mean(np.array([1.0, 2.0, 3.0, 4.0]), np.zeros(4, dtype=np.intp))
    >>> round(found.low, 4), round(found.high, 4), round(found.p, 4)
    (0.4457, 4.5543, 0.0305)
    """
    counts = np.bincount(strata)
    is_there = counts > 0
    counts = counts[is_there].astype(np.float64)
    means = np.bincount(strata, weights=differences)[is_there] / counts
    k, mean = counts.size, float(means.mean())
    if counts.min() < LEAST:
        return Stratified(mean, None, None, None, k, differences.size)
    members = (np.cumsum(is_there) - 1)[strata]
    variances = np.bincount(members, weights=(differences - means[members]) ** 2) / (counts - 1) / counts
    total = float(variances.sum())
    if total == 0:
        return Stratified(mean, mean, mean, 1.0 if mean == 0 else 0.0, k, differences.size)
    degrees = total**2 / float((variances**2 / (counts - 1)).sum())
    error = sqrt(total) / k
    reach = t_quantile(degrees, (1 + level) / 2) * error
    return Stratified(mean, mean - reach, mean + reach, 2 * t_below(degrees, -abs(mean) / error), k, differences.size)

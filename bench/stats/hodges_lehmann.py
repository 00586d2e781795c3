"""The typical difference of paired units: half of all pairwise means lie above it. A few units that moved far hardly move it."""

from math import sqrt
from typing import NamedTuple

import numpy as np

from bench.stats.distributions import normal_quantile
from bench.stats.quantile import Floats

MOST = 2000  # units: two million pairwise means; with more the mean and its interval say as much
_MOST_EXACT = 60  # units: beyond it the rank sum is normal for all that can be seen


class Typical(NamedTuple):
    """The estimate with its bounds; None on both sides where so few units have none at that level."""

    value: float
    low: float | None
    high: float | None


def hodges_lehmann(differences: Floats, level: float = 0.95) -> Typical | None:
    """The median of the means of all pairs (a unit with itself included), and the interval of all shifts that Wilcoxon's signed ranks do not refuse.

    Assumes: differences are independent and spread symmetrically around what they have in common. Shape: `differences: float64[n]`, n ≥ 1; None for
    more than `MOST`. Source: J. L. Hodges and E. L. Lehmann, Annals of Mathematical Statistics 34 (1963) 598–611; the interval: J. W. Tukey, in
    M. Hollander and D. A. Wolfe, Nonparametric Statistical Methods (1973), §3.3, whose depression scores are below.

    >>> before = np.array([1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30])
    >>> after = np.array([0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29])
    >>> [round(bound, 3) for bound in hodges_lehmann(after - before, 0.96)]
    [-0.46, -0.786, -0.01]
    """
    n = differences.size
    if n > MOST:
        return None
    first, second = np.triu_indices(n)
    means = np.sort((differences[first] + differences[second]) / 2)
    cut = _cut(n, level)
    if cut is None:
        return Typical(float(np.median(means)), None, None)
    return Typical(float(np.median(means)), float(means[cut]), float(means[means.size - 1 - cut]))


def _cut(n: int, level: float) -> int | None:
    """How many pairwise means lie outside the interval on each side: the largest rank sum that a test refuses; None where it refuses none.

    >>> _cut(5, 0.95) is None, _cut(6, 0.95), _cut(9, 0.96)
    (True, 0, 5)
    """
    tail = (1 - level) / 2 + 1e-12
    if n > _MOST_EXACT:
        spread = sqrt(n * (n + 1) * (2 * n + 1) / 24)
        return int(n * (n + 1) / 4 - normal_quantile((1 + level) / 2) * spread)
    ways = np.zeros(n * (n + 1) // 2 + 1)
    ways[0] = 1.0
    for rank in range(1, n + 1):
        ways[rank:] += ways[:-rank].copy()
    below = np.cumsum(ways) / 2.0**n
    refused = int((below <= tail).sum())
    return refused - 1 if refused else None

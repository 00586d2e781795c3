"""Two things compared on the same units (two models on the same prompts): one difference per unit, and what it says.

Pairing takes out what both find hard. The units are prompts, not answers: rounds of one prompt are not independent (E. Miller, Adding Error Bars to
Evals, arXiv:2411.00640, §4.2 and §2.2).
"""

from collections.abc import Sequence
from math import ceil, inf, log2, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.stats.distributions import binomial_below, normal_cdf, normal_quantile, t_quantile, t_shift
from bench.stats.quantile import Floats

EXACT = "sign flips, all"
DRAWN = "sign flips, 9,999 drawn"
LARGE = "sign flips, by their variance"
MCNEMAR = "McNemar, exact"
MOST_EXACT = 15  # units: 2¹⁴ flips that differ
MOST_DRAWN = 500  # units: beyond it the flips' sum is normal for all that can be seen
DRAWS = 9_999
_ROUNDING = 1e-9  # sums that differ by less, of the largest there is, are equal: ties must not hang on the order of adding


class Paired(NamedTuple):
    """What the differences of `n` units say of their mean.

    `low`/`high`: all means that the test would not refuse at 1 − level; None on a side where even the most extreme flips cannot refuse any.
    """

    mean: float
    low: float | None
    high: float | None
    p: float
    n: int
    spread: float  # standard deviation of the differences; 0.0 of a single one
    method: str


class Tally(NamedTuple):
    """On how many units the first has the higher value, on how many both the same, on how many the second."""

    higher: int
    ties: int
    lower: int


def sign_flips(differences: Floats, rng: np.random.Generator, level: float = 0.95) -> Paired:
    """The two-sided sign-flip permutation test of a mean difference of 0, and the interval of all means that it does not refuse.

    Where both are alike, each difference is as likely as its negative. p is the share of sign flips whose sum is at least as far from 0 as the one
    seen; of drawn flips the seen one is counted among them, so that p is never 0. Shape: `differences: float64[n]`, n ≥ 1, one per independent unit.
    Source: R. A. Fisher, The Design of Experiments (1935), §21, whose own numbers are below; the interval: J. A. Hartigan, Using Subsample Values as
    Typical Values, JASA 64 (1969) 1303–1317; B. Phipson and G. K. Smyth, Statistical Applications in Genetics and Molecular Biology 9 (2010) 39.

    Darwin’s maize, crossed against self-fertilised, in eighths of an inch: 1726 of all 32768 flips are as far out as what was seen.

    >>> darwin = np.array([49.0, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48])
    >>> round(sign_flips(darwin, np.random.default_rng(0)).p * 2**15)
    1726
    """
    n, mean = differences.size, float(differences.mean())
    spread = float(differences.std(ddof=1)) if n > 1 else 0.0
    if n > MOST_DRAWN:
        return _by_variance(differences, mean, spread, level)
    flips = (all_flips(n) if n <= MOST_EXACT else rng.integers(0, 2, size=(DRAWS, n), dtype=np.int8)).astype(np.float64)
    method, seen_apart = (EXACT, 0) if n <= MOST_EXACT else (DRAWN, 1)
    centred = differences - mean
    kept, n_kept = (flips @ np.stack((centred, np.ones(n)), axis=1)).T
    flipped = centred.sum() - kept
    is_part = (n_kept > 0) & (n_kept < n)
    means = np.stack((kept[is_part] / n_kept[is_part], flipped[is_part] / (n - n_kept[is_part])))
    # No unit flipped, or every one: the seen sum itself, which no mean can be refused by.
    whole = np.full(is_part.size - int(is_part.sum()), inf)
    upper = np.concatenate((whole, np.sort(means.max(axis=0))[::-1]))
    lower = np.concatenate((-whole, np.sort(means.min(axis=0))))
    total = len(flips) + seen_apart
    room = _ROUNDING * float(np.abs(differences).max())
    further = int((upper >= -mean - room).sum()) if mean < 0 else int((lower <= -mean + room).sum())
    p = 1.0 if abs(mean) <= room else min(1.0, (further + seen_apart) / total)
    place = int((1 - level) * total + _ROUNDING) - seen_apart
    low, high = (None if place < 0 or not np.isfinite(side[place]) else mean + float(side[place]) for side in (lower, upper))
    return Paired(mean, low, high, p, n, spread, method)


def all_flips(n: int) -> NDArray[np.int8]:
    """Every way to flip n signs but for the mirror images: the last keeps its sign."""
    bits = np.arange(2 ** (n - 1))[:, None] >> np.arange(n) & 1
    return np.where(np.arange(n) == n - 1, 1, bits).astype(np.int8)


def _by_variance(differences: Floats, mean: float, spread: float, level: float) -> Paired:
    """With many units the flips' sum is normal with mean 0 and variance Σd²; the interval holds all means that this does not refuse."""
    n, squares = differences.size, float(differences @ differences)
    if squares == 0:
        return Paired(mean, mean, mean, 1.0, n, spread, LARGE)
    z = normal_quantile((1 + level) / 2)
    reach = z * float(differences.std()) / sqrt(n - z * z)
    return Paired(mean, mean - reach, mean + reach, 2 * normal_cdf(-abs(mean) * n / sqrt(squares)), n, spread, LARGE)


def mcnemar(first_only: int, second_only: int) -> float:
    """Exact two-sided p that two are right equally often; only the units count that one got right and the other did not.

    Source: Q. McNemar, Psychometrika 12 (1947) 153–157, by the binomial instead of χ².

    >>> mcnemar(5, 0)
    0.0625
    """
    n = first_only + second_only
    return min(1.0, 2 * binomial_below(min(first_only, second_only), n, 0.5)) if n else 1.0


def holm(ps: Sequence[float]) -> list[float]:
    """Adjust p values so that the chance of any wrong finding among them is at most that of one test.

    Source: S. Holm, A Simple Sequentially Rejective Multiple Test Procedure, Scandinavian Journal of Statistics 6 (1979) 65–70.

    >>> [round(p, 2) for p in holm([0.01, 0.04, 0.03, 0.005])]
    [0.03, 0.06, 0.06, 0.02]
    """
    order = np.argsort(ps, kind="stable")
    steps = np.maximum.accumulate(np.sort(ps) * np.arange(len(ps), 0, -1)) if len(ps) else np.empty(0)
    adjusted = np.empty(len(ps))
    adjusted[order] = np.minimum(steps, 1.0)
    return [float(p) for p in adjusted]


def minimum_detectable(spread: float, n: int, alpha: float = 0.05, power: float = 0.8) -> float | None:
    """The mean difference that a paired test of n units finds in `power` of all experiments, when differences spread like these.

    The shift of the noncentral t at which P(t > t(n−1, 1 − α/2)) is `power`, times spread/√n. None below three units, or where nothing spreads: then
    the spread is no estimate. Source: J. Cohen, Statistical Power Analysis, 2nd ed. (1988), ch. 2; Miller, §5, has the same with a normal.

    Cohen's case of d = 0.5 at 80 % power takes 34 pairs:

    >>> round(minimum_detectable(1.0, 34), 1)
    0.5
    """
    if n < 3 or spread <= 0:
        return None
    return t_shift(n - 1, t_quantile(n - 1, 1 - alpha / 2), power) * spread / sqrt(n)


def fewest(n_tests: int, level: float = 0.95) -> int:
    """Units from which on the smallest p there is, 2 of 2ⁿ flips, stays at or below 1 − level when it is adjusted for all tests.

    >>> fewest(1), fewest(6)
    (6, 8)
    """
    return ceil(1 + log2(n_tests / (1 - level)) - 1e-9)


def tally(differences: Floats) -> Tally:
    """Count the signs. Differences below one part in 10⁹ of the largest are ties."""
    room = _ROUNDING * float(np.abs(differences).max()) if differences.size else 0.0
    return Tally(int((differences > room).sum()), int((np.abs(differences) <= room).sum()), int((differences < -room).sum()))

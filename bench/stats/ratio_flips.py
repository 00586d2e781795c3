"""The ratio of two sums over the same units: what the second takes of what the first takes, all units together."""

from math import sqrt
from typing import NamedTuple

import numpy as np

from bench.stats.distributions import normal_cdf, normal_quantile
from bench.stats.paired import DRAWN, DRAWS, EXACT, LARGE, MOST_DRAWN, MOST_EXACT, all_flips
from bench.stats.quantile import Floats

_ROUNDING = 1e-9


class Ratio(NamedTuple):
    """Second / first, over `n` units. `low`, `high`: all ratios that the test does not refuse; None where so few units refuse none.

    `p`: of the ratio that it was tested against.
    """

    value: float
    low: float | None
    high: float | None
    p: float
    n: int
    method: str


def ratio_flips(first: Floats, second: Floats, rng: np.random.Generator, level: float = 0.95, against: float = 1.0) -> Ratio:
    """The two-sided permutation test of a ratio of sums, by changing places, and the interval of all ratios that it does not refuse.

    Where second is r times first but for chance, each d = second − r·first is as likely as its negative. So r is refused by the sign flips of d,
    and a flip is as far out as what was seen where r lies between the ratios of those units that were flipped and of the others. That holds for
    sums of which few units make up most, where an interval from the variance of a ratio is far too narrow. `against`: the ratio that is tested.
    Shape: `float64[n]` both, none below 0, each of a sum above 0. Source: J. A. Hartigan, Using Subsample Values as Typical Values, JASA 64 (1969)
    1303–1317; beyond 500 units W. G. Cochran, Sampling Techniques, 3rd edition (1977), §2.11.

    >>> found = ratio_flips(np.array([4.0, 1, 2, 8, 2, 3]), np.array([6.0, 2, 3, 12, 4, 5]), np.random.default_rng(0))
    >>> round(found.value, 3), round(found.low, 3), round(found.high, 3), found.p
    (1.6, 1.5, 2.0, 0.03125)
    """
    n, value = first.size, float(second.sum() / first.sum())
    if n > MOST_DRAWN:
        return _by_variance(first, second, level, against)
    is_exact = n <= MOST_EXACT
    flips = (all_flips(n) if is_exact else rng.integers(0, 2, size=(DRAWS, n), dtype=np.int8)).astype(np.float64)
    sums = np.stack((first, second, np.ones(n)), axis=1)
    kept = flips @ sums
    parts = np.stack((kept, sums.sum(axis=0) - kept))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = parts[:, :, 1] / parts[:, :, 0]
    # No unit flipped, or every one, or none that has anything: what no ratio can be refused by.
    is_whole = (parts[:, :, 2] == 0).any(axis=0) | np.isnan(ratios).any(axis=0)
    lower = np.sort(np.where(is_whole, 0.0, ratios.min(axis=0)))
    upper = np.sort(np.where(is_whole, np.inf, ratios.max(axis=0)))[::-1]
    seen_apart = 0 if is_exact else 1
    total = len(flips) + seen_apart
    room = _ROUNDING * against
    further = int((upper >= against - room).sum()) if value < against else int((lower <= against + room).sum())
    p = 1.0 if abs(value - against) <= room else min(1.0, (further + seen_apart) / total)
    place = int((1 - level) * total + _ROUNDING) - seen_apart
    low, high = (None if place < 0 or bound[place] in {0.0, np.inf} else float(bound[place]) for bound in (lower, upper))
    return Ratio(value, low, high, p, n, EXACT if is_exact else DRAWN)


def _by_variance(first: Floats, second: Floats, level: float, against: float) -> Ratio:
    """Of many units the ratio's logarithm is near normal."""
    n, value = first.size, float(second.sum() / first.sum())
    rest = second - value * first
    error = max(sqrt(n / (n - 1) * float(rest @ rest)) / float(second.sum()), 1e-12)
    reach = float(np.exp(normal_quantile((1 + level) / 2) * error))
    return Ratio(value, value / reach, value * reach, 2 * normal_cdf(-abs(float(np.log(value / against))) / error), n, LARGE)

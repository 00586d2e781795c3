"""The share of answers that people would pass, from the share that a judge passes and how often it is right about passes and about failures."""

from math import sqrt
from typing import NamedTuple

from bench.stats.distributions import normal_quantile


class Rated(NamedTuple):
    """How often a judge passed: `passed` of `n`."""

    passed: int
    n: int


class TrueShare(NamedTuple):
    """The corrected share within 0–1; None where the judge tells passes from failures no better than chance, or one of them was never labelled."""

    value: float | None
    low: float | None
    high: float | None


def true_share(seen: Rated, of_good: Rated, of_bad: Rated, level: float = 0.95) -> TrueShare:
    """(share + specificity − 1) / (sensitivity + specificity − 1), with its interval.

    `seen`: what the judge passed of all answers; `of_good`, `of_bad`: of those that people passed and failed. The interval covers the chance in all
    three. Assumes independent answers. Source: W. J. Rogan and B. Gladen, American Journal of Epidemiology 107 (1978) 71–76, eq. 5; the interval:
    Z. Lang and J. Reiczigel, Preventive Veterinary Medicine 113 (2014) 13–22, eqs. 3–6.

    >>> true_share(Rated(40, 100), Rated(45, 50), Rated(10, 50)).value
    0.2857
    """
    if not (seen.n and of_good.n and of_bad.n):
        return TrueShare(None, None, None)
    sensitivity, specificity = of_good.passed / of_good.n, 1 - of_bad.passed / of_bad.n
    if sensitivity + specificity <= 1:
        return TrueShare(None, None, None)
    value = (seen.passed / seen.n + specificity - 1) / (sensitivity + specificity - 1)
    low, high = _interval(seen, of_good, of_bad, normal_quantile((1 + level) / 2))
    return TrueShare(round(_within(value), 4), low, high)


def _interval(seen: Rated, of_good: Rated, of_bad: Rated, z: float) -> tuple[float, float]:
    """Wald's interval after z²/2 successes and failures more among all, and one of each more among the labelled."""
    n, n_good, n_bad = seen.n + z * z, of_good.n + 2, of_bad.n + 2
    share = (seen.passed + z * z / 2) / n
    sensitivity, specificity = (of_good.passed + 1) / n_good, (of_bad.n - of_bad.passed + 1) / n_bad
    gain = sensitivity + specificity - 1
    if gain <= 0:
        return 0.0, 1.0
    value = (share + specificity - 1) / gain
    of_sensitivity, of_specificity = sensitivity * (1 - sensitivity) / n_good, specificity * (1 - specificity) / n_bad
    shift = 2 * z * z * (value * of_sensitivity - (1 - value) * of_specificity)
    variance = (share * (1 - share) / n + value**2 * of_sensitivity + (1 - value) ** 2 * of_specificity) / gain**2
    return _within(value + shift - z * sqrt(variance)), _within(value + shift + z * sqrt(variance))


def _within(value: float) -> float:
    return min(1.0, max(0.0, value))

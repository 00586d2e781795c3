"""How alike two raters order the same answers, and how alike people are among themselves. scipy does the counting.

A missing label is `nan` and leaves its answer out. A rater who gives the same value to everything has no correlation with anybody: None, never 0.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import stats  # type: ignore[import-untyped]  # SciPy ships no types

from bench.stats.cluster import RESAMPLES, Ids
from bench.stats.interval import Interval
from bench.stats.quantile import Floats
from bench.stats.resampled import cluster_bootstrap

LEAST = 3  # answers: two always agree or disagree wholly

Correlation = Callable[[Floats, Floats], float | None]


class Agreement(NamedTuple):
    """A measure of agreement with its interval over clusters. `value` None: undefined, and `why` says so. `n`: answers that both rated."""

    value: float | None
    interval: Interval
    n: int
    clusters: int
    why: str | None


class Ceiling(NamedTuple):
    """How well one person tells what the others say: what no judge can be expected to beat.

    `each`: per person the correlation with the mean of the others, None where undefined or on too few shared answers; `value`: the mean of those.
    """

    value: float | None
    each: tuple[float | None, ...]


def spearman(first: Floats, second: Floats) -> float | None:
    """Spearman's ρ with mean ranks for ties. Shape: both `float64[n]`, `nan` for missing.

    >>> spearman(np.array([1.0, 2, 3, 4]), np.array([1.0, 3, 2, 4]))
    0.8
    """
    return _of_pairs(first, second, _rank_correlation)


def kendall(first: Floats, second: Floats) -> float | None:
    """Kendall's τ-b, which corrects for ties. Shape: both `float64[n]`, `nan` for missing.

    >>> round(kendall(np.array([1.0, 2, 3, 4]), np.array([1.0, 3, 2, 4])), 3)
    0.667
    """
    return _of_pairs(first, second, lambda a, b: float(stats.kendalltau(a, b, method="asymptotic").statistic))


def why_undefined(first: Floats, second: Floats) -> str | None:
    """Why two raters have no agreement to speak of; None when they have one."""
    both = ~(np.isnan(first) | np.isnan(second))
    if both.sum() < LEAST:
        return f"both rated {int(both.sum())} answers, {LEAST} are needed"
    if np.ptp(first[both]) == 0:
        return "the first gives every answer the same value"
    return "the second gives every answer the same value" if np.ptp(second[both]) == 0 else None


def _rank_correlation(first: Floats, second: Floats) -> float:
    """Pearson's correlation of the ranks; `scipy.stats.spearmanr` is the same, with a p value that takes ten times as long."""
    return float(np.corrcoef(stats.rankdata(first), stats.rankdata(second))[0, 1])


def _of_pairs(first: Floats, second: Floats, measure: Callable[[Floats, Floats], float]) -> float | None:
    if why_undefined(first, second) is not None:
        return None
    both = ~(np.isnan(first) | np.isnan(second))
    return float(f"{measure(first[both], second[both]):.12g}")


def agreement(  # noqa: PLR0913, PLR0917 - two raters, whose answers, and the chance
    measure: Correlation, first: Floats, second: Floats, clusters: Ids, rng: np.random.Generator, resamples: int = RESAMPLES
) -> Agreement:
    """A measure of two raters with its interval; answers to one prompt are one cluster. Shape: all [n]."""
    both = ~(np.isnan(first) | np.isnan(second))
    a, b, whose = first[both], second[both], clusters[both]
    interval = cluster_bootstrap(lambda places: measure(a[places], b[places]), whose, rng, resamples=resamples)
    return Agreement(measure(a, b), interval, int(both.sum()), int(np.unique(whose).size), why_undefined(a, b))


def ceiling(ratings: Floats, measure: Correlation = spearman) -> Ceiling:
    """Leave one out: each person against the mean of the others, over answers that another one rated too.

    Shape: `ratings: float64[people, answers]`, `nan` for missing.
    Compare a judge with `against_people`, which leaves out as many people, so that both meet a mean of equally many.
    """
    each = tuple(measure(ratings[one], _mean_of_others(ratings, one)) for one in range(len(ratings))) if len(ratings) > 1 else ()
    return Ceiling(_mean(each), each)


def against_people(judge: Floats, ratings: Floats, measure: Correlation = spearman) -> Ceiling:
    """A judge where each person stood: against the mean of the others, on the answers that this person rated too.

    Shape: `judge: float64[answers]`, `ratings: float64[people, answers]`.
    """
    if len(ratings) < 2:
        return Ceiling(None, ())
    seen = (np.where(np.isnan(ratings[one]), np.nan, judge) for one in range(len(ratings)))
    each = tuple(measure(rated, _mean_of_others(ratings, one)) for one, rated in enumerate(seen))
    return Ceiling(_mean(each), each)


def _mean_of_others(ratings: Floats, one: int) -> Floats:
    others = np.delete(ratings, one, axis=0)
    n = (~np.isnan(others)).sum(axis=0)
    return np.asarray(np.where(n > 0, np.nansum(others, axis=0) / np.maximum(n, 1), np.nan))


def _mean(each: tuple[float | None, ...]) -> float | None:
    known = [value for value in each if value is not None]
    return float(f"{sum(known) / len(known):.12g}") if known else None

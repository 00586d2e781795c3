"""A value as its worth, on a scale where equal ratios are equal steps, and a weighted score of worths.

The score is the weighted product Π worth^weight: two candidates compare by the ratios of their values, whatever the units and whoever else takes
part, so that no third candidate can turn their order, as it can where values are scaled to the range of all candidates.
Source: P. W. Bridgman, Dimensional Analysis (1922), ch. 2; E. Triantaphyllou, Multi-Criteria Decision Making Methods (2000), §2.2.2 and ch. 11.
"""

from collections.abc import Sequence

import numpy as np

from bench.records.selection import SelectionCriterion
from bench.select.contest import Entrant, Mask
from bench.stats.quantile import Floats
from bench.stats.resampling import widened

SHARES = ("share", "score")
LEAST_SHARE = 0.001
"""A share or score of nothing counts as a tenth of a point: a ratio to zero would leave nothing else a say."""

FREE = 0.1
"""Another figure of zero, such as a cost, counts as this part of the smallest that is not zero among the candidates."""

_SAME = 1e-12
"""Logarithms that differ by less are equal: a tie must not hang on the order of adding."""


def floor(criterion: SelectionCriterion, entrants: Sequence[Entrant]) -> float:
    """What a value of zero counts as."""
    if criterion.unit in SHARES:
        return LEAST_SHARE
    known = [entrant.figures[criterion.name].value for entrant in entrants if criterion.name in entrant.figures]
    return FREE * min((value for value in known if value is not None and value > 0), default=1.0)


def log_worth(values: Floats, criterion: SelectionCriterion, least: float) -> Floats:
    """The logarithm of the worth of values; `nan` where there is none, and of values below zero, which have no ratio.

    Worth is the value itself where more is better, its reciprocal where less is; of a share of which less is better (failures) the rest of it.

    >>> less = SelectionCriterion(name="ttft", metric="ttft", statistic="p50", unit="s", better="lower")
    >>> np.exp(log_worth(np.array([0.5, 2.0]), less, 0.0)).tolist()
    [2.0, 0.5]
    """
    return _logarithm(amount(values, criterion), criterion, least)


def amount(values: Floats, criterion: SelectionCriterion) -> Floats:
    """What of a value counts: of a share of which less is better the rest, else itself. `nan` of what cannot be."""
    known = np.where(values >= 0, values, np.nan)
    if criterion.better == "lower" and criterion.unit in SHARES:
        known = np.where(known <= 1, 1 - known, np.nan)
    return np.asarray(known)


def _logarithm(known: Floats, criterion: SelectionCriterion, least: float) -> Floats:
    found: Floats = np.log(np.maximum(known, least))
    return -found if criterion.better == "lower" and criterion.unit not in SHARES else found


def drawn_worth(seen: float, drawn: Floats, criterion: SelectionCriterion, least: float, by: Floats) -> Floats:
    """The logarithms of the worth of resampled values, each `by` so much farther from the seen one: shares by their differences, else by ratios.

    >>> less = SelectionCriterion(name="ttft", metric="ttft", statistic="p50", unit="s", better="lower")
    >>> np.exp(drawn_worth(1.0, np.array([0.5, 2.0]), less, 0.0, np.array([1.0, 2.0]))).tolist()
    [2.0, 0.25]
    """
    if criterion.unit in SHARES:
        value, values = (amount(np.asarray(one), criterion) for one in (seen, drawn))
        return _logarithm(widened(value, values, by), criterion, least)
    value, values = (log_worth(np.asarray(one), criterion, least) for one in (seen, drawn))
    return widened(value, values, by)


def value_of(worth: float, criterion: SelectionCriterion) -> float:
    """The value with this logarithm of worth."""
    if criterion.better == "higher":
        return float(np.exp(worth))
    return float(1 - np.exp(worth)) if criterion.unit in SHARES else float(np.exp(-worth))


def best(scores: Floats) -> Floats:
    """Who is first in each column, as shares of 1 among those that are equal; all 0 where nobody has a score. Shape: float64[candidates, n].

    >>> best(np.array([[1.0, 0.0, np.nan], [1.0, 2.0, np.nan]])).tolist()
    [[0.5, 0.0, 0.0], [0.5, 1.0, 0.0]]
    """
    known = np.where(np.isnan(scores), -np.inf, scores)
    top = known.max(axis=0, initial=-np.inf)
    is_first = (known >= top - _SAME) & np.isfinite(known)
    counts = is_first.sum(axis=0)
    return np.asarray(np.divide(is_first, counts, out=np.zeros(scores.shape), where=counts > 0))


def dominates(first: Floats, second: Floats) -> Mask:
    """Whether `first` is at least as good in everything and better in something. Shape: float64[dimensions, …]; bool[…]."""
    return np.asarray((first >= second - _SAME).all(axis=0) & (first > second + _SAME).any(axis=0))

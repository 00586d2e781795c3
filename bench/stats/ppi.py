"""Means that a judge's many scores and people's few labels give together: prediction-powered inference.

The judge scores every answer, people label some. The judge's mean is corrected by what the labels show it to be wrong by, so that the interval holds
the people's mean however biased the judge is, and is the narrower the better the judge.

Source: A. N. Angelopoulos, S. Bates, C. Fannjiang, M. I. Jordan and T. Zrnic, Prediction-Powered Inference, Science 382 (2023) 669–674; with tuned λ:
A. N. Angelopoulos, J. C. Duchi and T. Zrnic, PPI++, arXiv:2311.01453, §6 (λ̂ of a mean, kept within 0–1).

The package `ppi-python`, against which the tests hold this, gives z intervals of independent answers, at 90 % unless told; here the interval is
Student's, with the labelled prompts as its units, since answers to one prompt are not independent.
"""

from math import sqrt
from typing import NamedTuple

import numpy as np

from bench.stats.cluster import LEAST_CLUSTERS, Ids
from bench.stats.distributions import t_quantile
from bench.stats.interval import Interval
from bench.stats.quantile import Floats

METHOD = "prediction-powered, t over labelled clusters"
BY_LABELS = "labels alone, t over labelled clusters"


class Labelled(NamedTuple):
    """Answers that a judge scored, some of which people labelled, drawn by chance.

    Shape: all [n]. `predictions`: the judge's; `labels`: the people's, `nan` where there is none; `clusters`: the prompt of each, from 0, the same
    codes for all models. An answer without a prediction is left out.
    """

    predictions: Floats
    labels: Floats
    clusters: Ids


class Corrected(NamedTuple):
    """What labels and judge say together.

    `naive` is the judge's mean alone, `by_labels` that of the labels alone. `tuning` is λ: 0 leaves the judge out, 1 lets it say all it can.
    `worth`: as many labels alone would give an interval as narrow. `value` None: nothing was labelled.
    """

    value: float | None
    interval: Interval
    by_labels: float | None
    by_labels_interval: Interval
    naive: float | None
    tuning: float
    n_labels: int
    n_answers: int
    worth: float | None


class _Part(NamedTuple):
    """An estimate and what each cluster moves it by, so that estimates of the same clusters can be subtracted."""

    value: float
    moves: Floats
    has_label: Ids


def corrected_mean(seen: Labelled, level: float = 0.95) -> Corrected:
    """The people's mean of all answers. Bounds take three labelled clusters that differ."""
    size = _size(seen)
    tuning = tuned(seen)
    return _corrected([_part(seen, tuning, size)], [_part(seen, 0.0, size)], [seen], tuning, level)


def corrected_difference(first: Labelled, second: Labelled, level: float = 0.95) -> Corrected:
    """The people's mean of the first minus that of the second, paired by cluster where both were labelled. `tuning` is the mean of both λ."""
    size = _size(first, second)
    parts = [_part(seen, tuned(seen), size) for seen in (first, second)]
    return _corrected(parts, [_part(seen, 0.0, size) for seen in (first, second)], [first, second], (tuned(first) + tuned(second)) / 2, level)


def tuned(seen: Labelled) -> float:
    """λ̂ = cov(labels, predictions) / ((1 + n/N) · var(predictions)), within 0–1; n labelled, N not. 0 where nothing is left to predict."""
    known = ~np.isnan(seen.predictions)
    is_labelled = known & ~np.isnan(seen.labels)
    n, rest = int(is_labelled.sum()), int((known & ~is_labelled).sum())
    variance = float(np.var(seen.predictions[known], ddof=1)) if n + rest > 1 else 0.0
    if n < 2 or rest == 0 or variance <= 0:
        return 0.0
    labels, predictions = seen.labels[is_labelled], seen.predictions[is_labelled]
    covariance = float(np.mean((labels - labels.mean()) * (predictions - predictions.mean())))
    return min(1.0, max(0.0, covariance / ((1 + n / rest) * variance)))


def _size(*parts: Labelled) -> int:
    return max((int(part.clusters.max()) + 1 for part in parts if part.clusters.size), default=0)


def _part(seen: Labelled, tuning: float, size: int) -> _Part:
    """λ · (mean prediction of the unlabelled) + mean of (label − λ · prediction) over the labelled, and each cluster's share in it."""
    known = ~np.isnan(seen.predictions)
    is_labelled = known & ~np.isnan(seen.labels)
    is_rest = known & ~is_labelled
    value, moves = 0.0, np.zeros(size)
    for chosen, numbers in ((is_labelled, seen.labels - tuning * seen.predictions), (is_rest, tuning * seen.predictions)):
        if chosen.any():
            mean = float(numbers[chosen].mean())
            value += mean
            moves += np.bincount(seen.clusters[chosen], weights=(numbers[chosen] - mean) / chosen.sum(), minlength=size)
    return _Part(value, moves, np.unique(seen.clusters[is_labelled]))


def _corrected(parts: list[_Part], alone: list[_Part], seen: list[Labelled], tuning: float, level: float) -> Corrected:
    known = [~np.isnan(one.predictions) for one in seen]
    counts = [int((mask & ~np.isnan(one.labels)).sum()) for mask, one in zip(known, seen, strict=True)]
    naive = [float(one.predictions[mask].mean()) for mask, one in zip(known, seen, strict=True) if mask.any()]
    n_answers = sum(int(mask.sum()) for mask in known)
    whole, by_labels = _joined(parts, METHOD, level), _joined(alone, BY_LABELS, level)
    has_all = all(counts)
    return Corrected(
        value=whole[0] if has_all else None,
        interval=whole[1],
        by_labels=by_labels[0] if has_all else None,
        by_labels_interval=by_labels[1],
        naive=_difference(naive) if len(naive) == len(seen) else None,
        tuning=tuning,
        n_labels=sum(counts),
        n_answers=n_answers,
        worth=sum(counts) * by_labels[2] / whole[2] if whole[2] > 0 else None,
    )


def _difference(values: list[float]) -> float:
    return values[0] - sum(values[1:])


def _joined(parts: list[_Part], method: str, level: float) -> tuple[float, Interval, float]:
    """The first part minus the second, its interval and its variance."""
    value = _difference([part.value for part in parts])
    moves = parts[0].moves - sum((part.moves for part in parts[1:]), np.zeros_like(parts[0].moves))
    k = min(part.has_label.size for part in parts)
    nothing = Interval(low=None, high=None, method=method, have=k, needed=LEAST_CLUSTERS)
    variance = float(moves @ moves) * k / (k - 1) if k > 1 else 0.0
    if k < LEAST_CLUSTERS or variance <= 0:
        return value, nothing, variance
    reach = t_quantile(k - 1, (1 + level) / 2) * sqrt(variance)
    return value, Interval(value - reach, value + reach, method, k, LEAST_CLUSTERS), variance

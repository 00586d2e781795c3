"""A judge's scores bent towards people's: not at all, by a shift, or by a rising curve, whichever predicts prompts best that it has not seen."""

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from scipy.optimize import isotonic_regression  # type: ignore[import-untyped]  # SciPy ships no types

from bench.stats.cluster import Ids
from bench.stats.quantile import Floats

Kind = Literal["none", "shift", "isotonic"]
FOLDS = 10
LEAST_CLUSTERS = 6
LEAST_LABELS = 20

Bend = Callable[[Floats], Floats]


class Calibration(NamedTuple):
    """The kind that cross-validation prefers, how to apply it, and the mean squared error of each kind on prompts left out."""

    kind: Kind
    bend: Bend
    errors: dict[Kind, float]
    why: str


def calibrate(scores: Floats, labels: Floats, clusters: Ids, rng: np.random.Generator) -> Calibration:
    """The best of the three for these scores. Shape: all [n]; `nan` for missing, which leaves the answer out.

    A kind that does more is taken only where its error is lower by more than the standard error of that gain over prompts; with fewer than 20 labels
    or six prompts nothing is bent. Folds hold whole prompts. Source: T. Hastie, R. Tibshirani and J. Friedman, The Elements of Statistical Learning,
    2nd ed. (2009), §7.10, the one-standard-error rule; B. Zadrozny and C. Elkan, KDD 2002, for isotonic calibration.
    """
    both = ~(np.isnan(scores) | np.isnan(labels))
    x, y = scores[both], labels[both]
    _, owners = np.unique(clusters[both], return_inverse=True)
    k = int(owners.max()) + 1 if owners.size else 0
    if x.size < LEAST_LABELS or k < LEAST_CLUSTERS:
        return Calibration("none", _as_is, {}, f"{x.size} labels on {k} prompts; {LEAST_LABELS} on {LEAST_CLUSTERS} are needed")
    folds = rng.permutation(k)[owners] % min(FOLDS, k)
    losses = {kind: _left_out(fit, x, y, folds) for kind, fit in _FITS.items()}
    kind: Kind = "none"
    for other in ("shift", "isotonic"):
        gain = np.bincount(owners, weights=losses[kind] - losses[other]) / np.bincount(owners)
        if gain.mean() > gain.std(ddof=1) / np.sqrt(k):
            kind = other
    errors = {name: float(f"{loss.mean():.12g}") for name, loss in losses.items()}
    why = "no kind predicts prompts left out clearly better" if kind == "none" else f"{kind} predicts prompts left out clearly better"
    return Calibration(kind, _FITS[kind](x, y), errors, why)


def _left_out(fit: Callable[[Floats, Floats], Bend], x: Floats, y: Floats, folds: Ids) -> Floats:
    """Squared errors, each of an answer whose prompt was not fitted."""
    errors = np.empty(x.size)
    for fold in np.unique(folds):
        inside = folds == fold
        errors[inside] = (fit(x[~inside], y[~inside])(x[inside]) - y[inside]) ** 2
    return errors


def _as_is(values: Floats) -> Floats:
    return values


def _none(_x: Floats, _y: Floats) -> Bend:
    return _as_is


def _shift(x: Floats, y: Floats) -> Bend:
    by = float((y - x).mean())
    return lambda values: values + by


def _isotonic(x: Floats, y: Floats) -> Bend:
    """The rising steps nearest to the labels, equal scores taken together; straight between them, level beyond."""
    places, members = np.unique(x, return_inverse=True)
    weights = np.bincount(members).astype(np.float64)
    heights = isotonic_regression(np.bincount(members, weights=y) / weights, weights=weights).x
    return lambda values: np.asarray(np.interp(values, places, heights))


_FITS: dict[Kind, Callable[[Floats, Floats], Bend]] = {"none": _none, "shift": _shift, "isotonic": _isotonic}

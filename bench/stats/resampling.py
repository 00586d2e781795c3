"""Statistics of resampled clusters, all at once: what a number would have been with other prompts, for several models on the very same ones.

The same `draws` for all models keep them paired: a resample that is hard for one is as hard for the others.
"""

import numpy as np
from numpy.typing import NDArray

from bench.stats.cluster import Ids
from bench.stats.distributions import chi_square_quantile
from bench.stats.quantile import Floats

RESAMPLES = 2000
NEEDED = 6  # clusters, as for a median: resamples of fewer are too alike to say anything
_GRID = 2000  # candidate values of a quantile; between two of them it is rounded to the next
_APART = 1908  # sets the chance of `widths` apart from that of `draws`, whatever the spec's seed
_TOGETHER = 250  # resamples at a time: keeps the memory at `_TOGETHER` × `_GRID` numbers

Draws = NDArray[np.float64]
"""How often each cluster is drawn. Shape: float64[resamples, k]."""


def draws(k: int, seed: int, resamples: int = RESAMPLES) -> Draws:
    """How often each of k clusters is drawn: k − 1 of them, with replacement, in each resample.

    One fewer than there are makes the spread of a mean over the resamples that of the mean itself, s/√k with s from k − 1; k of k would be too
    narrow by √((k − 1)/k). Assumes k ≥ 2.
    Source: J. N. K. Rao and C. F. J. Wu, Resampling Inference with Complex Survey Data, JASA 83 (1988) 231–241, §2.

    >>> draws(12, 7).shape, set(draws(12, 7).sum(axis=1).tolist())
    ((2000, 12), {11.0})
    """
    return np.random.default_rng(seed).multinomial(k - 1, np.full(k, 1 / k), size=resamples).astype(np.float64)


def widths(k: int, resamples: int = RESAMPLES) -> Floats:
    """By how much each resample's distance from what was seen is to be stretched, where k clusters were drawn: √((k − 1)/χ²) with k − 1 degrees.

    Resamples know the spread of few clusters no better than the clusters do, and yet take it for the true one. A normal distance that is divided by
    the root of χ²/(k − 1) is Student's t, so that the share of stretched means above a bound is one less the p of the t test. The same widths for
    all models and figures, as they are drawn together: evenly spaced quantiles, in an order of chance. Assumes k ≥ 2. Shape: float64[resamples].
    Source: Student, The Probable Error of a Mean, Biometrika 6 (1908) 1–25; S. Kotz and S. Nadarajah, Multivariate t Distributions (2004), §1.1.

    >>> found = widths(6)
    >>> bool(found.min() > 0.4), bool(abs((found**2).mean() - 5 / 3) < 0.2)
    (True, True)
    """
    evenly = (np.random.default_rng((k, _APART)).permutation(resamples) + 0.5) / resamples
    return np.asarray(np.sqrt((k - 1) / chi_square_quantile(k - 1, evenly)))


def widened(seen: Floats | float, drawn: Floats, by: Floats) -> Floats:
    """Resampled values, each `by` so much farther from the seen one.

    >>> widened(1.0, np.array([0.5, 1.5]), np.array([1.0, 2.0])).tolist()
    [0.5, 2.0]
    """
    return np.asarray(seen + (drawn - seen) * by)


def resampled_ratio(numerators: Floats, denominators: Floats, clusters: Ids, drawn: Draws) -> Floats:
    """The ratio of sums in each resample; with ones as denominators, the mean. `nan` where none of the drawn clusters has a value.

    Shape: `numerators`, `denominators`: float64[n]; `clusters`: int[n] below k; float64[resamples].
    """
    k = drawn.shape[1]
    above, below = (drawn @ np.bincount(clusters, weights=values, minlength=k) for values in (numerators, denominators))
    ratio: Floats = np.divide(above, below, out=np.full(above.size, np.nan), where=below > 0)
    return ratio


def resampled_quantile(values: Floats, clusters: Ids, p: float, drawn: Draws, weights: Ids | None = None) -> Floats:
    """The p-quantile of all values in each resample, by linear interpolation as in `quantile`; `nan` where none of the drawn clusters has a value.

    Shape: `values: float64[n]`, n ≥ 1; `clusters: int[n]` below k; `weights: int[n]`, how often each value occurs; float64[resamples].

    >>> every = np.ones((1, 2))
    >>> resampled_quantile(np.array([1.0, 2.0, 3.0, 4.0]), np.array([0, 0, 1, 1]), 0.5, every).tolist()
    [2.5]
    """
    grid = np.unique(values)
    if grid.size > _GRID:
        grid = grid[np.unique(np.linspace(0, grid.size - 1, _GRID).astype(np.intp))]
    k = drawn.shape[1]
    slots = clusters * np.intp(grid.size) + np.searchsorted(grid, values, side="left")
    counts = np.bincount(slots, weights=weights, minlength=k * grid.size).reshape(k, grid.size).astype(np.float64)
    np.cumsum(counts, axis=1, out=counts)
    found = np.full(len(drawn), np.nan)
    for start in range(0, len(drawn), _TOGETHER):
        reached = drawn[start : start + _TOGETHER] @ counts
        n = reached[:, -1]
        has_any = n > 0
        place = p * (n[has_any] - 1)
        below, above = (grid[np.argmax(reached[has_any] > rank[:, None] + 1e-9, axis=1)] for rank in (np.floor(place), np.ceil(place)))
        some = np.full(n.size, np.nan)
        some[has_any] = below + (above - below) * (place - np.floor(place))
        found[start : start + _TOGETHER] = some
    return found

"""Values far from the others of their group."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.stats.quantile import Floats

K = 5.0  # measurement.md §2
# Of normal values, 10 % are flagged among three, 6 % among five and 2.5 % among eight (simulated): below five the rule says nothing.
LEAST = 5


class Far(NamedTuple):
    """Which values are far, and the centre and scale they are far from. `mad` is the scale that was used."""

    is_far: NDArray[np.bool_]
    median: float
    mad: float


def far_from_median(values: Floats, k: float = K) -> Far:
    """Flag |value − median| > k · MAD, the median absolute deviation without a normal-consistency factor.

    Where the MAD is zero (more than half of the values agree) the mean absolute deviation stands in. Nothing is flagged among fewer than five values.
    Source: F. R. Hampel, Journal of the American Statistical Association 69 (1974) 383–393; for MAD = 0: B. Iglewicz and D. C. Hoaglin,
    How to Detect and Handle Outliers (1993).

    >>> far_from_median(np.array([1.0, 1.1, 0.9, 1.0, 1.2, 9.0])).is_far.tolist()
    [False, False, False, False, False, True]
    """
    median = float(np.median(values)) if values.size else 0.0
    distance = np.abs(values - median)
    if values.size < LEAST:
        return Far(np.zeros(values.size, dtype=np.bool_), median, float(np.median(distance)) if values.size else 0.0)
    scale = float(np.median(distance)) or float(distance.mean())
    return Far(distance > k * scale, median, scale)

"""What a machine's own speed, which wanders while it measures, may make of two blocks that were measured one after the other.

No interval over prompts or rounds knows of it: within a block all of them wander together. What can be seen is how far the first half of a block lies
from its second one, and from that follows how far two blocks may lie apart.
"""

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np

from bench.stats.distributions import t_quantile


class Stretch(NamedTuple):
    """Two means of the same things over parts of one block: their difference, the time between the parts' middles, and how long a part took."""

    difference: float
    apart_s: float
    length_s: float


def random_walk(apart_s: float, length_s: float) -> float:
    """The variance of the difference of two means of a random walk, in units of its variance per second: the distance less a third of the length.

    Of windows next to each other it is two thirds of their length, which is why halves of a block differ by half of what blocks do.
    Source: W. Feller, An Introduction to Probability Theory and Its Applications, vol. II, 2nd ed. (1971), §III.8 (covariance min(s, t), integrated).

    >>> random_walk(2.0, 2.0) / random_walk(1.0, 1.0)
    2.0
    """
    return max(apart_s, length_s) - length_s / 3


def reach(stretches: Sequence[Stretch], apart_s: float, length_s: float, level: float = 0.95) -> float | None:
    """How far two blocks of this length and distance may lie apart with nothing but the machine between them; None where no stretch tells.

    Student's t with as many degrees of freedom as there are stretches: their differences are known to be 0 but for the machine and the noise of the
    values, which counts as the machine's. What changes at once between two blocks is in no stretch, and so not in here.

    >>> round(reach([Stretch(0.01, 10.0, 10.0), Stretch(-0.01, 10.0, 10.0)], 20.0, 20.0), 4)
    0.0608
    """
    told = [one for one in stretches if one.length_s > 0]
    if not told:
        return None
    rate = float(np.mean([one.difference**2 / random_walk(one.apart_s, one.length_s) for one in told]))
    return t_quantile(len(told), (1 + level) / 2) * sqrt(rate * random_walk(apart_s, length_s))

"""The interval of a difference of two independent figures, from the interval of each."""

from math import sqrt
from typing import NamedTuple


class Bounded(NamedTuple):
    """A figure and its interval."""

    value: float
    low: float
    high: float


def difference_interval(first: Bounded, second: Bounded) -> Bounded:
    """`first` − `second` with its interval at the level of theirs: each distance to a bound stands for a standard error on that side.

    Assumes: the two are independent. Where they vary together (the same prompts), the interval is wider than it must be. Source: G. Y. Zou and
    A. Donner, Construction of confidence limits about effect measures: a general approach, Statistics in Medicine 27 (2008) 1693–1702, eq. 1; with
    Wilson's intervals of two shares it is R. G. Newcombe's method 10, Statistics in Medicine 17 (1998) 873–890, whose example (56 of 70, 48 of 80)
    is below.

    >>> from bench.stats.wilson import wilson_interval
    >>> a, b = (Bounded(of / n, *wilson_interval(of / n, n)) for of, n in ((56, 70), (48, 80)))
    >>> [round(bound, 4) for bound in difference_interval(a, b)]
    [0.2, 0.0524, 0.3339]
    """
    value = first.value - second.value
    down = sqrt((first.value - first.low) ** 2 + (second.high - second.value) ** 2)
    up = sqrt((first.high - first.value) ** 2 + (second.value - second.low) ** 2)
    return Bounded(value, value - down, value + up)

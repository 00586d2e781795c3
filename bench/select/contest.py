"""What a selection is made from: candidates with their figures, also as they would have been with other prompts."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.records.comparison import Contender
from bench.records.selection import Requirement, SelectionCriterion
from bench.stats.quantile import Floats

Mask = NDArray[np.bool_]


def within(drawn: Floats, least: float | None, most: float | None) -> Mask:
    """In which resamples a value was allowed; where there was none, it was not.

    >>> within(np.array([0.5, 1.5, np.nan]), None, 1.0).tolist()
    [True, False, False]
    """
    low, high = -np.inf if least is None else least, np.inf if most is None else most
    return np.asarray((drawn >= low) & (drawn <= high))


class Figure(NamedTuple):
    """A candidate's value of a criterion, and its value in every resample (None: a reading, the same in all). `reason`: why there is none."""

    value: float | None
    low: float | None = None
    high: float | None = None
    drawn: Floats | None = None
    reason: str | None = None


class Demand(NamedTuple):
    """A requirement of a candidate, and in which resamples it holds (None: as it is). `least`, `most`: the values allowed, of its `criterion`."""

    requirement: Requirement
    held: Mask | None = None
    criterion: str | None = None
    least: float | None = None
    most: float | None = None


class Entrant(NamedTuple):
    """A candidate. `absent`: why it has no figures at all; `partial`: why they are not comparable; `doubt`: what may have spoilt some of them."""

    who: Contender
    demands: tuple[Demand, ...] = ()
    figures: Mapping[str, Figure] = {}
    absent: str | None = None
    partial: str | None = None
    doubt: str | None = None


class Contest(NamedTuple):
    """Who takes part and what counts. `n_prompts`: how many units (prompts, or the rounds of the only one) were resampled."""

    criteria: tuple[SelectionCriterion, ...]
    entrants: tuple[Entrant, ...]
    n_prompts: int
    unit: Literal["prompts", "rounds"] = "prompts"
    resamples: int = 0
    needed: int = 6
    notes: tuple[str, ...] = ()

    @property
    def weighs(self) -> bool:
        """Whether anything weighs."""
        return any(criterion.weight > 0 for criterion in self.criteria)

"""Who is in the race, what everybody's values are worth, and who wins in how many resamples."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from bench.records.selection import Requirement, SelectionCriterion
from bench.select.contest import Contest, Entrant, Mask
from bench.select.worth import best, dominates, drawn_worth, floor, log_worth
from bench.stats.quantile import Floats
from bench.stats.resampling import widths


class Race:
    """A contest, worked out: `worth` and `scores` by the measured values, and the same for every resample."""

    def __init__(self, contest: Contest) -> None:
        """Work out the worths; who is in the race follows."""
        self.contest = contest
        self.criteria = contest.criteria
        self.entrants = contest.entrants
        self.floors = {criterion.name: floor(criterion, contest.entrants) for criterion in contest.criteria}
        self.weights = np.array([criterion.weight for criterion in contest.criteria])
        self.worth = self._matrix([[_value(entrant, criterion) for criterion in self.criteria] for entrant in self.entrants])

    def _matrix(self, values: Sequence[Sequence[float]]) -> Floats:
        """Worths. Shape: float64[candidates, criteria]."""
        found = np.array(values, dtype=np.float64).reshape(len(self.entrants), len(self.criteria))
        for place, criterion in enumerate(self.criteria):
            found[:, place] = log_worth(found[:, place], criterion, self.floors[criterion.name])
        return found

    @cached_property
    def missing(self) -> tuple[tuple[SelectionCriterion, ...], ...]:
        """Of each candidate, the criteria with a weight that it has no value of."""
        return tuple(
            tuple(criterion for place, criterion in enumerate(self.criteria) if criterion.weight > 0 and np.isnan(row[place])) for row in self.worth
        )

    @cached_property
    def is_placed(self) -> Mask:
        """Who was measured, on the same prompts as all others, and has a value of all that weighs."""
        found = [entrant.absent is None and entrant.partial is None and not gaps for entrant, gaps in zip(self.entrants, self.missing, strict=True)]
        return np.array(found, dtype=np.bool_)

    @cached_property
    def is_in(self) -> Mask:
        """Who is in the race: placed, and all requirements hold."""
        return self.is_placed & np.array([not failing(entrant) for entrant in self.entrants], dtype=np.bool_)

    @cached_property
    def scores(self) -> Floats:
        """Logarithms of the weighted scores. Shape: float64[candidates]."""
        return np.where(self.is_placed, _weighted(self.worth, self.weights), np.nan)

    @cached_property
    def on_front(self) -> Floats:
        """The worths that dominance looks at, `nan` for who is not in the race. Shape: float64[dimensions, candidates]."""
        dimensions = [place for place, criterion in enumerate(self.criteria) if criterion.is_on_front]
        found = self.worth[:, dimensions].T
        return np.where(self.is_in, found, np.nan)

    @cached_property
    def has_noise(self) -> bool:
        """Whether anything differs between resamples, and there are enough prompts for it to tell anything."""
        figures = (
            entrant.figures[criterion.name].drawn for entrant in self.entrants for criterion in self.criteria if criterion.name in entrant.figures
        )
        held = (demand.held for entrant in self.entrants for demand in entrant.demands)
        return self.contest.n_prompts >= self.contest.needed and any(one is not None for one in (*figures, *held))

    @cached_property
    def drawn_worth(self) -> Floats:
        """Worths in every resample, as far apart as Student's t has them. Shape: float64[criteria, candidates, resamples]."""
        n = self.contest.resamples
        by = widths(self.contest.n_prompts, n)
        found = np.empty((len(self.criteria), len(self.entrants), n))
        for place, criterion in enumerate(self.criteria):
            for row, entrant in enumerate(self.entrants):
                figure = entrant.figures.get(criterion.name)
                if figure is None or figure.value is None or figure.drawn is None:
                    found[place, row] = self.worth[row, place]
                else:
                    found[place, row] = drawn_worth(figure.value, figure.drawn, criterion, self.floors[criterion.name], by)
        return found

    @cached_property
    def held(self) -> Mask:
        """In which resamples each candidate takes part. Shape: bool[candidates, resamples]."""
        found = np.repeat(self.is_placed[:, None], self.contest.resamples, axis=1)
        for row, entrant in enumerate(self.entrants):
            for demand in entrant.demands:
                found[row] &= demand.requirement.holds if demand.held is None else demand.held
        return found

    @cached_property
    def drawn_scores(self) -> Floats:
        """Logarithms of the scores in every resample, `nan` for who does not take part. Shape: float64[candidates, resamples]."""
        scores = np.zeros(self.held.shape)
        for place in np.flatnonzero(self.weights > 0):
            scores += self.weights[place] * self.drawn_worth[place]
        return np.where(self.held, scores, np.nan)

    @cached_property
    def wins(self) -> Floats:
        """Who wins each resample, ties shared. Without weights: who alone dominates all others. Shape: float64[candidates, resamples]."""
        if self.contest.weighs:
            return best(self.drawn_scores)
        alone = self.held & ~self.drawn_dominated
        return np.where(alone.sum(axis=0) == 1, alone, 0.0)

    @cached_property
    def drawn_dominated(self) -> Mask:
        """Who is dominated in each resample. Shape: bool[candidates, resamples]."""
        dimensions = [place for place, criterion in enumerate(self.criteria) if criterion.is_on_front]
        worth = np.where(self.held, self.drawn_worth[dimensions], np.nan)
        found = np.zeros(self.held.shape, dtype=np.bool_)
        for one in range(len(self.entrants)):
            for other in range(len(self.entrants)):
                if one != other and dimensions:
                    found[one] |= dominates(worth[:, other], worth[:, one])
        return found


def _value(entrant: Entrant, criterion: SelectionCriterion) -> float:
    figure = entrant.figures.get(criterion.name)
    return np.nan if figure is None or figure.value is None else figure.value


def _weighted(worth: Floats, weights: Floats) -> Floats:
    """Criteria without weight do not count, also where their value is unknown."""
    counting = weights > 0
    found: Floats = worth[:, counting] @ weights[counting]
    return found


def failing(entrant: Entrant) -> tuple[Requirement, ...]:
    """The requirements that do not hold."""
    return tuple(demand.requirement for demand in entrant.demands if not demand.requirement.holds)

"""What would change the decision: the smallest change of one weight, of one value, or the one requirement whose end makes another candidate win."""

from collections.abc import Iterator
from math import exp

import numpy as np

from bench.records.selection import Flip
from bench.select.race import Race, failing
from bench.select.worth import SHARES, value_of

FARTHEST = 10.0
"""A value that would have to become more than so many times worse is not told: nothing that a run is near of."""


def flips(race: Race, leader: int) -> Iterator[Flip]:
    """Everything that alone makes another candidate than the leader win, the criteria in their order."""
    rivals = [place for place in np.flatnonzero(race.is_in).tolist() if place != leader]
    if race.contest.weighs and rivals:
        yield from _of_weights(race, leader, rivals)
        yield from _of_values(race, leader, rivals)
    yield from _of_requirements(race, leader)


def _of_weights(race: Race, leader: int, rivals: list[int]) -> Iterator[Flip]:
    """The others keep their proportions. With d the lead on this criterion and D the lead on the others, w·d + (1 − w)·D is 0 at w = D/(D − d)."""
    counting = race.weights > 0
    for place in np.flatnonzero(counting).tolist():
        weight = float(race.weights[place])
        if weight >= 1:
            continue
        found: dict[str, list[tuple[float, int]]] = {"below": [], "above": []}
        for rival in rivals:
            lead = np.where(counting, race.worth[leader] - race.worth[rival], 0.0)
            here, others = float(lead[place]), float((race.weights * lead).sum() - weight * lead[place]) / (1 - weight)
            if (others < 0) is not (here < 0) and others != here and 0 < (at := others / (others - here)) < 1:
                found["below" if others < 0 else "above"].append((at, rival))
        if found["below"]:
            at, rival = max(found["below"], key=lambda one: (one[0], race.scores[one[1]]))
            yield Flip(kind="weight", criterion=race.criteria[place].name, wins=race.entrants[rival].who, at=at, side="below")
        if found["above"]:
            at, rival = min(found["above"], key=lambda one: (one[0], -race.scores[one[1]]))
            yield Flip(kind="weight", criterion=race.criteria[place].name, wins=race.entrants[rival].who, at=at, side="above")


def _of_values(race: Race, leader: int, rivals: list[int]) -> Iterator[Flip]:
    """The leader's value at which its lead is gone, or from which on it breaks a requirement, whichever comes first."""
    second = max(rivals, key=lambda place: race.scores[place])
    lead = float(race.scores[leader] - race.scores[second])
    for place in np.flatnonzero(race.weights > 0).tolist():
        criterion, worth = race.criteria[place], float(race.worth[leader, place])
        least = worth - lead / float(race.weights[place])
        if criterion.unit in SHARES and exp(least) <= race.floors[criterion.name]:
            least = -np.inf
        for demand in race.entrants[leader].demands:
            bound = demand.most if criterion.better == "lower" else demand.least
            if demand.criterion == criterion.name and bound is not None:
                allowed = _worth_of(bound, criterion.better, is_share=criterion.unit in SHARES)
                least = max(least, min(allowed, worth))
        if exp(worth - least) <= FARTHEST:
            at = value_of(least, criterion)
            yield Flip(kind="value", criterion=criterion.name, wins=race.entrants[second].who, at=at, unit=criterion.unit)


def _worth_of(bound: float, better: str, *, is_share: bool) -> float:
    with np.errstate(divide="ignore"):
        if better == "higher":
            return float(np.log(bound))
        return float(np.log1p(-bound)) if is_share else float(-np.log(bound))


def _of_requirements(race: Race, leader: int) -> Iterator[Flip]:
    """Candidates that one requirement alone keeps out, and that have the better score. Without weights nobody's is."""
    for place, entrant in enumerate(race.entrants):
        broken = failing(entrant)
        if race.contest.weighs and race.is_placed[place] and len(broken) == 1 and race.scores[place] > race.scores[leader]:
            yield Flip(kind="requirement", criterion=broken[0].name, wins=entrant.who)

"""The decision of a contest, with all it rests on."""

import numpy as np
from msgspec.structs import replace

from bench.records.comparison import Contender
from bench.records.selection import CandidateState, CriterionValue, Flip, SelectionCandidate, SelectionResult, SelectionVerdict
from bench.select.contest import Contest
from bench.select.flips import flips
from bench.select.race import Race, failing
from bench.select.words import METHOD, sentence
from bench.select.worth import dominates
from bench.stats.quantile import Floats

CLEAR = 0.98
"""Of two equal candidates one is called clear in at most one experiment of twenty: nominally in 4 %, which leaves room for scores in few steps."""

LIKELY = 0.8


def decide(contest: Contest) -> SelectionResult:
    """Which candidate, why, how sure, and what would change it. The order of the candidates changes nothing but their order."""
    race = Race(contest)
    shares = race.wins.mean(axis=1) if race.has_noise else None
    leader, second = _leaders(race)
    verdict = _verdict(race, leader, shares)
    found = SelectionResult(
        verdict=verdict,
        sentence="",
        basis="requirements" if race.is_in.sum() == 1 else "weights" if contest.weighs else "front",
        selected=_who(race, leader) if verdict in {"clear", "likely"} else None,
        leader=_who(race, leader),
        runner_up=_who(race, second),
        criteria=contest.criteria,
        candidates=_candidates(race, shares),
        flips=_flips(race, leader),
        resamples=contest.resamples if race.has_noise else 0,
        n_prompts=contest.n_prompts,
        unit=contest.unit,
        needed=contest.needed,
        nobody_share=_tidy(float(1 - race.wins.any(axis=0).mean())) if race.has_noise and contest.weighs else None,
        method=METHOD if contest.weighs else "",
        doubts=_doubts(race, leader),
        notes=contest.notes,
    )
    return replace(found, sentence=sentence(found))


def _who(race: Race, place: int | None) -> Contender | None:
    return None if place is None else race.entrants[place].who


def _leaders(race: Race) -> tuple[int | None, int | None]:
    """The best by the measured values and the next; nobody where two are equal, or where the front has several."""
    inside = np.flatnonzero(race.is_in).tolist()
    if len(inside) == 1:
        return inside[0], None
    if not race.contest.weighs:
        alone = [place for place in inside if not _dominated_by(race, place)]
        return (alone[0], None) if len(alone) == 1 else (None, None)
    ranked = sorted(inside, key=lambda place: -race.scores[place])
    if not ranked:
        return None, None
    is_tied = np.isclose(race.scores[ranked[0]], race.scores[ranked[1]], rtol=0, atol=1e-12)
    return (None, None) if is_tied else (ranked[0], ranked[1])


def _verdict(race: Race, leader: int | None, shares: Floats | None) -> SelectionVerdict:
    open_ = [place for place, entrant in enumerate(race.entrants) if _is_open(race, place) and not failing(entrant)]
    if not race.is_in.any() and not open_:
        return "none"
    if leader is None or open_:
        return "cannot_tell"
    is_sure = all(demand.requirement.outcome == "met" for demand in race.entrants[leader].demands)
    if shares is not None:  # resamples of no failure hold none: an interval may leave open what they do not
        is_clear = shares[leader] >= CLEAR and is_sure and not _doubts(race, leader)
        return "clear" if is_clear else "likely" if shares[leader] >= LIKELY else "cannot_tell"
    is_alone = race.is_in.sum() == 1 and not any(_is_undecided(race, place) for place in range(len(race.entrants)) if place != leader)
    if is_alone and is_sure:
        return "clear"
    return "likely" if is_sure and not _is_drawn(race) else "cannot_tell"


def _doubts(race: Race, leader: int | None) -> tuple[str, ...]:
    """What resamples do not show: figures that may be spoilt, a single prompt, a best that is nothing. Of a single candidate nothing is compared."""
    if leader is None or race.is_in.sum() < 2:
        return ()
    spoilt = [entrant.doubt for entrant, is_in in zip(race.entrants, race.is_in, strict=True) if is_in and entrant.doubt]
    alone = ["a single prompt was asked"] if race.contest.unit == "rounds" else []
    figures = race.entrants[leader].figures
    weighed = [one for one in race.criteria if one.weight > 0 and one.better == "higher" and one.name in figures]
    return tuple(dict.fromkeys((*alone, *spoilt, *(f"its {one.name} is 0" for one in weighed if figures[one.name].value == 0))))


def _is_open(race: Race, place: int) -> bool:
    """Whether a candidate was measured and yet cannot be placed: then nobody can be said to be better."""
    entrant = race.entrants[place]
    return entrant.absent is None and not race.is_placed[place]


def _is_undecided(race: Race, place: int) -> bool:
    """Whether a candidate is out by requirements that the interval does not decide, and by no other."""
    broken = failing(race.entrants[place])
    return bool(broken) and all(one.outcome == "undecided" for one in broken)


def _is_drawn(race: Race) -> bool:
    """Whether any figure that weighs, or is on the front, has noise that too few prompts tell nothing of."""
    names = {criterion.name for criterion in race.criteria if criterion.weight > 0 or not race.contest.weighs}
    return any(not criterion.is_reading for criterion in race.criteria if criterion.name in names)


def _flips(race: Race, leader: int | None) -> tuple[Flip, ...]:
    if leader is None:
        return ()
    return tuple(replace(one, at=_tidy(one.at)) for one in flips(race, leader))


def _candidates(race: Race, shares: Floats | None) -> tuple[SelectionCandidate, ...]:
    return tuple(_candidate(race, place, shares) for place in range(len(race.entrants)))


def _candidate(race: Race, place: int, shares: Floats | None) -> SelectionCandidate:
    entrant, is_in = race.entrants[place], bool(race.is_in[place])
    state, reason = _state(race, place)
    front = race.contest.criteria and any(criterion.is_on_front for criterion in race.criteria)
    dominating = _dominated_by(race, place) if is_in else ()
    is_known = is_in and not np.isnan(race.on_front[:, place]).any()
    top = _top(race)
    score = race.scores[place] if race.contest.weighs else np.nan
    return SelectionCandidate(
        who=entrant.who,
        state=state,
        reason=reason,
        requirements=tuple(demand.requirement for demand in entrant.demands),
        values=tuple(_values(race, place)) if entrant.absent is None else (),
        score=None if np.isnan(score) or np.isnan(top) else _tidy(float(np.exp(score - top))),
        win_share=_tidy(float(shares[place])) if shares is not None and race.is_placed[place] else None,
        is_on_front=not dominating if front and is_known else None,
        dominated_by=tuple(race.entrants[other].who for other in dominating),
        dominated_share=_tidy(float(race.drawn_dominated[place].mean())) if front and is_known and race.has_noise else None,
    )


def _top(race: Race) -> float:
    """The best score in the race, or of all where nobody is in it."""
    scores = race.scores[race.is_in] if race.is_in.any() else race.scores
    known = scores[~np.isnan(scores)]
    return float(known.max()) if known.size else float("nan")


def _state(race: Race, place: int) -> tuple[CandidateState, str | None]:
    entrant = race.entrants[place]
    if entrant.absent is not None:
        return "unknown", entrant.absent
    broken = failing(entrant)
    if sure := [one for one in broken if one.outcome != "unknown"]:
        return "out", "; ".join(f"{one.name} {_WORDS[one.outcome]}" for one in sure)
    if broken:
        return "unknown", "; ".join(f"{one.name} unknown" for one in broken)
    if entrant.partial is not None:
        return "unknown", entrant.partial
    if gaps := race.missing[place]:
        return "unknown", f"no value of {', '.join(gap.name for gap in gaps)}"
    return "in", None


_WORDS = {"not_met": "not met", "undecided": "undecided, and not met by the measured value", "met": "not met"}


def _dominated_by(race: Race, place: int) -> tuple[int, ...]:
    worth = race.on_front
    if not len(worth):
        return ()
    return tuple(other for other in range(len(race.entrants)) if other != place and bool(dominates(worth[:, other], worth[:, place])))


def _values(race: Race, place: int) -> list[CriterionValue]:
    found = []
    for column, criterion in enumerate(race.criteria):
        figure = race.entrants[place].figures.get(criterion.name)
        worth = race.worth[:, column]
        known = worth[race.is_in] if race.is_in.any() else worth[race.is_placed]
        known = known[~np.isnan(known)]
        ratio = float(np.exp(worth[place] - known.max())) if known.size and not np.isnan(worth[place]) else None
        found.append(
            CriterionValue(
                criterion=criterion.name,
                value=figure.value if figure else None,
                low=figure.low if figure else None,
                high=figure.high if figure else None,
                ratio=_tidy(ratio),
                factor=_tidy(ratio**criterion.weight) if ratio is not None and criterion.weight > 0 else None,
                reason=_gap(figure.reason if figure else None, figure.value if figure else None),
            )
        )
    return found


def _gap(reason: str | None, value: float | None) -> str | None:
    if value is not None:
        return None if value >= 0 else "below zero: it has no ratio"
    return reason or "there is no such figure in this run"


def _tidy(value: float | None) -> float | None:
    """Twelve significant digits: what is left of a sum whatever the processor's order of adding."""
    return None if value is None else float(f"{value:.12g}")

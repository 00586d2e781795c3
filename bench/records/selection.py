"""Which model a run speaks for: the decision that the experiment was for. A part of `summary.json`."""

from typing import Literal

import msgspec

from bench.records.comparison import Contender

SelectionVerdict = Literal["clear", "likely", "cannot_tell", "none"]
"""`clear`: the winner wins in at least 98 % of the resamples, or nobody else is left. `likely`: in at least 80 %. `cannot_tell`: in fewer, or the
prompts are too few, or something that was to count is unknown. `none`: no candidate meets the requirements."""

Better = Literal["lower", "higher", "neither"]
RequirementOutcome = Literal["met", "not_met", "undecided", "unknown"]
"""`undecided`: the interval lies on both sides of the bound, or there is none. `unknown`: there is nothing to decide by."""


CandidateState = Literal["in", "out", "unknown"]


class Requirement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One requirement of one candidate. `holds`: the measured value, or the licence, is allowed; what is unknown does not hold.

    `is_implied`: not in the spec's `selection`, but there because requests failed.
    """

    name: str
    metric: str
    outcome: RequirementOutcome
    holds: bool
    reason: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    unit: str = ""
    is_implied: bool = False


class SelectionCriterion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What candidates are compared by. `weight` is the share of all weights; 0.0: for the Pareto front alone.

    `is_reading`: without noise that this run could show. `note`: what limits it.
    """

    name: str
    metric: str
    statistic: str
    unit: str
    better: Better
    weight: float = 0.0
    is_on_front: bool = False
    is_reading: bool = False
    note: str | None = None


class CriterionValue(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A candidate's value of a criterion. `ratio`: how much worse than the best candidate in the race, 1.0 for the best; `factor` is ratio^weight."""

    criterion: str
    value: float | None
    low: float | None = None
    high: float | None = None
    ratio: float | None = None
    factor: float | None = None
    reason: str | None = None  # why there is no value


class SelectionCandidate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A model in a variant, as a candidate.

    `state`: `in` the race; `out` (a requirement is not met); `unknown` (not measured, or a value is missing). `score`: the product of the factors,
    relative to the best, which has 1.0. `win_share`: in how many of the resamples it wins, 0–1. `dominated_by`: at least as good in everything on the
    front and better in something; `dominated_share`: in how many resamples anybody is.
    """

    who: Contender
    state: CandidateState
    reason: str | None = None
    requirements: tuple[Requirement, ...] = ()
    values: tuple[CriterionValue, ...] = ()
    score: float | None = None
    win_share: float | None = None
    is_on_front: bool | None = None
    dominated_by: tuple[Contender, ...] = ()
    dominated_share: float | None = None


class Flip(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The smallest change of one thing that makes another candidate win; all else stays.

    `weight`: `criterion` weighs `at` (share of all weights) or less (`below`), or more (`above`). `value`: the winner's value of `criterion` is `at`
    or worse. `requirement`: the requirement `criterion` is dropped. `wins` is who wins then.
    """

    kind: Literal["weight", "value", "requirement"]
    criterion: str
    wins: Contender
    at: float | None = None
    side: Literal["below", "above"] | None = None
    unit: str = ""


class SelectionResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The decision, and what it rests on.

    `sentence` says all of it. `selected`: the winner of a `clear` or `likely` verdict; `leader`: the best by the measured values, whatever the
    verdict. `basis`: `weights`; `front` (no weights: the Pareto front decides); `requirements` (only one candidate is left). `resamples` of
    `n_prompts` prompts (`unit`), of which `needed` are the fewest that tell anything; `nobody_share`: in how many of them no candidate met the
    requirements. `doubts`: what resamples of prompts show nothing of, and what leaves the decision at most likely.
    """

    verdict: SelectionVerdict
    sentence: str
    basis: Literal["weights", "front", "requirements"]
    selected: Contender | None = None
    leader: Contender | None = None
    runner_up: Contender | None = None
    criteria: tuple[SelectionCriterion, ...] = ()
    candidates: tuple[SelectionCandidate, ...] = ()
    flips: tuple[Flip, ...] = ()
    resamples: int = 0
    n_prompts: int = 0
    unit: Literal["prompts", "rounds"] = "prompts"
    needed: int = 6
    nobody_share: float | None = None
    method: str = ""
    doubts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Chosen(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A decision in few numbers, as a baseline keeps it. `who` None: no model is chosen. `win_share`: in how many resamples it wins."""

    verdict: SelectionVerdict
    who: Contender | None = None
    win_share: float | None = None


def in_few_numbers(found: SelectionResult | None) -> Chosen | None:
    """What a baseline keeps of a decision."""
    if found is None:
        return None
    shares = (candidate.win_share for candidate in found.candidates if candidate.who == found.selected)
    share = next(shares, None)
    return Chosen(verdict=found.verdict, who=found.selected, win_share=None if share is None else float(f"{share:.6g}"))

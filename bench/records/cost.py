"""What a run, a request, a token costs: estimates with their formula."""

from typing import Literal

import msgspec

from bench.records.spec import ModelSpec


class CostEstimate(msgspec.Struct, frozen=True, kw_only=True):
    """An amount for one group of answers. `amount` None: cannot be said, `note` says why.

    `basis` is where the figure comes from: `declared` (watts or prices in the spec), `list price` (a price table), `measured` (a sensor).
    `formula` is the arithmetic with its numbers in place, so that a reader can redo it.
    """

    model_id: str
    variant_id: str
    cost_model: str
    per: Literal["run", "request", "million_tokens", "accepted_answer"]
    amount: float | None
    currency: str
    basis: Literal["declared", "list price", "measured"]
    formula: str
    note: str | None = None


class JudgeCost(msgspec.Struct, frozen=True, kw_only=True):
    """What one judge's work for a grader cost, probes included; `cost.model_id` is the judge's name, and its `variant_id` says nothing."""

    grader_id: str
    cost: CostEstimate


class CostBasis(msgspec.Struct, frozen=True, kw_only=True):
    """What a cost model reads: the work of one model in one variant, planned or done.

    `wall_s` is the window from the first send to the last answer; `busy_s` the part of it with at least one request in flight.
    `accepted` counts answers that reached their rubric's pass score and met every required aspect; None where nothing defines that.
    `energy_j` is all that sensors (`energy_sources`) counted over that window, at rest or not; None where there was none.
    """

    model: ModelSpec
    variant_id: str
    requests: int
    wall_s: float
    busy_s: float
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    accepted: int | None = None
    energy_j: float | None = None
    energy_sources: tuple[str, ...] = ()

"""The numbers of a summary that gates look at: of one model in one variant, with their intervals."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from bench.gate.decide import Figure
from bench.records.cost import CostEstimate
from bench.records.estimate import AspectSummary, Estimate, Group, Summary
from bench.records.gate import GateCause, GateOutcome
from bench.records.rubric_score import on_scale
from bench.records.spec import GateSpec, Rubric, Spec
from bench.stats.wilson import share_interval

# What a gate calls it -> the estimate's name.
_NAMES = {"rss_bytes": "rss_peak_bytes", "score": "quality"}
COSTS = {
    "cost": "run",
    "cost_per_request": "request",
    "cost_per_million_tokens": "million_tokens",
    "cost_per_accepted_answer": "accepted_answer",
}
"""Metric -> what a cost is per."""
_USUAL = ("p50", "mean", "share", "ratio", "rate", "value")  # the first of them that a metric has is looked at unless the gate says `at`
_READ = {"value", "max"}  # statistics that are no estimate but what happened in this run


class Cell(NamedTuple):
    """A model in a variant."""

    model_id: str
    variant_id: str


class Doubt(NamedTuple):
    """An outcome that is not believed, and why."""

    outcome: GateOutcome
    cause: GateCause
    reason: str


class Found(NamedTuple):
    """What a gate looks at. `covered`: the share of answers that have a value, None where that is no question. `reason`: why there is none.

    `measured`: the unit of what was measured, where the figure is another. `is_incomparable`: there is no baseline to hold it against. `doubt`: what
    leaves one of the outcomes open. `sides`: of a comparison (`is_change`), what base and head were; `is_points`: it is
    their difference, and no share of base; `prompts`: those that took part, where it goes by them.
    """

    figure: Figure
    unit: str
    statistic: str | None = None
    n: int = 0
    is_reading: bool = False
    covered: float | None = None
    reason: str | None = None
    measured: str = ""
    is_incomparable: bool = False
    doubt: Doubt | None = None
    sides: tuple[float, float] | None = None
    sides_unit: str = ""
    is_points: bool = False
    is_change: bool = False
    prompts: int = 0


def look(gate: GateSpec, spec: Spec, summary: Summary, cell: Cell) -> Found:
    """The number that a gate looks at."""
    if gate.aspect is not None:
        return _aspect([one for one in summary.aspects if (one.group.model_id, one.group.variant_id, one.group.aspect_id) == (*cell, gate.aspect)])
    if gate.metric in COSTS:
        return _cost(next((one for one in summary.costs if (one.model_id, one.variant_id, one.per) == (*cell, COSTS[gate.metric])), None))
    group = Group(model_id=cell.model_id, variant_id=cell.variant_id)
    name = _NAMES.get(gate.metric, gate.metric)
    of_metric: dict[str, Estimate] = {one.statistic: one for one in summary.estimates if one.group == group and one.metric == name}
    if not of_metric:
        return _nothing("there is no such figure in this run")
    estimate = _chosen(of_metric, gate.at)
    if estimate is None:
        return _nothing(f"there is no {gate.at} of it in this run, only {', '.join(of_metric)}")
    found = _estimated(estimate)
    return _on_scale(found, spec) if gate.metric == "score" else found


def _chosen(present: Mapping[str, Estimate], at: str | None) -> Estimate | None:
    wanted = ("mean", "share") if at == "mean" else (at,) if at else _USUAL
    return next((present[name] for name in wanted if name in present), None)


def _nothing(reason: str) -> Found:
    return Found(Figure(None, None, None), "", reason=reason)


def _estimated(estimate: Estimate) -> Found:
    is_reading = estimate.statistic in _READ and estimate.low is None and estimate.value is not None
    low, high = (estimate.value, estimate.value) if is_reading else (estimate.low, estimate.high)
    of_answers = estimate.n + estimate.not_applicable
    return Found(
        Figure(estimate.value, low, high, estimate.note),
        estimate.unit,
        estimate.statistic,
        estimate.n,
        is_reading,
        covered=estimate.n / of_answers if of_answers else 0.0,
        reason=estimate.note if estimate.value is None else None,
    )


def _cost(cost: CostEstimate | None) -> Found:
    if cost is None or cost.amount is None:
        return _nothing((cost.note if cost else None) or "no cost is known")
    return Found(Figure(cost.amount, cost.amount, cost.amount), cost.currency, "value", 1, is_reading=True)


def _aspect(seen: Sequence[AspectSummary]) -> Found:
    """How often an aspect is met over all prompts that have it; with several prompts they are the units that vary, else the answers."""
    graded = [one for one in seen if one.graded]
    answers = sum(one.graded + one.abstained + one.failed + one.ungraded for one in seen)
    if not graded:
        return _nothing("no answer has this aspect" if not answers else "no answer was graded for it")._replace(covered=0.0 if answers else None)
    met = np.concatenate([np.repeat((1.0, 0.0), (one.passed, one.graded - one.passed)) for one in graded])
    units = np.repeat(np.arange(len(graded)), [one.graded for one in graded]) if len(graded) > 1 else np.arange(met.size)
    interval = share_interval(met, units.astype(np.intp))
    figure = Figure(float(met.mean()), interval.low, interval.high)
    return Found(figure, "share", "share", int(met.size), covered=met.size / answers)


def _on_scale(found: Found, spec: Spec) -> Found:
    """A score of 0–1 on the scale that the rubrics of all graded prompts share."""
    rubrics = {rubric.id: rubric for rubric in spec.rubrics}
    used = {prompt.rubric for prompt in spec.prompts if prompt.rubric is not None or prompt.aspects}
    scales = {rubrics[name].scale if name in rubrics else (0, 1) for name in used}
    if len(scales) > 1:
        return _nothing("the rubrics of this run have different scales; look at `quality`")
    if not used & set(rubrics):
        return found._replace(unit="")
    rubric = Rubric(id="any", scale=scales.pop())
    value, low, high = (None if bound is None else on_scale(bound, rubric) for bound in found.figure[:3])
    return found._replace(figure=found.figure._replace(value=value, low=low, high=high), unit="")

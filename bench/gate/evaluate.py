"""Every gate of a spec against a run's summary: pass, fail or undecided, with the reason."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from bench.gate import trust
from bench.gate.decide import Bounds, Decision, decide
from bench.gate.figures import Cell, Found, look
from bench.gate.regression import Against, worse_by
from bench.gate.words import POINTS, bounds_in_words, change_in_words, figure_in_words, subject
from bench.records.estimate import Summary
from bench.records.gate import GateCause, GateOutcome, GateResult
from bench.records.source import Position
from bench.records.spec import GateSpec, Spec

_WHY = {
    ("pass", "bound"): "the whole interval lies within",
    ("fail", "bound"): "the whole interval lies outside",
    ("undecided", "noise"): "the interval lies on both sides of the bound: more prompts make it narrower",
    ("undecided", "too_few"): "there is no interval",
}  # fmt: skip

_IN_POINTS = {"quality", "score", "judged", "checks_met", "error_rate", "aspect"}  # what is compared by differences


class Known(NamedTuple):
    """What gates are held against. `against`: baselines, by the name that the spec gives them."""

    spec: Spec
    summary: Summary
    against: Mapping[str, Against]
    position: Position | None = None


def evaluate(
    spec: Spec, summary: Summary, positions: Sequence[Position | None] = (), against: Mapping[str, Against] | None = None
) -> tuple[GateResult, ...]:
    """The results of all gates, in the order of the spec; of each one for every model in every variant that took part.

    An optional model that was not there is held against no gate that does not name it. `positions`: of the gates in the spec's files;
    `against`: the baselines that they name.
    """
    cells = tuple(Cell(one.model_id, one.variant_id) for one in summary.counts)
    found = []
    for number, gate in enumerate(spec.gates):
        position = positions[number] if number < len(positions) else None
        found += list(_of_gate(number, gate, Known(spec, summary, against or {}, position), _held(gate, summary, cells)))
    return tuple(found)


def _held(gate: GateSpec, summary: Summary, cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """The models in their variants that a gate is about."""
    if gate.model is not None:
        return tuple(cell for cell in cells if cell.model_id == gate.model)
    away = {Cell(status.model_id, status.variant_id) for status in summary.models if status.is_optional and status.state != "served"}
    answered = {Cell(one.model_id, one.variant_id) for one in summary.counts if one.completed}
    return tuple(cell for cell in cells if cell in answered or cell not in away)


def _of_gate(number: int, gate: GateSpec, known: Known, cells: Sequence[Cell]) -> Iterator[GateResult]:
    if not cells:
        who = f"model {gate.model} took no part in this run" if gate.model else "no model took part in this run"
        bounds = Bounds(gate.min, gate.max if gate.baseline is None else gate.max_regression)
        yield GateResult(
            gate=number,
            name=f"{subject(gate, None)} {bounds_in_words(bounds, _unit(known.summary, gate))}",
            metric=gate.metric,
            aspect_id=gate.aspect,
            outcome="undecided",
            cause="no_value",
            reason=who,
            baseline=gate.baseline,
            position=known.position,
        )
    for cell in cells:
        if gate.min is not None or gate.max is not None:
            yield absolute(number, gate, known, cell)
        if gate.baseline is not None:
            yield regression(number, gate, known, cell)


def absolute(number: int, gate: GateSpec, known: Known, cell: Cell) -> GateResult:
    """A gate with bounds, of one model in one variant."""
    found, bounds = look(gate, known.spec, known.summary, cell), Bounds(gate.min, gate.max)
    name = f"{subject(gate, found.statistic)} {bounds_in_words(bounds, found.unit or _unit(known.summary, gate))}"
    return _result((number, name, gate), known, cell, (found, bounds))


def regression(number: int, gate: GateSpec, known: Known, cell: Cell) -> GateResult:
    """A gate against a baseline, of one model in one variant."""
    against = known.against.get(gate.baseline or "", Against(reason=f"the baseline {gate.baseline} is not at hand"))
    found, bounds = worse_by(gate, cell, against), Bounds(None, gate.max_regression)
    covered = look(gate, known.spec, known.summary, cell).covered
    unit = POINTS if found.is_points or gate.metric in _IN_POINTS else "share"
    name = f"{subject(gate, None)} worse by {bounds_in_words(bounds, unit)}"
    made = _result((number, name, gate), known, cell, (found._replace(covered=covered, is_change=True), bounds))
    return replace(made, baseline=gate.baseline)


def _result(of: tuple[int, str, GateSpec], known: Known, cell: Cell, seen: tuple[Found, Bounds]) -> GateResult:
    (number, name, gate), (found, bounds) = of, seen
    outcome, cause, reason = _decided(gate, known, (found, bounds), cell)
    return GateResult(
        gate=number,
        name=name,
        metric=gate.metric,
        outcome=outcome,
        cause=cause,
        reason=reason,
        model_id=cell.model_id,
        variant_id=cell.variant_id,
        aspect_id=gate.aspect,
        statistic=found.statistic,
        unit=found.unit,
        value=found.figure.value,
        low=found.figure.low,
        high=found.figure.high,
        least=bounds.least,
        most=bounds.most,
        n=found.n,
        is_reading=found.is_reading,
        position=known.position,
    )


def _unit(summary: Summary, gate: GateSpec) -> str:
    """The unit of a metric that this model has no value of: as another model has it, or as its name says."""
    if gate.aspect is not None or gate.metric == "quality":
        return "share"
    named = "B" if gate.metric.endswith("_bytes") else "s" if gate.metric.endswith("_s") else ""
    return next((one.unit for one in summary.estimates if one.metric == gate.metric), named)


def _decided(gate: GateSpec, known: Known, on: tuple[Found, Bounds], cell: Cell) -> tuple[GateOutcome, GateCause, str]:
    spec, summary, (found, bounds) = known.spec, known.summary, on
    seen = change_in_words(found, bounds) if found.is_change else figure_in_words(found.figure, found.unit, bounds)
    objection = trust.of_the_judge(gate, spec, summary) or trust.of_the_coverage(gate, summary, found.covered)
    if objection is not None:
        return "undecided", objection.cause, f"{seen}: {objection.reason}" if found.figure.value is not None else objection.reason
    if found.is_incomparable:
        return "undecided", "baseline", found.reason or "there is nothing to compare with"
    decision = decide(found.figure, bounds, gate.on_noise)
    doubts = (*trust.of_the_run(gate, found.measured or found.unit, (spec, summary), cell), *([found.doubt] if found.doubt else []))
    doubt = next((one for one in doubts if one.outcome == decision.outcome), None)
    if doubt is not None and not decision.outcome == gate.on_noise == "pass":
        return "undecided", doubt.cause, f"{seen}: {doubt.reason}"
    lets = f"; {doubt.reason} (`on_noise: pass` asks for no proof of that)" if doubt is not None else ""
    return decision.outcome, decision.cause, f"{_reason(gate, found, decision, seen)}{lets}"


def _reason(gate: GateSpec, found: Found, decision: Decision, seen: str) -> str:
    outcome, cause = decision
    if cause == "no_value":
        return found.reason or "no value"
    if found.is_reading:
        return f"{seen}, as read in {'both runs' if found.is_change else 'this run'}"
    if cause == "bound":
        return f"{seen}: {_WHY[outcome, cause]}"
    why = _WHY["undecided", cause]
    if found.figure.why_no_interval and cause == "too_few":
        why = f"{why} ({found.figure.why_no_interval})"
    return f"{seen}: {why}" if outcome == "undecided" else f"{seen}: {why}; {outcome}ed by `on_noise: {gate.on_noise}`"

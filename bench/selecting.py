"""The decision that a run was for: its candidates, held against the spec's `selection`. Part of the program (`pipeline.py`)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from bench.gate.decide import Bounds
from bench.gate.evaluate import Known, absolute
from bench.gate.figures import Cell, Found, look
from bench.gate.trust import of_the_client, of_the_machine
from bench.protocols import Metric
from bench.records.comparison import Contender
from bench.records.estimate import Counts, Summary
from bench.records.gate import GateResult
from bench.records.rubric_score import on_scale
from bench.records.selection import Better, Requirement, RequirementOutcome, SelectionCriterion, SelectionResult
from bench.records.spec import Bounded, GateSpec, ModelSpec, Rubric, Spec, Weighed
from bench.select.contest import Contest, Demand, Entrant, Figure, within
from bench.select.decide import decide
from bench.select.worth import SHARES
from bench.stats.quantile import Floats
from bench.stats.resampling import NEEDED, RESAMPLES, widened, widths
from bench.summarize.redrawn import Redrawn
from bench.summarize.rows import Rows
from bench.summarize.table import Cell as Treated

MOST_FAILED = 0.05
"""Of the requests of a candidate, where the spec says nothing of it: figures of the answered ones alone say little of a model that often fails."""

_OF_ANSWERS = {"score": "quality"}  # what a weight looks at, where requirements have a name of their own for it
_FRONT = (("quality", None), ("latency", "p50"), ("rss_bytes", None), ("cost", None))
_COST = "cost"
_PER_REQUEST = "cost_per_request"


class _Run(NamedTuple):
    """What is looked at."""

    spec: Spec
    summary: Summary
    metrics: Mapping[str, Metric]
    redrawn: Redrawn
    widths: Floats


def selected(spec: Spec, summary: Summary, rows: Rows, metrics: Mapping[str, Metric]) -> SelectionResult | None:
    """What a run comes to; None where its spec declares no `selection`."""
    if spec.selection is None:
        return None
    redrawn = Redrawn(spec, rows, metrics)
    n_units = redrawn.k if redrawn.by_rounds else redrawn.n_prompts
    run = _Run(spec, summary, metrics, redrawn, widths(max(2, n_units)))
    cells = tuple(Cell(one.model_id, one.variant_id) for one in summary.counts)
    criteria = tuple(_criteria(run, cells))
    return decide(
        Contest(
            criteria=criteria,
            entrants=tuple(_entrant(run, counts, criteria, cells) for counts in summary.counts),
            n_prompts=n_units,
            unit="rounds" if run.redrawn.by_rounds else "prompts",
            resamples=RESAMPLES,
            needed=NEEDED,
            notes=tuple(_notes(run, criteria)),
        )
    )


# --- what counts


def _criteria(run: _Run, cells: Sequence[Cell]) -> Iterator[SelectionCriterion]:
    """What weighs, in the order of the spec, then what only the Pareto front looks at: of quality, latency, memory and cost what does not weigh."""
    declared = run.spec.selection
    weights = declared.weights if declared is not None else ()
    total = sum(one.weight for one in weights)
    covered = set()
    for one in weights:
        made = _criterion(run, one, cells, one.weight / total if total else 0.0)
        covered.add(_family(made))
        yield made
    for metric, at in _FRONT:
        made = _criterion(run, Weighed(metric=metric, at=at, weight=0.0), cells, 0.0)
        if made.is_on_front and _family(made) not in covered:
            yield made


def _criterion(run: _Run, one: Weighed, cells: Sequence[Cell], weight: float) -> SelectionCriterion:
    found = [look(_looking(one), run.spec, run.summary, cell) for cell in cells]
    known = [each for each in found if each.figure.value is not None]
    better = _better(run, one.metric)
    first = known[0] if known else Found(found[0].figure, "", None) if found else None
    made = SelectionCriterion(
        name=one.name,
        metric=one.metric,
        statistic=(first.statistic if first else None) or one.at or "value",
        unit=first.unit if first else "",
        better=better,
        weight=0.0 if better == "neither" else float(f"{weight:.12g}"),
        is_on_front=bool(known) and better != "neither",
        is_reading=bool(known) and all(each.is_reading for each in known),
    )
    return replace(made, note=_limit(run, made, known))


def _looking(one: Weighed | Bounded) -> GateSpec:
    """How a gate would look at the same figure. `cost` is that of a request: of a run it would fall with every request that fails."""
    metric = _PER_REQUEST if one.metric == _COST else _OF_ANSWERS.get(one.metric, one.metric)
    return GateSpec(metric=metric, at=one.at)


def _better(run: _Run, metric: str) -> Better:
    name = _OF_ANSWERS.get(metric, metric)
    if name in run.metrics:
        return run.metrics[name].better
    return next((one.better for one in run.summary.estimates if one.metric == name), "lower")


def _family(criterion: SelectionCriterion) -> str:
    """What is on the front once: scores, times and speeds, sizes, and costs; of anything else each by itself."""
    if criterion.metric.startswith(_COST) or criterion.metric.startswith("energy"):
        return _COST
    if criterion.unit in SHARES:
        return "quality"
    if criterion.unit == "s" or criterion.unit.endswith("/s"):
        return "time"
    return "size" if criterion.unit == "B" else criterion.name


def _limit(run: _Run, criterion: SelectionCriterion, known: Sequence[Found]) -> str | None:
    """What limits a criterion, if anything does."""
    if criterion.better == "neither":
        return "neither more nor less of it is better: it does not count"
    if criterion.metric in {"quality", "score"} and known:
        return _graded_by(run)
    limits = [spoilt] if (spoilt := _spoilt(run, criterion)) is not None else []
    if criterion.is_reading:
        limits.append("a reading: the same in every resample")
    elif known and any(each.figure.low is None for each in known):
        why = known[0].figure.why_no_interval
        limits.append(f"no interval{f' ({why})' if why else ''}: resamples show too little of its noise")
    return "; ".join(limits) or None


def _spoilt(run: _Run, criterion: SelectionCriterion) -> str | None:
    """What may have spoilt a figure, and of which models."""
    gate = _looking(Weighed(metric=criterion.metric, at=_at(criterion), weight=0.0))
    if of_the_client(gate, criterion.unit, run.summary) is not None:
        return "the client was saturated: its own delay is part of it"
    cells = [Cell(one.model_id, one.variant_id) for one in run.summary.counts]
    spoilt = dict.fromkeys(cell.model_id for cell in cells if of_the_machine(gate, criterion.unit, run.summary, cell))
    return f"other work took part of the machine while it was measured of {', '.join(spoilt)}" if spoilt else None


def _graded_by(run: _Run) -> str | None:
    """Whose word `quality` is, where that is not plain."""
    judges, asked = run.summary.judges, run.spec.judge
    counting = [judge for judge in judges if judge.may_count]
    if not counting:
        if asked is None:
            return "by checks"
        judge = judges[0] if judges else None
        why = "did not judge this run" if judge is None else judge.qualification.verdict if judge.state == "served" else judge.state
        return f"by checks alone: judge {asked.use if judge is None else judge.judge_id} {'' if judge is None else 'is '}{why}"
    named = ", ".join(f"{judge.judge_id} ({judge.qualification.verdict})" for judge in counting)
    calibration = run.summary.calibration
    if calibration is None:
        return f"by checks and judge {named}; how far people agree with it is not known"
    graders = {judge.grader_id for judge in counting}
    unbeaten = [rival.name for one in calibration.graders if one.grader_id in graders for rival in one.rivals if rival.is_beaten is False]
    weak = f"; people agree with the mere {unbeaten[0]} of an answer as much" if unbeaten else ""
    return f"by checks and judge {named}{weak}"


def _notes(run: _Run, criteria: Sequence[SelectionCriterion]) -> Iterator[str]:
    failed = [one for one in run.summary.counts if one.failed and one.completed]
    if failed and criteria:
        has_variants = len({one.variant_id for one in run.summary.counts}) > 1
        named = ((one, f"{one.model_id} [{one.variant_id}]" if has_variants else one.model_id) for one in failed)
        told = ", ".join(f"{one.failed} of {one.completed + one.failed} of {name}" for one, name in named)
        yield f"Requests failed ({told}): figures speak of those that were answered."


# --- who takes part


def _entrant(run: _Run, counts: Counts, criteria: Sequence[SelectionCriterion], cells: Sequence[Cell]) -> Entrant:
    cell = Cell(counts.model_id, counts.variant_id)
    who = Contender(model_id=cell.model_id, variant_id=cell.variant_id)
    if not counts.completed:
        return Entrant(who, tuple(_declared(run, cell)), absent=_absence(run, counts))
    figures = {criterion.name: _figure(run, cell, criterion) for criterion in criteria}
    return Entrant(
        who,
        (*_declared(run, cell), *_bounded(run, cell), *_reliable(run, counts)),
        figures,
        partial=_apart(run, counts) or _partial(run, cell, cells),
        doubt=_doubt(run, cell, criteria, figures),
    )


def _doubt(run: _Run, cell: Cell, criteria: Sequence[SelectionCriterion], figures: Mapping[str, Figure]) -> str | None:
    """What may have spoilt a figure that counts, or that resamples show too little of. Where nothing weighs, all that is on the front counts."""
    weighs = any(criterion.weight > 0 for criterion in criteria)
    counting = [criterion for criterion in criteria if criterion.weight > 0 or (criterion.is_on_front and not weighs)]
    gates = [(_looking(Weighed(metric=one.metric, at=_at(one), weight=0.0)), one.unit) for one in counting]
    if any(of_the_client(gate, unit, run.summary) for gate, unit in gates):
        return "the measuring client could not keep up"
    if any(of_the_machine(gate, unit, run.summary, cell) for gate, unit in gates):
        return "other work took part of the machine"
    alone = [name for one in counting if (figure := figures[name := one.name]).drawn is not None and figure.low is None and figure.value is not None]
    return f"{', '.join(alone)} has no interval" if alone else None


def _absence(run: _Run, counts: Counts) -> str:
    if counts.failed:
        return f"all {counts.failed} requests failed"
    status = next((one for one in run.summary.models if (one.model_id, one.variant_id) == (counts.model_id, counts.variant_id)), None)
    return "not measured" if status is None or status.state == "served" else f"{status.state}{f': {status.reason}' if status.reason else ''}"


def _apart(run: _Run, counts: Counts) -> str | None:
    """Times and sizes of another transport compare with nothing; where there are several, those over HTTP are the candidates."""
    ways = [one.transport for one in run.summary.counts if one.completed]
    way = "http" if "http" in ways else ways[0]
    return None if counts.transport == way else f"its answers came by another transport ({counts.transport}, not {way})"


def _partial(run: _Run, cell: Cell, cells: Sequence[Cell]) -> str | None:
    """Figures of other prompts than the others' compare with nothing."""
    every = frozenset[str]().union(*(run.redrawn.asked(Treated(*each)) for each in cells))
    asked = run.redrawn.asked(Treated(*cell))
    return None if asked == every else f"asked only {len(asked)} of {len(every)} prompts so far"


def _figure(run: _Run, cell: Cell, criterion: SelectionCriterion) -> Figure:
    one = Weighed(metric=criterion.metric, at=_at(criterion), weight=0.0)
    found = look(_looking(one), run.spec, run.summary, cell)
    if found.figure.value is not None and found.unit != criterion.unit:
        return Figure(None, reason=f"{found.unit or 'no unit'}, where another candidate has {criterion.unit or 'none'}: they do not compare")
    objection = _objection(run, criterion)
    if objection is not None:
        return Figure(None, reason=objection)
    drawn = run.redrawn.figure(Treated(*cell), _looking(one).metric, found.statistic)
    low, high = (None, None) if found.is_reading else (found.figure.low, found.figure.high)
    return Figure(found.figure.value, low, high, drawn, found.reason)


def _at(criterion: SelectionCriterion) -> str | None:
    return criterion.name.removeprefix(criterion.metric).removeprefix("_") or None


def _objection(run: _Run, criterion: SelectionCriterion) -> str | None:
    """Scores by a judge alone are nobody's where its word is not taken."""
    if criterion.metric != "judged" or run.spec.judge is None or any(judge.may_count for judge in run.summary.judges):
        return None
    return f"{_graded_by(run)}, and its word is not taken".removeprefix("by checks alone: ")


# --- what is required


def _declared(run: _Run, cell: Cell) -> Iterator[Demand]:
    """What a model's entry says of itself."""
    wanted = run.spec.selection
    model: ModelSpec | None = next((one for one in run.spec.models if one.id == cell.model_id), None)
    if wanted is None or model is None:
        return
    if wanted.licenses:
        allowed = {one.casefold() for one in wanted.licenses}
        outcome: RequirementOutcome = "unknown" if model.license is None else "met" if model.license.casefold() in allowed else "not_met"
        name = f"license: {' or '.join(wanted.licenses)}"
        yield _told(name, "license", outcome, model.license or "the model's entry declares no licence")
    if wanted.capabilities:
        lacking = [one for one in wanted.capabilities if one not in model.capabilities]
        known: RequirementOutcome = "unknown" if not model.capabilities else "not_met" if lacking else "met"
        told = ", ".join(model.capabilities) or "the model's entry declares no capabilities"
        yield _told(f"capabilities: {', '.join(wanted.capabilities)}", "capabilities", known, told)


def _told(name: str, metric: str, outcome: RequirementOutcome, reason: str) -> Demand:
    return Demand(Requirement(name=name, metric=metric, outcome=outcome, holds=outcome == "met", reason=reason))


def _bounded(run: _Run, cell: Cell) -> Iterator[Demand]:
    for number, one in enumerate(run.spec.selection.bounds if run.spec.selection else ()):
        gate = GateSpec(metric=one.metric, at=one.at, min=one.min, max=one.max)
        yield _held(run, cell, one, absolute(number, gate, Known(run.spec, run.summary, {}), cell))


def _reliable(run: _Run, counts: Counts) -> Iterator[Demand]:
    """That requests seldom fail, where some did and the spec does not say how many may."""
    if not counts.failed or any(one.metric == "error_rate" for one in (run.spec.selection.bounds if run.spec.selection else ())):
        return
    most = run.spec.limits.max_error_rate if run.spec.limits.max_error_rate is not None else MOST_FAILED
    cell = Cell(counts.model_id, counts.variant_id)
    gate = GateSpec(metric="error_rate", max=most, on_noise="value")
    made = _held(run, cell, Bounded(metric="error_rate", max=most), absolute(0, gate, Known(run.spec, run.summary, {}), cell))
    yield made._replace(requirement=replace(made.requirement, is_implied=True))


def _held(run: _Run, cell: Cell, one: Bounded, result: GateResult) -> Demand:
    """A requirement as a gate decides it, and as it would have been with other prompts."""
    outcome = _outcome(result)
    holds = outcome != "unknown" and result.value is not None and Bounds(one.min, one.max).hold(result.value)
    requirement = Requirement(
        name=result.name,
        metric=one.name,
        outcome=outcome,
        holds=holds,
        reason=result.reason,
        value=result.value,
        low=result.low,
        high=result.high,
        unit=result.unit,
    )
    drawn = None if outcome == "unknown" else run.redrawn.figure(Treated(*cell), _OF_ANSWERS.get(one.metric, one.metric), result.statistic)
    if drawn is not None and one.metric == "score":
        drawn = on_scale(drawn, _rubric(run.spec))  # type: ignore[arg-type, assignment]  # of arrays as of numbers
    held = None if drawn is None or result.value is None else within(widened(result.value, drawn, run.widths), one.min, one.max)
    return Demand(requirement, held, one.name, one.min, one.max)


def _outcome(result: GateResult) -> RequirementOutcome:
    match result.outcome, result.cause:
        case "pass", _:
            return "met"
        case "fail", _:
            return "not_met"
        case _, "noise" | "too_few" | "client" | "contention":
            return "undecided"
        case _:
            return "unknown"


def _rubric(spec: Spec) -> Rubric:
    """One on the scale that all have; `look` has no score where they differ."""
    return next((rubric for rubric in spec.rubrics), Rubric(id="any", scale=(0, 1)))

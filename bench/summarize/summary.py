"""Everything that was measured, as one `Summary`. Reads from top to bottom like the record it makes."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from msgspec.structs import replace

from bench.protocols import Metric
from bench.records.cost import CostEstimate
from bench.records.estimate import Counts, Estimate, Group, PromptSpread, Statistic, Summary
from bench.records.exchange import Transport
from bench.records.judging import JudgeRecord
from bench.records.machine import ClientHealth
from bench.records.plan import Plan, Treatment
from bench.records.run import Manifest
from bench.records.selftest import SelfTest
from bench.records.serving import ModelStatus
from bench.records.spec import Spec
from bench.summarize.aspects import aspect_summaries
from bench.summarize.comparison import compare
from bench.summarize.estimates import FURTHER, estimate
from bench.summarize.far import outliers
from bench.summarize.health import behind, limited_by, saturated
from bench.summarize.loads import loads, not_needed, steady_rows
from bench.summarize.loads import notes as load_notes
from bench.summarize.notes import cell_notes, design_notes, lag_notes, run_notes
from bench.summarize.part import Mask
from bench.summarize.passes import passes
from bench.summarize.reading import Seen
from bench.summarize.rows import Places, Rows
from bench.summarize.serving_facts import serving_facts
from bench.summarize.spread import spreads
from bench.summarize.table import Cell
from bench.summarize.throughput import throughput
from bench.summarize.variants import ratios
from bench.trials import columns

PER_PROMPT = ("ttft", "latency", "decode_tps", "completion_tokens", "prompt_tokens", "error_rate", "quality")
BY_PREFIX = ("ttft",)
IN_STEADY = ("ttft", "tpot", "latency")
BY_STEP = ("ttft", "tpot", "latency", "error_rate")
_NO_GAPS = "The run kept no more of each answer's arrivals than first, last, number and quantiles of the gaps (`record: summary`): it has no ITL."


def summarize(  # noqa: PLR0913  # one argument per kind of line in the run folder
    *,
    manifest: Manifest,
    spec: Spec,
    plan: Plan,
    statuses: Sequence[ModelStatus],
    seen: Seen,
    health: Sequence[ClientHealth],
    metrics: Mapping[str, Metric],
    costs: tuple[CostEstimate, ...],
    selftest: SelfTest | None = None,
    judges: Sequence[JudgeRecord] = (),
    strangers: int = 0,
) -> Summary:
    """The summary of a run: the same lines in any order give the same bytes.

    `seen`: all decided trials of the plan, as read by `read` with the same metrics. `strangers`: how many others have an answer.
    """
    rows, cells = seen.rows, tuple(treatments := _treatments(spec, plan))
    measured = _measured(every := rows.by_cell(cells))
    transports = _transports(cells, lines := _by_status(statuses))
    last = {cell: _status(treatments[cell], lines.get(cell, ())) for cell in cells}
    numbers = _planned(plan) - not_needed(plan, rows, health)
    blocks = tuple(sorted(health, key=lambda block: (block.worker, block.started_s, block.treatment_digests)))
    far, more = outliers(measured)
    own_notes = (*_notes_of_the_lines(spec, strangers), *_notes_of_the_trials(rows, measured, last))
    return Summary(
        run_id=manifest.run_id,
        spec_name=manifest.spec_name,
        spec_version=manifest.spec_version,
        spec_digest=manifest.spec_digest,
        client_saturated=bool(late := saturated(blocks, rows)),
        counts=(counts := tuple(_counts(cell, numbers[cell], measured[cell], transports[cell]) for cell in cells)),
        models=tuple(last.values()),
        estimates=(known := (*_estimates(spec, every, lines, metrics), *passes(spec, [cell for cell in cells if measured[cell]], seen.work.tries))),
        comparisons=tuple(compare(spec, measured.items(), metrics, transports)),
        ratios=tuple(ratios(spec, measured, known, metrics)),
        aspects=tuple(aspect_summaries(spec, cells, seen.fates)),
        judges=tuple(judges),
        spreads=tuple(_spreads(spec, measured, metrics)),
        outliers=far,
        outliers_more=more,
        costs=costs,
        health=blocks,
        loads=(facts := tuple(loads(spec, plan, rows.where(~rows.is_warmup), blocks))),
        limited_by=limited_by(blocks, late),
        selftest=selftest,
        notes=(*run_notes(manifest, counts, late, blocks), *lag_notes(behind(blocks, rows)), *own_notes, *load_notes(facts)),
    )


def _measured(cells: Mapping[Cell, Rows]) -> dict[Cell, Rows]:
    """The rows that are no warm-up."""
    return {cell: rows.where(~rows.is_warmup) for cell, rows in cells.items()}


def _spreads(spec: Spec, cells: Mapping[Cell, Rows], metrics: Mapping[str, Metric]) -> Iterator[PromptSpread]:
    prompts = [prompt.id for prompt in spec.prompts]
    for cell, rows in cells.items():
        yield from spreads(cell, rows, prompts, metrics)


def _planned(plan: Plan) -> Counter[Cell]:
    """Measured trials of each cell."""
    found: Counter[Cell] = Counter()
    for block in plan.blocks:
        for kind, n in columns(block.trials).counted():
            if not kind.is_warmup:
                found[Cell(kind.model_id, kind.variant_id)] += n
    return found


def _notes_of_the_trials(rows: Rows, measured: Mapping[Cell, Rows], last: Mapping[Cell, ModelStatus]) -> Iterator[str]:
    yield from design_notes(rows.where(~rows.is_warmup))
    yield from cell_notes(measured, last)


def _notes_of_the_lines(spec: Spec, strangers: int) -> Iterator[str]:
    if strangers:
        yield f"Left out: {strangers} answer{'s' * (strangers != 1)} to trials that are not in the plan."
    if spec.record == "summary":
        yield _NO_GAPS


def _treatments(spec: Spec, plan: Plan) -> dict[Cell, Treatment]:
    """What the plan measures, in the order of the spec."""
    found = {Cell(treatment.model_id, treatment.variant_id): treatment for block in plan.blocks for treatment in block.treatments}
    order = {Cell(model.id, variant.id): place for place, (model, variant) in enumerate((m, v) for m in spec.models for v in spec.variants)}
    return dict(sorted(found.items(), key=lambda item: (order.get(item[0], len(order)), item[0])))


def _by_status(statuses: Iterable[ModelStatus]) -> dict[Cell, list[ModelStatus]]:
    found: defaultdict[Cell, list[ModelStatus]] = defaultdict(list)
    for status in statuses:
        found[Cell(status.model_id, status.variant_id)].append(status)
    return dict(found)


def _status(treatment: Treatment, lines: Sequence[ModelStatus]) -> ModelStatus:
    """The last line about a treatment; one that was never reached is told as such."""
    if lines:
        return lines[-1]
    return ModelStatus(
        model_id=treatment.model_id,
        variant_id=treatment.variant_id,
        treatment_digest=treatment.digest,
        state="skipped",
        is_optional=treatment.optional,
        reason="the run ended before this model was started",
        hint="continue it with `bench run SPEC --resume`",
    )


def _transports(cells: Sequence[Cell], lines: Mapping[Cell, Sequence[ModelStatus]]) -> dict[Cell, Transport]:
    """How each model's answers came, whatever became of it last; one that never was up is put where the others are."""
    known = {cell: line.endpoint.transport for cell in cells for line in lines.get(cell, ()) if line.endpoint is not None}
    otherwise: Transport = next(iter(known.values())) if len(set(known.values())) == 1 else "http"
    return {cell: known.get(cell, otherwise) for cell in cells}


def _counts(cell: Cell, planned: int, rows: Rows, transport: Transport) -> Counts:
    """Planned, completed, failed and missing trials; warm-up is not counted."""
    failures = rows.counts("failure")
    failed = sum(failures.values())
    return Counts(
        model_id=cell.model_id,
        variant_id=cell.variant_id,
        planned=planned,
        completed=len(rows) - failed,
        failed=failed,
        missing=planned - len(rows),
        retried=int((rows.codes("attempts") > 1).sum()),
        failures=failures,
        transport=transport,
    )


def _estimates(
    spec: Spec, every: Mapping[Cell, Rows], lines: Mapping[Cell, Sequence[ModelStatus]], metrics: Mapping[str, Metric]
) -> Iterator[Estimate]:
    """Per cell: every metric, some of them by prefix and by prompt; then throughput and what serving took."""
    measured_of = _measured(every)
    steady = steady_rows(spec, Rows.joined(list(measured_of.values()))) if every else np.empty(0, dtype=np.bool_)
    for cell, rows in every.items():
        measured = measured_of[cell]
        if len(measured):
            by_prompt = measured.by_word("prompt")
            for name, metric in metrics.items():
                yield from _of_metric(spec, cell, (measured, by_prompt), (name, metric))
            yield from throughput(cell, rows, spec.slo)
            yield from _by_load(spec, cell, measured, (steady, metrics))
        yield from serving_facts(cell, lines.get(cell, ()), rows)


def _by_load(spec: Spec, cell: Cell, rows: Rows, known: tuple[Mask, Mapping[str, Metric]]) -> Iterator[Estimate]:
    """Estimates of the load's steady part, and of each of its steps."""
    steady, metrics = known
    whole = Group(model_id=cell.model_id, variant_id=cell.variant_id)
    if len(inside := rows.flagged(steady)):
        for name in (name for name in IN_STEADY if name in metrics):
            yield from estimate(name, metrics[name], replace(whole, window="steady"), inside, spec.seed)
    steps = rows.codes("step")
    for step in np.unique(steps[steps > 0]).tolist():
        group, members = replace(whole, step=step), rows.where(steps == step)
        for name in (name for name in BY_STEP if name in metrics):
            yield from estimate(name, metrics[name], group, members, spec.seed)
        for rate in throughput(cell, members, spec.slo):
            yield replace(rate, group=group)


def _of_metric(spec: Spec, cell: Cell, of_cell: tuple[Rows, dict[str, Places]], named: tuple[str, Metric]) -> Iterator[Estimate]:
    (rows, by_prompt), (name, metric) = of_cell, named
    whole = Group(model_id=cell.model_id, variant_id=cell.variant_id)
    values = rows.values(name)
    yield from estimate(name, metric, whole, rows, spec.seed, values, _further(spec, name))
    if name in BY_PREFIX:
        by_prefix = rows.by_word("prefix")
        for prefix in ("cold", "warm"):
            if prefix in by_prefix:
                places = by_prefix[prefix]
                yield from estimate(name, metric, replace(whole, prefix=prefix), rows.at(places), spec.seed, values[places])
    if name in PER_PROMPT:
        for prompt in spec.prompts:
            if prompt.id in by_prompt:
                places = by_prompt[prompt.id]
                yield from estimate(name, metric, replace(whole, prompt_id=prompt.id), rows.at(places), spec.seed, values[places])


def _further(spec: Spec, name: str) -> tuple[Statistic, ...]:
    """Statistics of a metric that only its gates, or the selection, look at."""
    wanted = {(gate.metric, gate.at) for gate in spec.gates}
    if spec.selection is not None:
        wanted |= {(weight.metric, weight.at) for weight in spec.selection.weights}
        wanted |= {(bound.metric, bound.at) for bound in spec.selection.bounds}
    return tuple(statistic for statistic in FURTHER if (name, statistic) in wanted)

"""Everything that was measured, as one `Summary`. Reads from top to bottom like the record it makes."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from msgspec.structs import replace

from bench.protocols import Metric
from bench.records.cost import CostEstimate
from bench.records.estimate import Counts, Estimate, Group, Outlier, Summary
from bench.records.machine import ClientHealth
from bench.records.observation import Observation
from bench.records.plan import Plan, Treatment
from bench.records.run import Manifest
from bench.records.selftest import SelfTest
from bench.records.serving import ModelStatus
from bench.records.spec import Spec
from bench.stats.outliers import far_from_median
from bench.summarize.aspects import Fates, aspect_summaries, count_fates
from bench.summarize.estimates import estimate, tidy
from bench.summarize.health import limited_by, saturated
from bench.summarize.loads import loads, not_needed, steady_ids
from bench.summarize.loads import notes as load_notes
from bench.summarize.notes import cell_notes, design_notes, run_notes
from bench.summarize.rows import Cell, Row, read_rows
from bench.summarize.serving_facts import serving_facts
from bench.summarize.throughput import throughput

PER_PROMPT = ("ttft", "latency", "decode_tps", "completion_tokens", "prompt_tokens", "error_rate", "quality")
BY_PREFIX = ("ttft",)
IN_STEADY = ("ttft", "tpot", "latency")
BY_STEP = ("ttft", "tpot", "latency", "error_rate")
LOOKED_FOR_OUTLIERS = ("ttft", "tpot", "latency")
_NO_GAPS = "The run kept no more of each answer's arrivals than first, last, number and quantiles of the gaps (`record: summary`): it has no ITL."


def summarize(  # noqa: PLR0913  # one argument per kind of line in the run folder
    *,
    manifest: Manifest,
    spec: Spec,
    plan: Plan,
    statuses: Sequence[ModelStatus],
    observations: Iterable[Observation],
    health: Sequence[ClientHealth],
    metrics: Mapping[str, Metric],
    costs: tuple[CostEstimate, ...],
    selftest: SelfTest | None = None,
) -> Summary:
    """The summary of a run: the same lines in any order give the same bytes.

    Observations of trials that the plan does not know are left out. `observations` is read once and not kept; what is kept is a row per trial.
    """
    fates, strangers = Fates(), list[str]()
    rows = read_rows(_known(observations, plan, strangers, (spec, fates)), metrics)
    treatments = _treatments(spec, plan)
    every, measured = _by_cell(cells := tuple(treatments), rows), _by_cell(cells, [row for row in rows if not row.is_warmup])
    lines = _by_status(statuses)
    last = {cell: _status(treatments[cell], lines.get(cell, ())) for cell in cells}
    numbers = _planned(plan) - not_needed(plan, rows, health)
    counts = tuple(_counts(cell, numbers[cell], measured[cell]) for cell in cells)
    blocks = tuple(sorted(health, key=lambda block: (block.worker, block.started_s, block.treatment_digests)))
    late = saturated(blocks, rows)
    facts = tuple(loads(spec, plan, [row for row in rows if not row.is_warmup], blocks))
    return Summary(
        run_id=manifest.run_id,
        spec_name=manifest.spec_name,
        spec_version=manifest.spec_version,
        spec_digest=manifest.spec_digest,
        client_saturated=bool(late),
        counts=counts,
        models=tuple(last.values()),
        estimates=tuple(_estimates(spec, every, lines, metrics)),
        aspects=tuple(aspect_summaries(spec, cells, fates)),
        outliers=tuple(_outliers(measured)),
        costs=costs,
        health=blocks,
        loads=facts,
        limited_by=limited_by(blocks, late),
        selftest=selftest,
        notes=(
            *run_notes(manifest, counts, late, blocks),
            *_notes_of_the_lines(spec, strangers),
            *_notes_of_the_trials(measured, last),
            *load_notes(facts),
        ),
    )


def _planned(plan: Plan) -> Counter[Cell]:
    """Measured trials of each cell."""
    return Counter(Cell(trial.model_id, trial.variant_id) for block in plan.blocks for trial in block.trials if not trial.is_warmup)


def _notes_of_the_trials(measured: Mapping[Cell, Sequence[Row]], last: Mapping[Cell, ModelStatus]) -> Iterator[str]:
    yield from design_notes(row for rows in measured.values() for row in rows)
    yield from cell_notes(measured, last)


def _notes_of_the_lines(spec: Spec, strangers: Sequence[str]) -> Iterator[str]:
    if strangers:
        yield f"Left out: {len(strangers)} answer{'s' * (len(strangers) != 1)} to trials that are not in the plan."
    if spec.record == "summary":
        yield _NO_GAPS


def _known(seen: Iterable[Observation], plan: Plan, strangers: list[str], aspects: tuple[Spec, Fates]) -> Iterator[Observation]:
    """Observations of planned trials; on the way their aspects are counted, so that the answers themselves can be let go."""
    spec, fates = aspects
    planned = {trial.id for block in plan.blocks for trial in block.trials}
    prompts = {prompt.id: prompt for prompt in spec.prompts}
    for observation in seen:
        if observation.trial.id not in planned:
            strangers.append(observation.trial.id)
            continue
        if (prompt := prompts.get(observation.trial.prompt_id)) is not None:
            count_fates(fates, observation, prompt)
        yield observation


def _treatments(spec: Spec, plan: Plan) -> dict[Cell, Treatment]:
    """What the plan measures, in the order of the spec."""
    found = {Cell(treatment.model_id, treatment.variant_id): treatment for block in plan.blocks for treatment in block.treatments}
    order = {Cell(model.id, variant.id): place for place, (model, variant) in enumerate((m, v) for m in spec.models for v in spec.variants)}
    return dict(sorted(found.items(), key=lambda item: (order.get(item[0], len(order)), item[0])))


def _by_cell(cells: Iterable[Cell], rows: Iterable[Row]) -> dict[Cell, list[Row]]:
    found: dict[Cell, list[Row]] = {cell: [] for cell in cells}
    for row in rows:
        if row.cell in found:
            found[row.cell].append(row)
    return found


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


def _counts(cell: Cell, planned: int, rows: Sequence[Row]) -> Counts:
    """Planned, completed, failed and missing trials; warm-up is not counted."""
    failures = Counter(row.failure for row in rows if row.failure is not None)
    return Counts(
        model_id=cell.model_id,
        variant_id=cell.variant_id,
        planned=planned,
        completed=len(rows) - failures.total(),
        failed=failures.total(),
        missing=planned - len(rows),
        retried=sum(row.attempts > 1 for row in rows),
        failures=dict(sorted(failures.items())),
    )


def _estimates(
    spec: Spec, every: Mapping[Cell, Sequence[Row]], lines: Mapping[Cell, Sequence[ModelStatus]], metrics: Mapping[str, Metric]
) -> Iterator[Estimate]:
    """Per cell: every metric, some of them by prefix and by prompt; then throughput and what serving took."""
    steady = steady_ids(spec, [row for rows in every.values() for row in rows if not row.is_warmup])
    for cell, rows in every.items():
        measured = [row for row in rows if not row.is_warmup]
        if measured:
            for name, metric in metrics.items():
                yield from _of_metric(spec, cell, measured, (name, metric))
            yield from throughput(cell, rows, spec.slo)
            yield from _by_load(spec, cell, measured, (steady, metrics))
        yield from serving_facts(cell, lines.get(cell, ()), rows)


def _by_load(spec: Spec, cell: Cell, rows: Sequence[Row], known: tuple[frozenset[str], Mapping[str, Metric]]) -> Iterator[Estimate]:
    """Estimates of the load's steady part, and of each of its steps."""
    steady, metrics = known
    whole = Group(model_id=cell.model_id, variant_id=cell.variant_id)
    if inside := [row for row in rows if row.trial_id in steady]:
        for name in (name for name in IN_STEADY if name in metrics):
            yield from estimate(name, metrics[name], replace(whole, window="steady"), inside, spec.seed)
    for step in sorted({row.step for row in rows if row.step is not None}):
        group, members = replace(whole, step=step), [row for row in rows if row.step == step]
        for name in (name for name in BY_STEP if name in metrics):
            yield from estimate(name, metrics[name], group, members, spec.seed)
        for rate in throughput(cell, members, spec.slo):
            yield replace(rate, group=group)


def _of_metric(spec: Spec, cell: Cell, rows: Sequence[Row], named: tuple[str, Metric]) -> Iterator[Estimate]:
    name, metric = named
    whole = Group(model_id=cell.model_id, variant_id=cell.variant_id)
    yield from estimate(name, metric, whole, rows, spec.seed)
    if name in BY_PREFIX:
        for prefix in ("cold", "warm"):
            if alike := [row for row in rows if row.prefix == prefix]:
                yield from estimate(name, metric, replace(whole, prefix=prefix), alike, spec.seed)
    if name in PER_PROMPT:
        trials: defaultdict[str, list[Row]] = defaultdict(list)
        for row in rows:
            trials[row.prompt_id].append(row)
        for prompt in spec.prompts:
            if prompt.id in trials:
                yield from estimate(name, metric, replace(whole, prompt_id=prompt.id), trials[prompt.id], spec.seed)


def _outliers(cells: Mapping[Cell, Sequence[Row]]) -> Iterator[Outlier]:
    """Trials far from the others of their prompt; a cold prompt is not compared with a warm one."""
    for cell, rows in cells.items():
        alike: defaultdict[tuple[str, str], list[Row]] = defaultdict(list)
        for row in rows:
            if not row.is_first:
                alike[row.prompt_id, row.prefix or ""].append(row)
        for name in LOOKED_FOR_OUTLIERS:
            for (prompt_id, _), trials in sorted(alike.items()):
                yield from _outliers_of(name, cell, prompt_id, [row for row in trials if name in row.values])


def _outliers_of(name: str, cell: Cell, prompt_id: str, rows: Sequence[Row]) -> Iterator[Outlier]:
    values = np.array([row.values[name][0] for row in rows], dtype=np.float64)
    far = far_from_median(values)
    for place in np.flatnonzero(far.is_far).tolist():
        row = rows[place]
        yield Outlier(
            metric=name,
            group=Group(model_id=cell.model_id, variant_id=cell.variant_id, prompt_id=prompt_id, prefix=row.prefix),
            trial_id=row.trial_id,
            value=tidy(float(values[place])) or 0.0,
            median=tidy(far.median) or 0.0,
            mad=tidy(far.mad) or 0.0,
        )

"""A plan's budget with what earlier runs and the cost model say. Part of the program (`pipeline.py`)."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import msgspec

from bench.errors import RunFolderError, ServingError
from bench.plan.budget import budget, expected_s, judges_of, prompt_tokens
from bench.plan.expand import treatment_of
from bench.records.cost import CostBasis
from bench.records.estimate import Group, Summary
from bench.records.plan import Block, Budget, Plan, Treatment
from bench.records.quantity import Money
from bench.records.spec import Spec, Variant
from bench.registry import Registry
from bench.serving.command_words import start_of, visible
from bench.store.layout import RunLayout, list_runs
from bench.store.reader import read_summary
from bench.trials import Trials, columns


def forecast(spec: Spec, plan: Plan, runs: Path, registry: Registry, *, environment: tuple[str, ...]) -> Budget:
    """The budget, with latencies of the latest run of the same spec name where there is one."""
    earlier = earlier_summary(runs, spec.name)
    latency_s = {} if earlier is None else _latencies(earlier)
    planned = budget(
        spec,
        plan,
        latency_s=latency_s,
        cost=_cost(spec, plan, registry, latency_s),
        environment=environment,
        commands=_commands(spec, plan),
        last_arrival_s=lambda n: _last_arrival_s(spec, registry, n),
    )
    if spec.judge is not None:
        from bench.judge_budget import judge_budget  # noqa: PLC0415 - brings numpy and scipy

        planned = msgspec.structs.replace(planned, judge=judge_budget(spec, plan, registry, earlier.judges if earlier else ()))
    models = dict.fromkeys(treatment.model_id for block in plan.blocks for treatment in block.treatments)
    assumed = [name for name in models if not any(name == model_id for model_id, _ in latency_s)]
    if not latency_s or not assumed:
        return planned
    return msgspec.structs.replace(planned, basis=f"{planned.basis}; assumed for {', '.join(assumed)}, which it did not measure")


def commands_of(treatments: Iterable[Treatment]) -> tuple[tuple[str, ...], ...]:
    """The commands that would be run for these, each once. One whose settings its server cannot be told starts nothing, and says why in its row."""
    found: dict[tuple[str, ...], None] = {}
    for treatment in treatments:
        if treatment.model.runtime == "command":
            with suppress(ServingError):
                found |= dict.fromkeys(visible(start_of(treatment)))
    return tuple(found)


def _commands(spec: Spec, plan: Plan) -> tuple[tuple[str, ...], ...]:
    judges = (treatment_of(entry, Variant(id="judge")) for entry in judges_of(spec))
    return commands_of((*(treatment for block in plan.blocks for treatment in block.treatments), *judges))


def _last_arrival_s(spec: Spec, registry: Registry, n: int) -> float:
    """When the last of n requests is due; 0 where nothing is, or where the load rises in steps that may not all be needed. Unit: s."""
    if spec.load.steps > 1:
        return 0.0
    shape = registry.load("load", spec.load.kind)(spec.load)
    return max((due for due in shape.arrivals(n, spec.seed) if due is not None), default=0.0)


def earlier_summary(runs: Path, spec_name: str) -> Summary | None:
    """The summary of the latest run of a spec that has one: a run that was killed has none."""
    for folder in reversed(list_runs(runs, spec_name)):
        with suppress(RunFolderError):
            return read_summary(RunLayout(folder))
    return None


def unavailable(earlier: Summary) -> dict[tuple[str, str], str]:
    """Which models an earlier run could not measure, by (model, variant), and why."""
    return {
        (status.model_id, status.variant_id): f"{status.state} in the latest run: {status.reason or 'no reason known'}"
        for status in earlier.models
        if status.state != "served"
    }


def _latencies(earlier: Summary) -> dict[tuple[str, str], float]:
    """Mean latency (s) per (model, variant)."""
    return {
        (estimate.group.model_id, estimate.group.variant_id): estimate.value
        for estimate in earlier.estimates
        if estimate.metric == "latency" and estimate.statistic == "mean" and estimate.value is not None
        if estimate.group == Group(model_id=estimate.group.model_id, variant_id=estimate.group.variant_id)
    }


def _of(treatment: Treatment, block: Block) -> Trials:
    return columns(block.trials).where(lambda kind: (kind.model_id, kind.variant_id) == (treatment.model_id, treatment.variant_id))


def _cost(spec: Spec, plan: Plan, registry: Registry, latency_s: dict[tuple[str, str], float]) -> Money | None:
    """The expected cost of all models together; None when nothing says one or currencies differ."""
    amounts: list[Money] = []
    for block in plan.blocks:
        for treatment in block.treatments:
            declared = treatment.model.cost or spec.cost
            trials = _of(treatment, block)
            if declared is None or not trials:
                continue
            window_s = expected_s(spec, msgspec.structs.replace(plan, blocks=(Block(treatments=(), trials=trials),)), latency_s)
            basis = CostBasis(
                model=treatment.model,
                variant_id=treatment.variant_id,
                requests=len(trials),
                wall_s=window_s,
                busy_s=window_s,
                prompt_tokens=sum(n * prompt_tokens(kind) for kind, n in trials.counted()),
                completion_tokens=sum(n * (kind.request.generation.max_tokens or 0) for kind, n in trials.counted()),
            )
            priced = registry.load("cost", declared.model)(declared.settings).run_cost(basis)
            if priced.amount is not None:
                amounts.append(Money(amount=priced.amount, currency=priced.currency))
    currencies = {money.currency for money in amounts}
    return Money(amount=sum(money.amount for money in amounts), currency=currencies.pop()) if len(currencies) == 1 else None

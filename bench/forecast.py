"""A plan's budget with what earlier runs and the cost model say. Part of the program (`pipeline.py`)."""

from pathlib import Path

import msgspec

from bench.errors import RunFolderError
from bench.plan.budget import budget, expected_s, prompt_tokens
from bench.records.cost import CostBasis
from bench.records.estimate import Summary
from bench.records.plan import Block, Budget, Plan
from bench.records.quantity import Money
from bench.records.spec import Spec
from bench.registry import Registry
from bench.store.layout import RunLayout, find_run
from bench.store.reader import read_summary


def forecast(spec: Spec, plan: Plan, runs: Path, registry: Registry, *, environment: tuple[str, ...]) -> Budget:
    """The budget, with latencies of the latest run of the same spec name where there is one."""
    latency_s = _earlier_latencies(runs, spec.name)
    return budget(spec, plan, latency_s=latency_s, cost=_cost(spec, plan, registry, latency_s), environment=environment)


def _earlier_latencies(runs: Path, name: str) -> dict[tuple[str, str], float]:
    """Mean latency (s) per (model, variant) of the latest run; empty when there is none to read."""
    try:
        summary: Summary = read_summary(RunLayout(find_run(runs, name)))
    except RunFolderError:
        return {}
    return {
        (estimate.group.model_id, estimate.group.variant_id): estimate.value
        for estimate in summary.estimates
        if estimate.metric == "latency" and estimate.statistic == "mean" and estimate.value is not None
        if estimate.group.prompt_id is None and estimate.group.prefix is None
    }


def _cost(spec: Spec, plan: Plan, registry: Registry, latency_s: dict[tuple[str, str], float]) -> Money | None:
    """The expected cost of all models together; None when nothing says one or currencies differ."""
    amounts: list[Money] = []
    for block in plan.blocks:
        for treatment in block.treatments:
            declared = treatment.model.cost or spec.cost
            trials = [trial for trial in block.trials if (trial.model_id, trial.variant_id) == (treatment.model_id, treatment.variant_id)]
            if declared is None or not trials:
                continue
            window_s = expected_s(spec, msgspec.structs.replace(plan, blocks=(Block(treatments=(), trials=tuple(trials)),)), latency_s)
            basis = CostBasis(
                model=treatment.model,
                variant_id=treatment.variant_id,
                requests=len(trials),
                wall_s=window_s,
                busy_s=window_s,
                prompt_tokens=sum(prompt_tokens(trial) for trial in trials),
                completion_tokens=sum(trial.request.generation.max_tokens or 0 for trial in trials),
            )
            priced = registry.load("cost", declared.model)(declared.settings).run_cost(basis)
            if priced.amount is not None:
                amounts.append(Money(amount=priced.amount, currency=priced.currency))
    currencies = {money.currency for money in amounts}
    return Money(amount=sum(money.amount for money in amounts), currency=currencies.pop()) if len(currencies) == 1 else None

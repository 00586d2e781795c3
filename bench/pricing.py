"""What a run's machine did, what energy its answers took, and what they cost. Part of the program (`pipeline.py`)."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from bench.cost.energy import declared_watts
from bench.cost.per_unit import derive
from bench.meter import judge_basis
from bench.records.cost import CostBasis, CostEstimate, JudgeCost
from bench.records.estimate import Estimate, Summary
from bench.records.judging import JudgeRecord
from bench.records.plan import Plan
from bench.records.serving import ModelStatus
from bench.records.spec import Spec
from bench.records.telemetry import EnergyFacts, MachineUse, SourceState
from bench.registry import Registry
from bench.store.layout import RunLayout
from bench.store.reader import read_judges, read_machine
from bench.summarize.contention import notes
from bench.summarize.energy import Declared, declared, energy
from bench.summarize.machine import machine_use
from bench.summarize.reading import Seen
from bench.summarize.sessions import sessions, states
from bench.summarize.table import Cell
from bench.watching import is_here


class Used(NamedTuple):
    """What was used, and what it costs."""

    machine: tuple[MachineUse, ...]
    energy: tuple[EnergyFacts, ...]
    estimates: tuple[Estimate, ...]
    sources: tuple[SourceState, ...]
    costs: tuple[CostEstimate, ...]
    judge_costs: tuple[JudgeCost, ...]

    def told(self, summary: Summary) -> Summary:
        """The summary with it."""
        return replace(
            summary,
            machine=self.machine,
            energy=self.energy,
            sources=self.sources,
            judge_costs=self.judge_costs,
            estimates=(*summary.estimates, *self.estimates),
            notes=(*summary.notes, *notes(self.machine, {facts.model_id for facts in self.energy})),
        )


def used(of: tuple[RunLayout, Plan, Registry], spec: Spec, statuses: Sequence[ModelStatus], seen: Seen) -> Used:
    """What every model used of this machine, by sensors where there were any and by what the spec declares where there were none.

    Raises: RunFolderError when a line of the telemetry is damaged.
    """
    layout, plan, registry = of
    told = sessions(read_machine(layout))
    here = {each.model_id for each in statuses if each.endpoint is not None and is_here(each.endpoint)}
    measured = {cell: rows.where(~rows.is_warmup) for cell, rows in seen.rows.by_cell().items()}
    local = {cell: rows for cell, rows in measured.items() if cell.model_id in here}
    found = list(energy(local, seen.rows, told)) if spec.telemetry.energy != "off" else []
    sensed = {Cell(facts.model_id, facts.variant_id): facts for facts, _ in found}
    bases = tuple(_with_energy(basis, sensed) for basis in seen.work.bases(statuses, seen.rows.by_cell()))
    if spec.telemetry.energy != "off":
        found += declared([basis for basis in bases if basis.energy_j is None], lambda basis: _watts(spec, basis))
    return Used(
        machine=tuple(machine_use(plan, seen.rows.where(~seen.rows.is_warmup), told, here)),
        energy=tuple(facts for facts, _ in found),
        estimates=tuple(estimate for _, estimate in found),
        sources=states(told.values()),
        costs=tuple(cost for basis in bases for cost in price(spec, basis, registry)),
        judge_costs=tuple(judge_costs(spec, read_judges(layout), registry)),
    )


def _with_energy(basis: CostBasis, sensed: dict[Cell, EnergyFacts]) -> CostBasis:
    facts = sensed.get(Cell(basis.model.id, basis.variant_id))
    return basis if facts is None else replace(basis, energy_j=facts.gross_j, energy_sources=facts.sources)


def _watts(spec: Spec, basis: CostBasis) -> Declared | None:
    """The watts that the spec declares for a model, where its cost model is `energy`."""
    cost = basis.model.cost or spec.cost
    found = None if cost is None or cost.model != "energy" else declared_watts(cost.settings)
    return None if found is None else Declared(*found)


def price(spec: Spec, basis: CostBasis, registry: Registry) -> tuple[CostEstimate, ...]:
    """What one model's work costs: as a whole, per request, per token, per accepted answer; empty when no cost model is declared."""
    chosen = basis.model.cost or spec.cost
    if chosen is None:
        return ()
    whole: CostEstimate = registry.load("cost", chosen.model)(chosen.settings).run_cost(basis)
    return (whole, *derive(whole, basis))


def judge_costs(spec: Spec, judges: Sequence[JudgeRecord], registry: Registry) -> Iterator[JudgeCost]:
    """What each judge's work cost, where a cost model is declared for it and the spec still names it."""
    entries = {entry.id: entry for entry in (*spec.models, *spec.judges)}
    for record in judges:
        for work in record.work:
            entry = entries.get(work.judge_id)
            if entry is not None and (declared := entry.cost or spec.cost) is not None:
                cost: CostEstimate = registry.load("cost", declared.model)(declared.settings).run_cost(judge_basis(entry, work))
                if work.uncounted and cost.cost_model == "price_table":
                    untold = f"{work.uncounted} of {work.requests} replies came without token counts, which are not in it"
                    cost = replace(cost, note="; ".join(part for part in (cost.note, untold) if part))
                yield JudgeCost(grader_id=record.grader_id, cost=cost)

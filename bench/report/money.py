"""What it costs, how that was computed, and from what."""

from bench.records.cost import CostEstimate
from bench.records.view import Cell, Column, Section, Table
from bench.report import numbers
from bench.report.escape import short
from bench.report.lookup import Key, Lookup
from bench.report.results import PER

_BASIS = {
    "declared": "Declared: from figures in the spec (watts, prices); an estimate, not a measurement.",
    "list price": "List price: from a table of public prices on the day of that table.",
    "measured": "Measured: from an energy sensor.",
}


def costs(seen: Lookup) -> Section | None:
    """Every cost with its basis and the arithmetic that a reader can redo; None when the spec has no cost model."""
    if not seen.summary.costs and not seen.summary.judge_costs:
        return None
    places = ["run", *(per for per in PER if per != "run")]  # the others derive from the run's
    found = sorted(seen.summary.costs, key=lambda one: (_place(seen, one), places.index(one.per)))
    columns = (
        Column(title="Model"),
        Column(title="Cost"),
        Column(title="Amount", is_number=True),
        *(Column(title=title) for title in ("Basis", "Formula", "Note")),
    )
    judging = [each.cost for each in seen.summary.judge_costs]
    rows = (
        *(_row(seen.label(Key(one.model_id, one.variant_id)), PER[one.per], one) for one in found),
        *(_row(f"judge {short(one.model_id, 60)}", "judging", one) for one in judging),
    )
    notes = tuple(text for basis, text in _BASIS.items() if any(one.basis == basis for one in (*found, *judging)))
    return Section(id="cost", title="Cost", tables=(Table(id="cost", columns=columns, rows=rows, notes=notes),))


def _place(seen: Lookup, one: CostEstimate) -> int:
    key = Key(one.model_id, one.variant_id)
    return seen.keys.index(key) if key in seen.keys else len(seen.keys)


def _row(whose: str, what: str, one: CostEstimate) -> tuple[Cell, ...]:
    amount = numbers.NOT_APPLICABLE if one.amount is None else Cell(value=numbers.money(one.amount, one.currency))
    return (
        Cell(value=whose),
        Cell(value=what),
        amount,
        Cell(value=f"{short(one.cost_model, 60)}, {one.basis}"),
        Cell(value=short(one.formula)) if one.formula else numbers.NOT_APPLICABLE,
        Cell(value=short(one.note)) if one.note else numbers.NOT_APPLICABLE,
    )

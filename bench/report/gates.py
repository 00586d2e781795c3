"""The section “Gates”: what the spec demands, what was found, and what came of it."""

from collections import Counter
from collections.abc import Iterator, Sequence

from bench.records.gate import GateOutcome, GateResult
from bench.records.view import Cell, CellState, Column, Section, Table
from bench.report import numbers
from bench.report.details import bounded
from bench.report.escape import short
from bench.report.lookup import Key, Lookup

_ORDER: dict[GateOutcome, int] = {"fail": 0, "undecided": 1, "pass": 2}
_WORDS: dict[GateOutcome, str] = {"pass": "passed", "fail": "FAILED", "undecided": "undecided"}


def gates(seen: Lookup) -> Section | None:
    """Every gate with its outcome and the reason, those that did not pass first; None where the spec demands nothing."""
    results = seen.summary.gates
    if not results:
        return None
    ordered = sorted(results, key=lambda one: (_ORDER[one.outcome], one.gate))
    shown, notes = bounded([_row(seen, one) for one in ordered])
    columns = (Column(title="Gate"), Column(title="Model"), Column(title="Outcome"), Column(title="Why"))
    table = Table(id="gates", columns=columns, rows=shown, notes=notes)
    return Section(id="gates", title="Gates", text=tuple(_text(results)), tables=(table,))


def _text(results: Sequence[GateResult]) -> Iterator[str]:
    counted = Counter(one.outcome for one in results)
    told = ", ".join(f"{counted[outcome]:,} {_WORDS[outcome].lower()}" for outcome in _ORDER if counted[outcome])
    yield f"{numbers.count(len(results), 'gate')}: {told}."
    if counted["undecided"]:
        yield "Undecided is neither: a gate passes, or fails, only where the whole 95 % interval lies on one side of its bound."


def _row(seen: Lookup, one: GateResult) -> tuple[Cell, ...]:
    state: dict[GateOutcome, CellState] = {"pass": "value", "fail": "failed", "undecided": "uncertain"}
    model = seen.label(Key(one.model_id, one.variant_id or "default")) if one.model_id is not None else "–"
    against = f", not worse than {short(one.baseline, 60)}" if one.baseline is not None else ""
    return (
        Cell(value=short(f"{one.name}{against}", 120)),
        Cell(value=short(model, 80)),
        Cell(value=_WORDS[one.outcome], state=state[one.outcome]),
        Cell(value=short(one.reason, 300)),
    )

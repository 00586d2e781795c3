"""The section “Gates”: what the spec demands, what was found, and what came of it."""

from collections import Counter
from collections.abc import Iterator, Sequence

from bench.records.gate import GateOutcome, GateResult, has_variants, who
from bench.records.view import Cell, CellState, Column, Section, Table
from bench.report import numbers
from bench.report.details import bounded
from bench.report.escape import markdown, short
from bench.report.lookup import Lookup

_ORDER: dict[GateOutcome, int] = {"fail": 0, "undecided": 1, "pass": 2}
_WORDS: dict[GateOutcome, str] = {"pass": "passed", "fail": "FAILED", "undecided": "undecided"}


def gates(seen: Lookup) -> Section | None:
    """Every gate with its outcome and the reason, those that did not pass first; None where the spec demands nothing."""
    return of_results(seen.summary.gates)


def of_results(results: Sequence[GateResult]) -> Section | None:
    """The same of gates alone."""
    if not results:
        return None
    named = has_variants(results)
    ordered = sorted(results, key=lambda one: (_ORDER[one.outcome], one.gate))
    shown, notes = bounded([_row(one, named_variant=named) for one in ordered])
    columns = (Column(title="Gate"), Column(title="Model"), Column(title="Outcome"), Column(title="Why"))
    table = Table(id="gates", columns=columns, rows=shown, notes=notes)
    return Section(id="gates", title="Gates", text=tuple(_text(results)), tables=(table,))


def as_markdown(title: str, results: Sequence[GateResult]) -> str:
    """The section by itself, under a heading, for the page of a CI job or a comment."""
    section = of_results(results)
    if section is None:
        return ""
    lines = [f"### {markdown(title)}", "", *(markdown(text) for text in section.text), ""]
    for table in section.tables:
        lines += [f"| {' | '.join(column.title for column in table.columns)} |", f"|{' :-- |' * len(table.columns)}"]
        lines += [f"| {' | '.join(markdown(cell.text) for cell in row)} |" for row in table.rows]
        lines += ["", *table.notes]
    return "\n".join(lines).rstrip() + "\n"


def _text(results: Sequence[GateResult]) -> Iterator[str]:
    counted = Counter(one.outcome for one in results)
    told = ", ".join(f"{counted[outcome]:,} {_WORDS[outcome].lower()}" for outcome in _ORDER if counted[outcome])
    yield f"{numbers.count(len(results), 'gate')}: {told}."
    if counted["undecided"]:
        yield "Undecided is neither: a gate passes, or fails, only where the whole 95 % interval lies on one side of its bound."


def _row(one: GateResult, *, named_variant: bool) -> tuple[Cell, ...]:
    state: dict[GateOutcome, CellState] = {"pass": "value", "fail": "failed", "undecided": "uncertain"}
    against = f" than {short(one.baseline, 60)}" if one.baseline is not None else ""
    return (
        Cell(value=short(f"{one.name}{against}", 120)),
        Cell(value=short(who(one, named_variant=named_variant) or "–", 80)),
        Cell(value=_WORDS[one.outcome], state=state[one.outcome]),
        Cell(value=short(one.reason, 300)),
    )

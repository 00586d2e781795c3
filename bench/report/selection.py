"""The decision: the sentence on top of a report, and the section that shows what it rests on."""

from collections.abc import Iterator, Sequence

from bench.records.comparison import Contender
from bench.records.estimate import Estimate, Group, Summary
from bench.records.selection import (
    CriterionValue,
    Flip,
    Requirement,
    RequirementOutcome,
    SelectionCandidate,
    SelectionCriterion,
    SelectionResult,
)
from bench.records.view import Cell, CellState, Column, Section, Table
from bench.report import glossary, numbers
from bench.report.details import bounded
from bench.report.escape import short
from bench.report.lookup import Key, Lookup

_LONGEST = 1200  # characters of the sentence
_OUTCOMES: dict[RequirementOutcome, tuple[str, CellState]] = {
    "met": ("met", "value"),
    "not_met": ("NOT MET", "failed"),
    "undecided": ("undecided", "uncertain"),
    "unknown": ("unknown", "no_data"),
}
_STATES: dict[str, tuple[str, CellState]] = {"in": ("in the race", "value"), "out": ("out", "failed"), "unknown": ("cannot be placed", "no_data")}


def decision(summary: Summary) -> str:
    """The sentence; empty where the spec asks for no decision."""
    return short(summary.selection.sentence, _LONGEST) if summary.selection is not None else ""


def selection(seen: Lookup) -> Section | None:
    """What the decision rests on: scores, requirements, what would change it; None where the spec asks for none."""
    found = seen.summary.selection
    if found is None:
        return None
    tables = [table for table in (_scores(seen, found), _requirements(seen, found), _flips(seen, found)) if table is not None]
    return Section(id="selection", title="Decision", text=tuple(_text(found)), tables=tuple(tables))


def _text(found: SelectionResult) -> Iterator[str]:
    """How the sentence came about."""
    weights = ", ".join(f"{_title(criterion)} {numbers.significant(criterion.weight, 2)}" for criterion in found.criteria if criterion.weight > 0)
    if weights:
        yield f"Weights, as shares of all: {weights}. {found.method}"
    if found.resamples:
        yield (
            f"Wins: in how many of {found.resamples:,} resamples of the {found.n_prompts:,} {found.unit}, the same ones for all, a candidate comes "
            "first and meets the requirements; they are spread as Student’s t is, since few prompts tell little of their own spread. From 98 % on it "
            "is chosen, which happens to one of two equal candidates in about one experiment of twenty at most; from 80 % on it is likely."
        )
    yield from (short(note) for note in found.notes)


def _title(criterion: SelectionCriterion) -> str:
    named = {"rss_bytes": "Memory peak", "cost": "Cost per request"}
    if criterion.metric == "quality" and (criterion.note or "by checks").partition(":")[0] not in {"by checks", "by checks alone"}:
        return glossary.JUDGED_QUALITY.title
    name = named.get(criterion.metric) or glossary.title(criterion.metric)
    return f"{name} {criterion.statistic}" if criterion.statistic in {"p50", "p90", "p95", "p99", "max"} else name


def _label(seen: Lookup, who: Contender) -> str:
    return short(seen.label(Key(who.model_id, who.variant_id)), 80)


def _scores(seen: Lookup, found: SelectionResult) -> Table | None:
    """Every candidate that was measured with its values, the chosen one first."""
    measured = [candidate for candidate in found.candidates if candidate.values]
    if not measured:
        return None
    shown = [criterion for criterion in found.criteria if criterion.weight > 0 or criterion.is_on_front]
    columns = [Column(title="Candidate"), Column(title="State")]
    columns += [Column(title=_heading(criterion), is_number=True) for criterion in shown]
    columns += [Column(title="Score", is_number=True), Column(title="Wins", is_number=True), Column(title="Pareto front")]
    ranked = sorted(measured, key=lambda one: (one.who != found.leader, one.state != "in", -(one.score or 0)))
    scales = {criterion.name: numbers.scale(criterion.unit, _known(found, criterion)) for criterion in shown}
    rows, more = bounded([_row(seen, found, one, [(criterion, scales[criterion.name]) for criterion in shown]) for one in ranked])
    return Table(id="candidates", columns=tuple(columns), rows=rows, notes=(*more, *_limits(seen, found, shown)))


def _heading(criterion: SelectionCriterion) -> str:
    return f"{_title(criterion)}, weight {numbers.significant(criterion.weight, 2)}" if criterion.weight > 0 else _title(criterion)


def _known(found: SelectionResult, criterion: SelectionCriterion) -> list[float | None]:
    return [value.value for candidate in found.candidates for value in candidate.values if value.criterion == criterion.name]


def _row(
    seen: Lookup, found: SelectionResult, one: SelectionCandidate, shown: Sequence[tuple[SelectionCriterion, numbers.Scale]]
) -> tuple[Cell, ...]:
    words, state = _STATES[one.state]
    values = {value.criterion: value for value in one.values}
    is_chosen = found.selected == one.who
    return (
        Cell(value=_label(seen, one.who), is_best=is_chosen),
        Cell(value="chosen" if is_chosen else words, mark=short(one.reason or "", 160), state=state, is_best=is_chosen),
        *(_value(criterion, values.get(criterion.name), scale) for criterion, scale in shown),
        numbers.NOT_APPLICABLE if one.score is None else Cell(value=numbers.plain(one.score, 2), is_best=is_chosen),
        numbers.NOT_APPLICABLE if one.win_share is None else Cell(value=_of_resamples(one.win_share)),
        _front(seen, one),
    )


def _of_resamples(share: float) -> str:
    """In whole per cent: of some thousand resamples more digits say nothing. Never rounded to all or nothing."""
    return ">99 %" if 0.995 <= share < 1 else "<1 %" if 0 < share < 0.005 else f"{share * 100:.0f} %"


def _value(criterion: SelectionCriterion, value: CriterionValue | None, scale: numbers.Scale) -> Cell:
    """The value as other tables have it, and how much it takes from the score."""
    if value is None or value.value is None:
        return Cell(value="–", mark=short(value.reason or "", 120) if value else "", state="no_data")
    if criterion.metric.startswith("cost"):
        cell = Cell(value=numbers.money(value.value, criterion.unit))
    else:
        cell = numbers.estimate_cell(_estimate(criterion, value), scale)
    if value.factor is None:
        return cell
    return Cell(value=cell.value, interval=cell.interval, mark=f"× {numbers.plain(value.factor, 2)}", state=cell.state)


def _estimate(criterion: SelectionCriterion, value: CriterionValue) -> Estimate:
    return Estimate(
        metric=criterion.metric,
        statistic="value" if value.low is None else "mean",
        unit=criterion.unit,
        better=criterion.better,
        group=Group(model_id="", variant_id=""),
        value=value.value,
        low=value.low,
        high=value.high,
        n=1,
        clusters=0,
        method="",
    )


def _front(seen: Lookup, one: SelectionCandidate) -> Cell:
    if one.is_on_front is None:
        return numbers.NOT_APPLICABLE
    share = f"dominated in {_of_resamples(one.dominated_share)} of the resamples" if one.dominated_share else ""
    if one.is_on_front:
        return Cell(value="on it", mark=share)
    names = ", ".join(_label(seen, who) for who in one.dominated_by[:3])
    return Cell(value=f"dominated by {names}", mark=share, state="uncertain")


def _limits(seen: Lookup, found: SelectionResult, shown: Sequence[SelectionCriterion]) -> Iterator[str]:
    if any(criterion.weight > 0 for criterion in shown):
        yield "× what a value leaves of the score: (its ratio to the best in the race) ^ weight. Score: their product; 1 is the best in the race."
    dimensions = [_title(criterion) for criterion in found.criteria if criterion.is_on_front]
    if len(dimensions) > 1:
        yield f"Pareto front: nobody is at least as good in {', '.join(dimensions)} and better in one of them, by the measured values."
    notes: dict[str, list[str]] = {}
    for criterion in found.criteria:
        if criterion.note:
            notes.setdefault(criterion.note, []).append(_title(criterion))
    yield from (f"{', '.join(names)}: {short(note, 200)}." for note, names in notes.items())
    absent = [_label(seen, one.who) for one in found.candidates if not one.values]
    if absent:
        more = f" and {len(absent) - 10} more" if len(absent) > 10 else ""
        yield f"Not measured, so no candidates: {', '.join(absent[:10])}{more}."


def _requirements(seen: Lookup, found: SelectionResult) -> Table | None:
    asked = [(candidate, one) for candidate in found.candidates if candidate.values for one in candidate.requirements]
    if not asked:
        return None
    order = list(_OUTCOMES)
    ordered = sorted(asked, key=lambda pair: ({"not_met": 0, "unknown": 1, "undecided": 2, "met": 3}[pair[1].outcome], order.index(pair[1].outcome)))
    rows, notes = bounded([_asked(seen, candidate, one) for candidate, one in ordered])
    columns = tuple(Column(title=title) for title in ("Requirement", "Candidate", "Outcome", "Why"))
    further = ["Undecided: the measured value decides who is in the race, and the resamples how often it holds."]
    return Table(
        id="requirements",
        columns=columns,
        rows=rows,
        notes=(*notes, *(further if any(one.outcome == "undecided" for _, one in asked) else ())),
    )


def _asked(seen: Lookup, candidate: SelectionCandidate, one: Requirement) -> tuple[Cell, ...]:
    words, state = _OUTCOMES[one.outcome]
    implied = " (not in `selection`; there because requests failed)" if one.is_implied else ""
    return (
        Cell(value=short(f"{one.name}{implied}", 160)),
        Cell(value=_label(seen, candidate.who)),
        Cell(value=words, state=state),
        Cell(value=short(one.reason, 300)),
    )


def _flips(seen: Lookup, found: SelectionResult) -> Table | None:
    if not found.flips:
        return None
    criteria = {criterion.name: criterion for criterion in found.criteria}
    columns = (
        Column(title="What would change it"),
        Column(title="Now", is_number=True),
        Column(title="Then", is_number=True),
        Column(title="Wins then"),
    )
    rows = tuple(_flip(seen, found, one, criteria.get(one.criterion)) for one in found.flips)
    note = "Each change alone, all else as it is; a weight’s change leaves the others their proportions."
    return Table(id="flips", columns=columns, rows=rows, notes=(note,))


def _flip(seen: Lookup, found: SelectionResult, one: Flip, criterion: SelectionCriterion | None) -> tuple[Cell, ...]:
    wins = Cell(value=_label(seen, one.wins))
    if criterion is None or one.at is None:
        return Cell(value=short(f"without the requirement {one.criterion}", 160)), numbers.NOT_APPLICABLE, numbers.NOT_APPLICABLE, wins
    if one.kind == "weight":
        now, then = (numbers.significant(weight, 2) for weight in (criterion.weight, one.at))
        return Cell(value=f"weight of {_title(criterion)}"), Cell(value=now), Cell(value=f"{one.side} {then}"), wins
    leader = next((candidate for candidate in found.candidates if candidate.who == found.leader), None)
    value = next((each.value for each in leader.values if each.criterion == one.criterion), None) if leader else None
    cells = [_plain(criterion, number) for number in (value, one.at)]
    return Cell(value=f"{_title(criterion)} of {_label(seen, found.leader or one.wins)}"), *cells, wins


def _plain(criterion: SelectionCriterion, value: float | None) -> Cell:
    if value is None:
        return numbers.NO_DATA
    if criterion.metric.startswith("cost"):
        return Cell(value=numbers.money(value, criterion.unit))
    scale = numbers.scale(criterion.unit, [value])
    return Cell(value=numbers.with_unit(numbers.significant(value * scale.factor), scale.unit))

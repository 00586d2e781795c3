"""The decision as rows of the long table: the verdict, each candidate, each requirement, each value that counts, and what would change it."""

from collections.abc import Iterator
from typing import Any

from bench.records.selection import CriterionValue, SelectionCandidate, SelectionCriterion, SelectionResult


def rows(found: SelectionResult | None) -> Iterator[dict[str, Any]]:
    """The verdict's row has the selected model, or none. No row where the spec asks for no decision."""
    if found is None:
        return
    chosen = found.selected
    place = {"model_id": chosen.model_id, "variant_id": chosen.variant_id} if chosen else {}
    yield {"kind": "selection", **place, "metric": "verdict", "state": found.verdict, "clusters": found.n_prompts, "note": found.sentence}
    for candidate in found.candidates:
        yield from _candidate(candidate, found)
    for flip in found.flips:
        who = {"model_id": flip.wins.model_id, "variant_id": flip.wins.variant_id}
        note = f"wins with this {flip.kind}{f' or {flip.side}' if flip.side else ''}"
        yield {"kind": "flip", **who, "metric": flip.criterion, "statistic": flip.kind, "value": flip.at, "unit": flip.unit, "note": note}


def _candidate(one: SelectionCandidate, found: SelectionResult) -> Iterator[dict[str, Any]]:
    who = {"model_id": one.who.model_id, "variant_id": one.who.variant_id}
    front = "" if one.is_on_front is None else "on the Pareto front" if one.is_on_front else "dominated"
    note = "; ".join(part for part in (one.reason or "", front) if part)
    for statistic, value in (("score", one.score), ("win_share", one.win_share), ("dominated_share", one.dominated_share)):
        if value is not None or statistic == "score":
            yield {"kind": "candidate", **who, "metric": "selection", "statistic": statistic, "state": one.state, "value": value, "note": note}
    for each in one.requirements:
        numbers = {"value": each.value, "low": each.low, "high": each.high, "unit": each.unit}
        note = f"{each.name}: {each.reason}"
        yield {"kind": "requirement", **who, "metric": each.metric, "state": each.outcome, **numbers, "note": note}
    units = {criterion.name: criterion for criterion in found.criteria}
    for found_value in one.values:
        yield {**who, **_value(found_value, units[found_value.criterion])}


def _value(one: CriterionValue, criterion: SelectionCriterion) -> dict[str, Any]:
    return {
        "kind": "criterion",
        "metric": criterion.name,
        "statistic": criterion.statistic,
        "better": criterion.better,
        "state": "no value" if one.value is None else "value",
        "value": one.value,
        "low": one.low,
        "high": one.high,
        "unit": criterion.unit,
        "method": f"weight {criterion.weight!r}; ratio to the best {one.ratio!r}",
        "note": one.reason or criterion.note,
    }

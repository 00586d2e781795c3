"""The report as one long tidy table: every estimate, comparison, count, status, aspect, gate, candidate, spread, outlier and cost is a row."""

import csv
import io
import math
from collections.abc import Iterator
from typing import Any

import msgspec

from bench.records.cost import CostEstimate
from bench.records.estimate import Counts, Estimate, Group, PromptSpread
from bench.records.gate import GateResult
from bench.records.serving import ModelStatus
from bench.records.view import View
from bench.report import csv_comparisons, csv_machine, csv_selection
from bench.report.escape import spreadsheet
from bench.report.sketch import SMALLEST

COLUMNS = (
    "run_id", "kind", "model_id", "variant_id", "prompt_id", "prefix", "aspect_id", "metric", "statistic", "state", "value", "unit",
    "low", "high", "level", "n", "clusters", "failed", "not_applicable", "better", "method", "note",
    "step", "window",
)  # fmt: skip

_COUNTED = ("planned", "completed", "failed", "missing", "retried")


class CsvTable:
    """Renders `report.csv`. A user's template does not apply.

    `state` tells empty values apart: `value`, `no interval`, `no value` (tried), `not applicable`; a model's row has its own state, a comparison's
    its verdict on the row's model, a gate's or a requirement's its outcome, a candidate's whether it was in the race.
    """

    filename = "report.csv"

    def render(self, view: View, template: str | None = None) -> str:  # noqa: ARG002 - the contract's argument
        """The whole table; numbers in full precision and base units, text safe for spreadsheets."""
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n", restval="")
        writer.writeheader()
        for row in _rows(view):
            writer.writerow({name: _field(value) for name, value in {"run_id": view.summary.run_id, **row}.items()})
        return text.getvalue()


def _field(value: Any) -> str:
    match value:
        case None:
            return ""
        case float() if not math.isfinite(value):
            return ""
        case float() | int():
            return repr(value)
        case _:
            return spreadsheet(str(value))


def _rows(view: View) -> Iterator[dict[str, Any]]:
    summary = view.summary
    for status in summary.models:
        yield _status(status)
    for counts in summary.counts:
        yield from _counts(counts)
    for estimate in summary.estimates:
        yield _estimate(estimate)
    yield from csv_comparisons.rows(summary)
    for aspect in summary.aspects:
        for metric in ("passed", "graded", "abstained", "failed", "ungraded"):
            number = getattr(aspect, metric)
            yield {
                "kind": "aspect",
                **_group(aspect.group),
                "metric": metric,
                "statistic": "count",
                "state": "value",
                "value": number,
                "note": aspect.kind,
            }
    yield from map(_gate, summary.gates)
    yield from csv_selection.rows(summary.selection)
    for spread in summary.spreads:
        yield from _spread(spread)
    for outlier in summary.outliers:
        note = f"trial {outlier.trial_id}; median {outlier.median!r}; MAD {outlier.mad!r}"
        yield {"kind": "outlier", **_group(outlier.group), "metric": outlier.metric, "state": "value", "value": outlier.value, "note": note}
    for cost in summary.costs:
        yield _cost(cost)
    for judged in summary.judge_costs:
        yield {**_cost(judged.cost), "kind": "judge_cost", "variant_id": "", "metric": "cost_judging", "statistic": judged.grader_id}
    yield from csv_machine.rows(summary)


def _gate(gate: GateResult) -> dict[str, Any]:
    row = {name: getattr(gate, name) for name in ("model_id", "variant_id", "aspect_id", "metric", "statistic", "value", "unit", "low", "high", "n")}
    against = f"; against {gate.baseline}" if gate.baseline is not None else ""
    return {"kind": "gate", **row, "state": gate.outcome, "note": f"{gate.name}{against}: {gate.reason}"}


def _spread(spread: PromptSpread) -> Iterator[dict[str, Any]]:
    place = {"kind": "spread", **_group(spread.group), "metric": spread.metric, "unit": spread.unit, "n": spread.n}
    for statistic, number in (("min", spread.least), ("p50", spread.p50), ("p95", spread.p95), ("max", spread.most)):
        yield {**place, "statistic": statistic, "state": "n too small" if number is None else "value", "value": number}


def _group(group: Group) -> dict[str, Any]:
    return msgspec.structs.asdict(group)


def _status(status: ModelStatus) -> dict[str, Any]:
    note = "; ".join(part for part in (status.reason, *status.notes, status.hint) if part)
    place = {"model_id": status.model_id, "variant_id": status.variant_id}
    return {"kind": "status", **place, "metric": "status", "state": status.state, "note": note}


def _counts(counts: Counts) -> Iterator[dict[str, Any]]:
    place = {"kind": "count", "model_id": counts.model_id, "variant_id": counts.variant_id, "statistic": "count", "state": "value", "unit": "trials"}
    for name in _COUNTED:
        yield {**place, "metric": name, "value": getattr(counts, name)}
    if counts.transport != "http":
        yield {**place, "metric": "transport", "statistic": "", "value": None, "unit": "", "state": counts.transport}
    for failure, n in sorted(counts.failures.items()):
        yield {**place, "metric": f"failed_{failure}", "value": n}


def _estimate(found: Estimate) -> dict[str, Any]:
    row = msgspec.structs.asdict(found)
    group = row.pop("group")
    return {"kind": "estimate", **_group(group), **row, "state": _state(found)}


def _state(found: Estimate) -> str:
    if found.value is None:
        return "not applicable" if found.not_applicable and not found.failed else "no value"
    return "value" if found.low is not None and found.high is not None else "no interval"


def _cost(cost: CostEstimate) -> dict[str, Any]:
    return {
        "kind": "cost",
        "model_id": cost.model_id,
        "variant_id": cost.variant_id,
        "metric": f"cost_{cost.per}",
        "statistic": "value",
        "state": "no value" if cost.amount is None else "value",
        "value": cost.amount,
        "unit": cost.currency,
        "method": f"{cost.cost_model} ({cost.basis}): {cost.formula}",
        "note": cost.note,
    }


EXAMPLES = ((SMALLEST, ",status,absent,default,,,,status,,unavailable,"),)

"""The load as it was, step by step where it rose, and what the server could take."""

import math

from bench.records.estimate import Estimate, Group, Statistic
from bench.records.load import Capacity, LoadFacts
from bench.records.spec import Spec
from bench.records.view import Cell, Column, Section, Table
from bench.report import numbers
from bench.report.details import bounded
from bench.report.lookup import Key, Lookup

_LARGEST = 1e15  # beyond it a figure is damage


def loads(seen: Lookup, spec: Spec) -> Section | None:
    """What was asked of each server and what reached it. One request at a time needs no such table."""
    facts = seen.summary.loads
    if not facts or (spec.load.kind == "closed" and spec.load.concurrency == 1):
        return None
    rows, notes = bounded([_row(seen, each) for each in facts])
    titles = (
        "Requests",
        "Arrivals per s",
        "Answers per s",
        "In flight, mean (most)",
        "Send delay p50, p99",
        "Most waiting",
        "Dropped",
        "TTFT p50, steady",
    )
    columns = (Column(title="Model"), *(Column(title=title, is_number=True) for title in titles))
    table = Table(id="loads", columns=columns, rows=rows, notes=notes)
    text = [f"Load: `{spec.load.kind}`, at most {spec.load.concurrency:,} in flight.", *(_steady(seen, each) for each in facts if each.steady)]
    text += [_capacity(seen, each, each.capacity) for each in facts if each.capacity is not None]
    steps = _steps(seen, spec)
    return Section(id="load", title="Load", text=tuple(text), tables=(table, *((steps,) if steps is not None else ())))


def _label(seen: Lookup, each: LoadFacts) -> str:
    return ", ".join(seen.label(Key(each.model_id, variant)) for variant in each.variant_ids) or each.model_id


def _row(seen: Lookup, each: LoadFacts) -> tuple[Cell, ...]:
    delays = " , ".join(_seconds(delay) for delay in (each.send_delay_p50_s, each.send_delay_p99_s)).replace(" ,", ",")
    is_open = each.send_delay_p50_s is not None
    return (
        Cell(value=_label(seen, each)),
        Cell(value=f"{each.requests:,}"),
        _number(each.arrivals_per_s),
        _number(each.answers_per_s),
        Cell(value=f"{_number(each.in_flight).value} ({each.in_flight_max:,})"),
        Cell(value=delays) if is_open else numbers.NOT_APPLICABLE,
        Cell(value=f"{each.waiting_max:,}") if is_open else numbers.NOT_APPLICABLE,
        Cell(value=f"{each.dropped:,}", state="failed" if each.dropped else "value"),
        _estimate(seen, each, "ttft", "p50"),
    )


def _steady(seen: Lookup, each: LoadFacts) -> str:
    window = each.steady
    if window is None:
        return ""
    length = _seconds(window.to_s - window.from_s)
    return (
        f"Steady part of {_label(seen, each)}: {length} of {_seconds(each.span_s)}, {window.n:,} requests wholly in it, "
        f"{window.cut_before:,} before and {window.cut_after:,} after it cut off; {_number(window.answers_per_s).value} answers per s."
    )


def _capacity(seen: Lookup, each: LoadFacts, found: Capacity) -> str:
    """`m takes 48.2 answers per s (step 4, concurrency 8): …`."""
    wanted = numbers.share(found.min_goodput) if _is_sound(found.min_goodput) else "–"
    why = f" The sweep ended after {found.ended}." if found.ended else " No criterion ended the sweep."
    if found.step is None or found.request_rate is None or found.level is None:
        return f"{_label(seen, each)}: at no step did {wanted} of the requests meet the slo.{why}"
    least = "at least " if found.is_lower_bound else ""
    place = f"step {found.step}, {found.of} {_number(found.level).value}"
    skipped = f" {each.not_needed:,} planned trials were not needed." if each.not_needed else ""
    rate = _number(found.request_rate).value
    return f"{_label(seen, each)} takes {least}{rate} answers per s ({place}): the highest rate at which {wanted} met the slo.{why}{skipped}"


def _steps(seen: Lookup, spec: Spec) -> Table | None:
    rows: list[tuple[Cell, ...]] = []
    for each in seen.summary.loads:
        best = each.capacity.step if each.capacity is not None else None
        for step in each.steps:
            share = Cell(value=f"{step.good:,} of {step.requests:,}", state="value" if step.good == step.requests else "uncertain")
            rows.append(
                (
                    Cell(value=_label(seen, each)),
                    Cell(value=f"{step.step:,}"),
                    _number(step.level),
                    share,
                    Cell(value=_number(step.request_rate).value, is_best=step.step == best),
                    _number(step.in_flight),
                    _estimate(seen, each, "ttft", "p50", step.step),
                    _estimate(seen, each, "ttft", "p95", step.step),
                    _estimate(seen, each, "latency", "p95", step.step),
                    Cell(value=f"{step.failed:,}"),
                )
            )
    if not rows:
        return None
    shown, notes = bounded(rows)
    asked = "Rate asked" if spec.load.settings.get("of") == "rate" else "Concurrency"
    titles = ("Step", asked, "Met the slo", "Answers per s", "In flight", "TTFT p50", "TTFT p95", "Latency p95", "Failed")
    columns = (Column(title="Model"), *(Column(title=title, is_number=True) for title in titles))
    return Table(id="steps", columns=columns, rows=shown, notes=("Bold: the capacity.", *notes))


def _estimate(seen: Lookup, each: LoadFacts, metric: str, statistic: Statistic, step: int | None = None) -> Cell:
    """The estimate of a step, or of the steady part, of the first variant that has one; its value alone: the interval is in the CSV report."""
    for variant in each.variant_ids:
        group = Group(model_id=each.model_id, variant_id=variant, step=step, window="steady" if step is None else None)
        found: Estimate | None = seen.find(metric, (statistic,), group)
        if found is not None and found.value is not None and _is_sound(found.value):
            return Cell(value=numbers.seconds(found.value))
    return numbers.NOT_APPLICABLE


def _is_sound(value: float | None) -> bool:
    return value is not None and math.isfinite(value) and abs(value) < _LARGEST


def _number(value: float | None) -> Cell:
    return Cell(value=numbers.significant(value)) if value is not None and _is_sound(value) else numbers.NOT_APPLICABLE


def _seconds(value: float | None) -> str:
    return numbers.seconds(value) if _is_sound(value) else "–"

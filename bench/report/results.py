"""The tables a decision is taken on: every model with its numbers, its failures and its absence, and what is best where."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from bench.records.cost import CostEstimate
from bench.records.estimate import Estimate, Statistic
from bench.records.exchange import Transport
from bench.records.spec import Slo, Spec
from bench.records.view import Cell, Column, Section, Table
from bench.report import drift, numbers
from bench.report.escape import short
from bench.report.lookup import Key, Lookup
from bench.report.ruler import error_bars


class Wanted(NamedTuple):
    """A column of a main table: a metric and the statistics to take, first choice first; `question` is what its best answers."""

    metric: str
    statistics: tuple[Statistic, ...]
    question: str = ""


SPEED = (
    Wanted("quality", ("mean", "ratio", "share"), "Most checks met"),
    Wanted("ttft", ("p50",), "Fastest first token"),
    Wanted("ttft", ("p95",)),
    Wanted("latency", ("p50",), "Fastest whole answer"),
    Wanted("decode_tps", ("ratio", "p50", "mean"), "Fastest writing"),
    Wanted("completion_tokens", ("mean", "p50")),
    Wanted("output_tps", ("rate", "value", "ratio")),
    Wanted("goodput", ("rate", "value", "ratio")),
)
FOOTPRINT = (
    Wanted("rss_loaded_bytes", ("value", "max", "p50", "mean")),
    Wanted("rss_peak_bytes", ("max", "value", "p50", "mean"), "Least memory"),
    Wanted("gpu_bytes", ("max", "value", "p50", "mean")),
    Wanted("energy_j", ("ratio", "value"), "Least energy"),
    Wanted("disk_bytes", ("value", "max"), "Smallest on disk"),
    Wanted("load_s", ("value", "p50", "mean"), "Fastest to load"),
    Wanted("first_request_ttft", ("value", "p50", "mean")),
    Wanted("download_s", ("value", "p50")),
)
_WAY: dict[Transport, str] = {
    "http": "Over HTTP.",
    "in-process": "In-process: called in bench's own process. No network and no server is in the times; the memory is what that process grew by.",
    "other": "Over another transport, that of a third party's provider.",
}
PER = {"request": "per request", "million_tokens": "per 1M output tokens", "accepted_answer": "per accepted answer", "run": "of the run"}
_IN_MAIN = ("request", "million_tokens", "accepted_answer")


def results(seen: Lookup, spec: Spec) -> Section:
    """The two main tables: quality and speed; memory, size and cost. One request at a time makes throughput a second decode speed: left out."""
    alone = spec.load.kind == "closed" and spec.load.concurrency == 1
    wanted = [each for each in SPEED if not (alone and each.metric == "output_tps")]
    wanted = [*wanted[:1], *_passes(spec.report.pass_k), *wanted[1:]]
    tables = []
    for way in seen.ways or ("http",):
        keys = [key for key in seen.keys if seen.transport(key) == way]
        tables += [_marked(seen, table, way) for table in (_speed(seen, keys, wanted, spec.slo), _footprint(seen, keys)) if table is not None]
    return Section(id="results", title="Results", tables=tuple(tables))


def _marked(seen: Lookup, table: Table, way: Transport) -> Table:
    """A table of those whose answers came in one way; where there are several ways it says which."""
    if len(seen.ways) <= 1 and way == "http":
        return table
    apart = "" if len(seen.ways) <= 1 else " Not to be compared with the times and sizes of the other tables."
    name = table.id if way == "http" else f"{table.id}-{way}"
    return msgspec.structs.replace(table, id=name, notes=(f"{_WAY[way]}{apart}", *table.notes))


def _speed(seen: Lookup, keys: Sequence[Key], wanted: Sequence[Wanted], slo: Slo | None) -> Table:
    """Every model is a row, also one without numbers: failures and absences stand where the results do."""
    columns = [Column(title="Model"), Column(title="Status"), Column(title="Answered", is_number=True)]
    rows = [[Cell(value=seen.label(key)), _status_cell(seen, key), trials_cell(seen, key)] for key in keys]
    _add_figures(seen, keys, wanted, columns, rows)
    legend = ("value [95 % interval]; bold: best, its interval clear of all others. – not applicable; no data: planned, never measured.",)
    notes = (*((*legend, *error_bars(seen.summary.selftest)) if seen.measured else ()), *_objective(seen, slo), *_absences(seen, keys))
    return Table(id="speed", columns=tuple(columns), rows=tuple(tuple(row) for row in rows), notes=notes)


def _footprint(seen: Lookup, among: Sequence[Key]) -> Table | None:
    """What was read of each model that was up. One that never was has no such figures, and stands in the table above."""
    keys = [key for key in among if key in seen.measured or any(seen.of(key, wanted.metric, *wanted.statistics) for wanted in FOOTPRINT)]
    columns, rows = [Column(title="Model")], [[Cell(value=seen.label(key))] for key in keys]
    _add_figures(seen, keys, FOOTPRINT, columns, rows)
    for per in _IN_MAIN:
        cells = [_cost_cell(seen, key, per) for key in keys]
        if any(cell.state == "value" for cell in cells):
            columns.append(Column(title=f"Cost {PER[per]}", is_number=True))
            for row, cell in zip(rows, cells, strict=True):
                row.append(cell)
    if len(columns) == 1:
        return None
    priced = " Cost: formula and basis under “Cost”." if seen.summary.costs else ""
    notes = (f"Single readings of one run: no interval.{priced}{_energy_source(seen)}",)
    return Table(id="footprint", columns=tuple(columns), rows=tuple(tuple(row) for row in rows), notes=notes)


def _energy_source(seen: Lookup) -> str:
    """From where the energy is known: nobody shall take an estimate for a measurement."""
    bases = {each.basis for each in seen.summary.energy}
    if not bases:
        return ""
    words = {"measured": "by sensors", "declared": "an estimate from declared watts"}
    return f" Energy: {' and '.join(words[basis] for basis in sorted(bases, reverse=True))}, see “Machine”."


def _passes(ks: Sequence[int]) -> list[Wanted]:
    """pass@k and pass^k; for one answer both say the same."""
    return [Wanted(f"pass{sign}{k}", ("share",)) for k in ks for sign in ("@^" if k > 1 else "@")]


def _objective(seen: Lookup, slo: Slo | None) -> Iterator[str]:
    """What counts as good, where goodput is shown."""
    if slo is None or seen.statistic("goodput", ("rate", "value", "ratio")) is None:
        return
    limits = (("TTFT", slo.ttft_s), ("TPOT", slo.tpot_s), ("latency", slo.latency_s))
    words = [f"{name} ≤ {limit:g} s" if limit >= 1 else f"{name} ≤ {limit * 1000:g} ms" for name, limit in limits if limit is not None]
    yield f"Goodput: answers with {' and '.join(words)}, per second."


def _absences(seen: Lookup, keys: Sequence[Key]) -> Iterator[str]:
    """Why models have no numbers, or not all; what to do about it stands under “Models”."""
    for key in keys:
        status = seen.status(key)
        if status is not None and status.state != "served":
            yield f"{seen.label(key)}: {status.state}: {short(status.reason or 'no reason was given', 200).rstrip('.')}."


def _add_figures(seen: Lookup, keys: Sequence[Key], wanted: Sequence[Wanted], columns: list[Column], rows: list[list[Cell]]) -> None:
    """A column for each metric that any of these models has a figure of."""
    for column in wanted:
        found = [seen.of(key, column.metric, *column.statistics) for key in keys]
        if not any(found):
            continue
        statistic = seen.statistic(column.metric, column.statistics)
        best = standing(seen, column, keys).best
        columns.append(Column(title=seen.heading(column.metric, statistic), is_number=True))
        shown = scale_of(found)
        for row, key, estimate in zip(rows, keys, found, strict=True):
            cell = numbers.estimate_cell(estimate, shown, absent=unread(seen, key) if column in FOOTPRINT else absent(seen, key))
            row.append(msgspec.structs.replace(cell, is_best=key == best))


def scale_of(found: Sequence[Estimate | None]) -> numbers.Scale:
    """The scale of a column of estimates of one metric."""
    first = next((estimate for estimate in found if estimate is not None), None)
    if first is None:
        return numbers.Scale(1.0, "")
    return numbers.scale(first.unit, [estimate.value for estimate in found if estimate is not None])


def absent(seen: Lookup, key: Key) -> Cell:
    """What stands where a number does not: `failed`, `no data`, or `–`."""
    count = seen.count(key)
    if count.completed:
        return numbers.NOT_APPLICABLE
    return Cell(value="failed", state="failed") if count.failed and not count.missing else numbers.NO_DATA


def unread(seen: Lookup, key: Key) -> Cell:
    """What stands where a reading of the serving process does not: nothing was read of a model that was not up."""
    status = seen.status(key)
    return numbers.NOT_APPLICABLE if status is not None and status.state == "served" else numbers.NO_DATA


def _status_cell(seen: Lookup, key: Key) -> Cell:
    status = seen.status(key)
    if status is None:
        return Cell(value="not tried", state="no_data")
    state = {"served": "value", "failed": "failed"}.get(status.state, "no_data")
    return msgspec.convert({"value": status.state, "state": state, "mark": "optional" if status.is_optional else ""}, Cell)


def trials_cell(seen: Lookup, key: Key) -> Cell:
    """`28 of 30 (1 failed, 1 missing)`; that all are missing is plain from `0 of 30`."""
    count = seen.count(key)
    missing = count.missing if count.missing < count.planned else 0
    parts = [f"{n:,} {word}" for n, word in ((count.failed, "failed"), (missing, "missing"), (count.retried, "retried")) if n]
    state = "failed" if count.failed else "no_data" if count.missing else "value"
    return msgspec.convert({"value": f"{count.completed:,} of {count.planned:,}", "mark": ", ".join(parts), "state": state}, Cell)


def _cost_cell(seen: Lookup, key: Key, per: str) -> Cell:
    cost = seen.cost(key, per)
    if cost is None or cost.amount is None:
        is_in_vain = per == "accepted_answer" and cost is not None and key in seen.measured
        return msgspec.structs.replace(numbers.NOT_APPLICABLE, mark="none accepted") if is_in_vain else unread(seen, key)
    return Cell(value=numbers.money(cost.amount, cost.currency), mark=_accepted(seen, key, cost))


def _accepted(seen: Lookup, key: Key, cost: CostEstimate) -> str:
    """How many answers were good enough to be used, as the cost of one says it."""
    run = seen.cost(key, "run")
    if cost.per != "accepted_answer" or not cost.amount or run is None or not run.amount:
        return ""
    return f"{round(run.amount / cost.amount):,} of {seen.count(key).completed:,} accepted"


class Standing(NamedTuple):
    """Who is best at something: `best` only where its interval is clear of all others, and no drift hides it; `tied`: not told apart from."""

    best: Key | None
    leader: Key | None
    tied: tuple[Key, ...]
    verdict: str


def standing(seen: Lookup, wanted: Wanted, among: Sequence[Key]) -> Standing:
    """Of these the measured model with the best value, and whether the intervals tell it from the others."""
    found = [
        (key, estimate)
        for key in seen.measured
        if key in among and (estimate := seen.of(key, wanted.metric, *wanted.statistics)) and estimate.value is not None
    ]
    if len(found) < 2 or any(estimate.better == "neither" for _, estimate in found):
        return Standing(None, None, (), "")
    sign = -1 if found[0][1].better == "higher" else 1
    leader, first = min(found, key=lambda pair: (sign * (pair[1].value or 0.0), seen.keys.index(pair[0])))
    others = [(key, estimate) for key, estimate in found if key != leader]
    if any(estimate.low is None or estimate.high is None for _, estimate in found):
        return _without_interval(leader, first, others)
    tied = tuple(key for key, estimate in others if not _clear(first, estimate))
    if tied:
        return Standing(None, leader, tied, "intervals overlap")
    drifted = {key: mark for key, _ in others if (mark := drift.between(seen.summary, wanted.metric, (leader, key)))}
    if drifted:  # what "Comparison of models" takes no verdict on is not clear here
        return Standing(None, leader, tuple(drifted), f"intervals apart, but {next(iter(drifted.values()))}")
    return Standing(leader, leader, (), "clear: intervals apart")


def _without_interval(leader: Key, first: Estimate, others: Sequence[tuple[Key, Estimate]]) -> Standing:
    same = tuple(key for key, estimate in others if estimate.value == first.value)
    if any(estimate.statistic not in {"value", "max"} for _, estimate in (*others, (leader, first))):
        return Standing(None, leader, tuple(key for key, _ in others), "n too small for an interval")
    if same:
        return Standing(None, leader, same, "equal")
    return Standing(None, leader, (), "one reading each, no interval")


def _clear(first: Estimate, other: Estimate) -> bool:
    if first.low is None or first.high is None or other.low is None or other.high is None:
        return False
    return first.high < other.low if first.better == "lower" else first.low > other.high


def highlights(seen: Lookup) -> Section | None:
    """What is best where, among the measured models; undecided where the intervals overlap."""
    rows = []
    for wanted in (*SPEED, *FOOTPRINT):
        for keys in alike(seen, wanted):
            place = standing(seen, wanted, keys)
            if wanted.question and place.leader is not None:
                rows.append(_highlight(seen, wanted, place))
    if not rows:
        return None
    columns = (Column(title="Question"), Column(title="Best"), Column(title="Its value", is_number=True), Column(title="How sure"))
    note = "Not distinguishable: the 95 % intervals overlap, so these figures do not say which is better; more prompts or rounds may."
    if seen.summary.comparisons:
        note = f"{note[:-1]}, and so may “Comparison of models”, prompt by prompt."
    if any("drift" in row[-1].value for row in rows):
        note = f"{note} Drift: what the machine alone may make of figures that were measured one after the other."
    return Section(id="highlights", title="Highlights", tables=(Table(id="highlights", columns=columns, rows=tuple(rows), notes=(note,)),))


def alike(seen: Lookup, wanted: Wanted) -> list[list[Key]]:
    """The rows whose figures of a metric may be put side by side: of a score all, of times, speeds and sizes those whose answers came alike."""
    if wanted.metric in {"quality", "completion_tokens"}:
        return [list(seen.keys)]
    return [[key for key in seen.keys if seen.transport(key) == way] for way in seen.ways]


def _highlight(seen: Lookup, wanted: Wanted, place: Standing) -> tuple[Cell, ...]:
    found = [seen.of(key, wanted.metric, *wanted.statistics) for key in seen.measured]
    leader = place.leader or seen.measured[0]
    value = numbers.estimate_cell(seen.of(leader, wanted.metric, *wanted.statistics), scale_of(found))
    heading = seen.heading(wanted.metric, seen.statistic(wanted.metric, wanted.statistics))
    asked = "Best quality" if wanted.metric == "quality" and seen.is_judged else wanted.question
    is_plain = heading.lower() in asked.lower()
    question = Cell(value=asked if is_plain else f"{asked} ({heading})")
    if place.tied:
        names = ", ".join(seen.label(key) for key in (leader, *place.tied))
        return question, Cell(value=f"not distinguishable: {names}", state="uncertain"), value, Cell(value=place.verdict)
    return question, Cell(value=seen.label(leader), is_best=place.best is not None), value, Cell(value=place.verdict)

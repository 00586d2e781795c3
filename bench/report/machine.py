"""The machine while each model was measured: processor, memory, GPUs, energy, and what took part of it beside the model."""

import math

from bench.records.estimate import Estimate, Statistic
from bench.records.telemetry import Contention, EnergyFacts, MachineUse
from bench.records.view import Cell, Chart, Column, Section, Table
from bench.report import numbers
from bench.report.courses import course, points_of
from bench.report.details import bounded
from bench.report.escape import short
from bench.report.lookup import Key, Lookup

_LARGEST = 1e15  # beyond it a figure is damage
_STATISTICS: tuple[Statistic, ...] = ("p50", "ratio", "mean", "rate", "value")


def machine(seen: Lookup) -> Section | None:
    """What was read beside the run; None when nothing was."""
    summary = seen.summary
    if not summary.machine and not summary.energy and not summary.sources:
        return None
    tables = (_contention(seen), _use(seen), _gpus(seen), _energy(seen))
    unread = [f"{short(each.name, 40)} ({short(each.detail, 240)})" for each in summary.sources if each.state in {"absent", "off"}]
    text = [f"Not read: {'; '.join(unread)}."] if unread else []
    text += [f"Lost on the way: {short(each.name, 40)}, {short(each.detail, 240)}." for each in summary.sources if each.state == "lost"]
    return Section(id="machine", title="Machine", text=tuple(text), tables=tuple(table for table in tables if table is not None))


def _label(seen: Lookup, use: MachineUse) -> str:
    return ", ".join(seen.label(Key(use.model_id, variant)) for variant in use.variant_ids) or use.model_id


def _brief(seen: Lookup, use: MachineUse) -> str:
    """The same for a picture, where there is little room: one server for all variants of a model is the model's."""
    is_only = sum(other.model_id == use.model_id for other in seen.summary.machine) == 1
    return use.model_id if is_only and len(use.variant_ids) > 1 else _label(seen, use)


def _use(seen: Lookup) -> Table | None:
    uses = seen.summary.machine
    if not uses:
        return None
    titles = [
        "Measured for",
        "Model's CPU",
        "Client's CPU",
        "Others' CPU",
        "Memory peak",
        "Threads",
        "Least free memory",
        "Swapped",
        "Waiting for CPU",
        "Waiting for memory",
    ]
    known = {(status.model_id, status.variant_id) for status in seen.summary.models if status.rss_peak_bytes is not None}
    shown: list[tuple[Cell, ...]] = [_use_row(seen, use) for use in uses]
    if all((use.model_id, variant) in known for use in uses for variant in use.variant_ids):  # the results have it, of the whole life of the server
        place = titles.index("Memory peak")
        del titles[place]
        shown = [(*row[: place + 1], *row[place + 2 :]) for row in shown]
    rows, notes = bounded(shown)
    note = "CPU in cores (seconds per second). Waiting: share of the time in which any process of the machine did (Linux PSI)."
    columns = (Column(title="Model"), *(Column(title=title, is_number=True) for title in titles))
    return Table(id="machine-use", columns=columns, rows=rows, notes=(note, *notes))


def _use_row(seen: Lookup, use: MachineUse) -> tuple[Cell, ...]:
    swapped = None if use.swap_in_bytes is None and use.swap_out_bytes is None else (use.swap_in_bytes or 0) + (use.swap_out_bytes or 0)
    others = _number(use.others_cores)
    if any(one.kind == "cpu" for one in use.contention):
        others = Cell(value=others.value, state="uncertain")
    return (
        Cell(value=_label(seen, use)),
        Cell(value=numbers.seconds(use.window_s) if _is_sound(use.window_s) else "–"),
        _number(use.model_cores),
        _number(use.client_cores),
        others,
        _bytes(use.rss_peak_bytes),
        numbers.NOT_APPLICABLE if use.threads is None else Cell(value=f"{use.threads:,}"),
        _bytes(use.available_least_bytes),
        _bytes(swapped),
        _share(use.pressure_cpu),
        _share(use.pressure_memory),
    )


def _gpus(seen: Lookup) -> Table | None:
    rows: list[tuple[Cell, ...]] = [
        (
            Cell(value=_label(seen, use)),
            Cell(value=f"{short(gpu.name, 60)} ({short(gpu.id, 30)})"),
            _bytes(gpu.ours_peak_bytes),
            _bytes(gpu.memory_peak_bytes),
            _bytes(gpu.others_peak_bytes),
            _share(gpu.utilisation),
            _with_unit(gpu.power_w, "W"),
            _with_unit(gpu.clock_mhz, "MHz"),
            _with_unit(gpu.temperature_peak_c, "°C"),
            _share(gpu.slowed_share),
        )
        for use in seen.summary.machine
        for gpu in use.gpus
    ]
    if not rows:
        return None
    titles = ("Memory, model's", "all", "others'", "Busy", "Power", "Clock", "Hottest", "Slowed")
    columns = (Column(title="Model"), Column(title="GPU"), *(Column(title=title, is_number=True) for title in titles))
    shown, notes = bounded(rows)
    note = "Memory and temperature: the most; the others: means. Slowed: share of readings below its clock for heat or power it lacked."
    return Table(id="gpus", columns=columns, rows=shown, notes=(note, *notes))


def _energy(seen: Lookup) -> Table | None:
    found = seen.summary.energy
    if not found:
        return None
    titles = ["Per answer", "Per output token", "Whole run", "At rest meanwhile", "Above rest"]
    if any(facts.counter_j is not None or facts.integral_j is not None for facts in found):  # not of watts that are declared
        titles += ["By counter", "By power over time"]
    columns = (Column(title="Model"), Column(title="Source"), *(Column(title=title, is_number=True) for title in titles))
    shown: list[tuple[Cell, ...]] = [_energy_row(seen, facts)[: len(columns)] for facts in found]
    rows, notes = bounded(shown)
    of: dict[str, list[str]] = {}
    for facts in found:
        for told_of in facts.notes:
            of.setdefault(told_of, []).append(seen.label(Key(facts.model_id, facts.variant_id)))
    told = tuple(f"{short(', '.join(names), 240)}: {short(words, 240)}." for words, names in of.items())
    note = (
        "Per answer and per token: above rest, where that is known. Whole run: all that was used while the model was measured; the cost is of that."
    )
    return Table(id="energy", columns=columns, rows=rows, notes=(note, *told[:20], *notes))


def _energy_row(seen: Lookup, facts: EnergyFacts) -> tuple[Cell, ...]:
    source = ", ".join(short(each, 60) for each in facts.sources)
    joules = (facts.per_request_j, facts.per_token_j, facts.gross_j, facts.idle_j, facts.net_j, facts.counter_j, facts.integral_j)
    return (
        Cell(value=seen.label(Key(facts.model_id, facts.variant_id))),
        Cell(value=source if facts.basis == "declared" else f"{source}, measured"),
        *(_with_unit(value, "J") for value in joules),
    )


def _contention(seen: Lookup) -> Table | None:
    rows: list[tuple[Cell, ...]] = [_contention_row(seen, use, one) for use in seen.summary.machine for one in use.contention]
    if not rows:
        return None
    columns = (
        Column(title="Model"),
        Column(title="What took part of the machine"),
        Column(title="Limit", is_number=True),
        Column(title="May be spoilt"),
    )
    shown, notes = bounded(rows)
    return Table(id="contention", columns=columns, rows=shown, notes=("Measure again on a quieter machine before you decide by these.", *notes))


def _contention_row(seen: Lookup, use: MachineUse, one: Contention) -> tuple[Cell, ...]:
    limit = {"share": _share(one.limit), "B": _bytes(one.limit), "times": _number(one.limit)}[one.unit]
    spoilt = "; ".join(figure for name in one.spoils for variant in use.variant_ids if (figure := _figure(seen, Key(use.model_id, variant), name)))
    return Cell(value=_label(seen, use)), Cell(value=short(one.text, 240), state="uncertain"), limit, Cell(value=spoilt or "–")


def _figure(seen: Lookup, key: Key, metric: str) -> str:
    """`TTFT p50 27 ms`: a figure that may be spoilt, as it stands in this report."""
    found: Estimate | None = seen.of(key, metric, *_STATISTICS)
    if found is None or found.value is None:
        return ""
    shown = numbers.scale(found.unit, [found.value])
    return f"{seen.heading(metric, found.statistic)} {numbers.with_unit(numbers.significant(found.value * shown.factor, 2), shown.unit)}"


def machine_courses(seen: Lookup) -> tuple[Chart, ...]:
    """Memory over time, and power where it was read; other work on the machine where it was too much."""
    drawn = [(_brief(seen, use), use.series) for use in seen.summary.machine if use.series is not None and 0 < use.series.width_s < _LARGEST]
    contended = {_brief(seen, use) for use in seen.summary.machine if use.contention}
    found = (
        course(("memory-over-time", "Memory of the model over time", "B"), [(name, points_of(one.width_s, one.rss_bytes)) for name, one in drawn]),
        course(("gpu-memory-over-time", "GPU memory over time", "B"), [(name, points_of(one.width_s, one.gpu_bytes)) for name, one in drawn]),
        course(("power-over-time", "Power over time", "W"), [(name, points_of(one.width_s, one.power_w)) for name, one in drawn]),
        course(
            ("others-over-time", "Other processes' cores over time", ""),
            [(name, points_of(one.width_s, one.others_cores)) for name, one in drawn if name in contended],
        ),
    )
    return tuple(chart for chart in found if chart is not None)


def _is_sound(value: float | None) -> bool:
    return value is not None and math.isfinite(value) and abs(value) < _LARGEST


def _number(value: float | None) -> Cell:
    return Cell(value=numbers.significant(value, 2)) if value is not None and _is_sound(value) else numbers.NOT_APPLICABLE


def _with_unit(value: float | None, unit: str) -> Cell:
    return Cell(value=numbers.with_unit(numbers.significant(value), unit)) if value is not None and _is_sound(value) else numbers.NOT_APPLICABLE


def _bytes(value: float | None) -> Cell:
    return Cell(value=numbers.size(int(value))) if value is not None and _is_sound(value) else numbers.NOT_APPLICABLE


def _share(value: float | None) -> Cell:
    return Cell(value=numbers.share(value)) if value is not None and _is_sound(value) else numbers.NOT_APPLICABLE

"""The machine while each model was measured: whose CPU time it was, memory, GPUs, and what contended for it."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace

from bench.records.plan import Plan, ServingKey
from bench.records.telemetry import GpuReading, GpuUse, HostReading, MachineSeries, MachineUse, ProcessReading, Slice
from bench.stats.quantile import Floats
from bench.summarize.contention import contention
from bench.summarize.rows import Rows
from bench.summarize.sessions import Session, counted, energy_of
from bench.trials import columns

MOST_SLICES = 60


class Window(NamedTuple):
    """A model's part of a session: its readings, how much of each slice lies in it, and for how long. `offset_s`: sessions are laid end to end."""

    session: Session
    weights: Floats
    from_s: float
    to_s: float
    offset_s: float

    @property
    def length_s(self) -> float:
        """From the first send to the last answer."""
        return self.to_s - self.from_s


def machine_use(plan: Plan, rows: Rows, told: Mapping[str, Session], here: Collection[str]) -> Iterator[MachineUse]:
    """Of each served model that runs here, in the order of the plan. `rows`: measured trials."""
    for key, variants in _served(plan).items():
        if key[0] not in here:
            continue
        words = rows.words("treatment")
        codes = [place for place, word in enumerate(words) if word == key[1]]
        mine = rows.where(np.isin(rows.codes("treatment"), codes))
        windows = tuple(_windows(mine, told)) if len(mine) else ()
        if windows:
            yield _use(key, variants, windows)


def _served(plan: Plan) -> dict[ServingKey, tuple[str, ...]]:
    found: dict[ServingKey, dict[str, None]] = {}
    for block in plan.blocks:
        for kind, _ in columns(block.trials).counted():
            if not kind.is_warmup:
                found.setdefault(kind.key, {})[kind.variant_id] = None
    return {key: tuple(variants) for key, variants in found.items()}


def _windows(rows: Rows, told: Mapping[str, Session]) -> Iterator[Window]:
    offset_s = 0.0
    for name, session in told.items():
        workers = [place for place, word in enumerate(rows.words("worker")) if word.partition("-")[0] == name]
        mine = rows.where(np.isin(rows.codes("worker"), workers))
        if len(mine) and len(session.slices):
            from_s, to_s = float(mine.number("sent_s").min()), float(mine.number("finished_s").max())
            yield Window(session, session.weights(from_s, to_s), from_s, to_s, offset_s)
            offset_s += to_s - from_s


def _sum(windows: Sequence[Window], read: Callable[[Slice], float | None]) -> float | None:
    """What was added in the windows; None where a slice does not say."""
    total = 0.0
    for one in windows:
        values = one.session.values(read)[one.weights > 0]
        if not values.size or np.isnan(values).any():
            return None
        total += float((values * one.weights[one.weights > 0]).sum())
    return total


def _extreme(windows: Sequence[Window], read: Callable[[Slice], float | None], pick: Callable[[list[float]], float]) -> int | None:
    values = [value for one in windows for value in one.session.values(read)[one.weights > 0].tolist() if value == value]  # noqa: PLR0124 - not a number
    return int(pick(values)) if values else None


def _mean(windows: Sequence[Window], read: Callable[[Slice], float | None]) -> float | None:
    total = weight = 0.0
    for one in windows:
        values, length = one.session.values(read), one.weights * (one.session.to_s - one.session.from_s)
        known = ~np.isnan(values) & (length > 0)
        total, weight = total + float((values[known] * length[known]).sum()), weight + float(length[known].sum())
    return total / weight if weight else None


def _host(name: str) -> Callable[[Slice], float | None]:
    return lambda piece: None if piece.host is None else getattr(piece.host, name)


def _process(key: ServingKey, name: str) -> Callable[[Slice], float | None]:
    def read(piece: Slice) -> float | None:
        found: ProcessReading | None = next((one for one in piece.processes if (one.model_id, one.treatment_digest) == key), None)
        return None if found is None else getattr(found, name)

    return read


def _others_s(piece: Slice) -> float | None:
    """CPU time of processes that are none of ours. Interrupts are nobody's; a server that nobody knows makes it unknown."""
    host: HostReading | None = piece.host
    ours = [one.cpu_s for one in piece.processes]
    if host is None or not ours or any(used is None for used in ours):
        return None
    return host.user_s + host.system_s - sum(used for used in ours if used is not None)


def _use(key: ServingKey, variants: tuple[str, ...], windows: Sequence[Window]) -> MachineUse:
    read_s = sum(float((one.weights * (one.session.to_s - one.session.from_s)).sum()) for one in windows)
    per_s = 1.0 / max(read_s, 1e-9)
    cores = windows[0].session.start.cores

    def rate(read: Callable[[Slice], float | None]) -> float | None:
        total = _sum(windows, read)
        return None if total is None else _short(max(0.0, total * per_s))

    steal, threads = rate(_host("steal_s")), _extreme(windows, _process(key, "threads"), max)
    swapped = {name: _sum(windows, _host(name)) for name in ("swap_in_bytes", "swap_out_bytes")}
    use = MachineUse(
        model_id=key[0],
        variant_ids=variants,
        window_s=_short(sum(one.length_s for one in windows)),
        read_s=_short(read_s),
        cores=cores,
        model_cores=rate(_process(key, "cpu_s")),
        client_cores=rate(_process(("", ""), "cpu_s")),
        others_cores=rate(_others_s),
        steal_share=None if steal is None else _short(steal / cores),
        rss_peak_bytes=_extreme(windows, _process(key, "rss_bytes"), max),
        threads=threads,
        processes=None if threads is None else _extreme(windows, _process(key, "processes"), max),
        available_least_bytes=_extreme(windows, _host("available_bytes"), min),
        swap_in_bytes=None if swapped["swap_in_bytes"] is None else int(swapped["swap_in_bytes"]),
        swap_out_bytes=None if swapped["swap_out_bytes"] is None else int(swapped["swap_out_bytes"]),
        pressure_cpu=rate(_host("pressure_cpu_s")),
        pressure_memory=rate(_host("pressure_memory_s")),
        pressure_io=rate(_host("pressure_io_s")),
        mhz=_mean(windows, _host("mhz")),
        gpus=tuple(_gpus(windows)),
        series=_series(key, windows),
    )
    heat = _sum(windows, _host("throttle_events"))
    found = contention(use, windows[0].session.start.memory_bytes, None if heat is None else round(heat), rate(_host("quota_s")))
    return replace(use, contention=tuple(found))


def _gpus(windows: Sequence[Window]) -> Iterator[GpuUse]:
    """Every GPU, and every part of a divided one, that was read."""
    facts = {gpu.id: gpu for gpu in windows[0].session.gpus()}
    seen = (gpu.id for one in windows for piece in one.session.slices for gpu in piece.gpus)
    for name in dict.fromkeys((*facts, *seen)):
        whole = facts.get(name.partition("/")[0])
        yield _gpu(name, whole.name if whole else name, facts[name].memory_bytes if name in facts else None, windows)


def _gpu(name: str, title: str, memory_bytes: int | None, windows: Sequence[Window]) -> GpuUse:
    def of(field: str) -> Callable[[Slice], float | None]:
        def read(piece: Slice) -> float | None:
            found: GpuReading | None = next((gpu for gpu in piece.gpus if gpu.id == name), None)
            return None if found is None else getattr(found, field)

        return read

    inside = (piece for one in windows for piece, weight in zip(one.session.slices, one.weights, strict=True) if weight > 0)
    reasons = dict.fromkeys(reason for piece in inside for gpu in piece.gpus if gpu.id == name for reason in gpu.reasons)
    heat = _extreme(windows, of("temperature_c"), max)
    means = {field: _mean(windows, of(field)) for field in ("utilisation", "power_w", "clock_mhz", "slowed_share")}
    return GpuUse(
        id=name,
        name=title,
        memory_bytes=memory_bytes,
        memory_peak_bytes=_extreme(windows, of("memory_used_bytes"), max),
        ours_peak_bytes=_extreme(windows, of("ours_bytes"), max),
        others_peak_bytes=_extreme(windows, of("others_bytes"), max),
        temperature_peak_c=heat,
        reasons=tuple(reasons),
        **{field: None if value is None else _short(value) for field, value in means.items()},
    )


def _series(key: ServingKey, windows: Sequence[Window]) -> MachineSeries | None:
    length_s = sum(one.length_s for one in windows)
    widest = max(float(np.median(one.session.to_s - one.session.from_s)) for one in windows)
    n = min(MOST_SLICES, int(length_s / max(widest, 1e-3)))
    if n < 2:
        return None
    width_s = length_s / n

    def gpu_bytes(piece: Slice) -> float | None:
        sizes = [gpu.ours_bytes for gpu in piece.gpus if gpu.ours_bytes is not None]
        return float(sum(sizes)) if sizes else None

    def course(read: Callable[[Slice], float | None], *, is_rate: bool) -> tuple[float | None, ...]:
        total, weight = np.zeros(n), np.zeros(n)
        for one in windows:
            _lay(one, one.session.values(read), (total, weight), width_s, is_rate=is_rate)
        return _told(total, weight)

    power, weight = np.zeros(n), np.zeros(n)
    for one in windows:
        _lay(one, energy_of(one.session, counted), (power, weight), width_s, is_rate=True)
    return MachineSeries(
        width_s=_short(width_s),
        model_cores=course(_process(key, "cpu_s"), is_rate=True),
        others_cores=course(_others_s, is_rate=True),
        rss_bytes=course(_process(key, "rss_bytes"), is_rate=False),
        gpu_bytes=course(gpu_bytes, is_rate=False),
        power_w=_told(power, weight),
    )


def _lay(one: Window, values: Floats, into: tuple[Floats, Floats], width_s: float, *, is_rate: bool) -> None:
    """Add a window's values to the bins that its slices lie in; of a slice in several bins each has its part."""
    total, weight = into
    lengths = one.session.to_s - one.session.from_s
    for place in np.flatnonzero((one.weights > 0) & ~np.isnan(values)).tolist():
        begins = max(one.session.from_s[place], one.from_s) - one.from_s + one.offset_s
        ends = min(one.session.to_s[place], one.to_s) - one.from_s + one.offset_s
        value = values[place] / lengths[place] if is_rate else values[place]
        for bin_ in range(int(begins / width_s), min(total.size - 1, int(ends / width_s)) + 1):
            part = min(ends, (bin_ + 1) * width_s) - max(begins, bin_ * width_s)
            if part > 0:
                total[bin_] += value * part
                weight[bin_] += part


def _told(total: Floats, weight: Floats) -> tuple[float | None, ...]:
    return tuple(_short(max(0.0, float(amount / length))) if length > 0 else None for amount, length in zip(total, weight, strict=True))


def _short(value: float) -> float:
    """Six digits: more is noise."""
    return float(f"{value:.6g}")

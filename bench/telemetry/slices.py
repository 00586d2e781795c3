"""Readings to slices: counters become what was added, other numbers their mean, their most or their least."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, TypeVar

import msgspec

from bench.records.telemetry import EnergyReading, GpuReading, HostReading, ProcessReading, Readings, Slice

Part = TypeVar("Part", HostReading, ProcessReading, GpuReading, EnergyReading)
Seen = Sequence[tuple[float, Any]]  # (moment, reading), the first one belonging to the slice before


def _added(seen: Seen, name: str) -> Any:
    """What a counter counted; None where it began anew, or was not there at both ends."""
    first, last = getattr(seen[0][1], name), getattr(seen[-1][1], name)
    return None if first is None or last is None or last < first or len(seen) < 2 else last - first


def _values(seen: Seen, name: str) -> list[Any]:
    return [value for _, reading in seen[1:] if (value := getattr(reading, name)) is not None]


def _mean(seen: Seen, name: str) -> Any:
    values = _values(seen, name)
    return sum(values) / len(values) if values else None


def _most(seen: Seen, name: str) -> Any:
    return max(_values(seen, name), default=None)


def _least(seen: Seen, name: str) -> Any:
    return min(_values(seen, name), default=None)


def _all(seen: Seen, name: str) -> Any:
    return tuple(dict.fromkeys(word for words in _values(seen, name) for word in words))


def _over_time(seen: Seen, name: str) -> Any:  # noqa: ARG001 - whatever it is called, it is power over time
    """Energy of a power, by the trapezoid between readings. Unit: J; None where a reading is missing."""
    power = [(at_s, reading.power_w) for at_s, reading in seen]
    if len(power) < 2 or any(watts is None for _, watts in power):
        return None
    return sum((later - at_s) * (watts + then) / 2 for (at_s, watts), (later, then) in pairwise(power))


_Reduce = Callable[[Seen, str], Any]
_RULES: dict[type, Mapping[str, _Reduce]] = {
    HostReading: dict.fromkeys(
        (
            "user_s", "system_s", "idle_s", "irq_s", "iowait_s", "steal_s", "swap_in_bytes", "swap_out_bytes", "pressure_cpu_s",
            "pressure_memory_s", "pressure_io_s", "throttle_events", "quota_s",
        ),
        _added,
    )
    | {"available_bytes": _least, "swap_used_bytes": _most, "mhz": _mean},
    ProcessReading: {"cpu_s": _added, "rss_bytes": _most, "threads": _most, "processes": _most},
    GpuReading: dict.fromkeys(("memory_used_bytes", "temperature_c", "ours_bytes", "others_bytes", "others_processes"), _most)
    | dict.fromkeys(("utilisation", "power_w", "clock_mhz", "slowed_share"), _mean)
    | {"reasons": _all},
    EnergyReading: {"counter_j": _added, "power_w": _mean, "integral_j": _over_time},
}  # fmt: skip
_NEEDED = {"user_s": 0.0, "system_s": 0.0, "idle_s": 0.0, "irq_s": 0.0, "iowait_s": 0.0, "steal_s": 0.0, "processes": 0, "reasons": ()}


class Slicer:
    """Collects readings; `cut` makes a slice of those since the last cut."""

    def __init__(self) -> None:
        """Nothing is read yet."""
        self._seen: list[tuple[float, Readings]] = []

    def __len__(self) -> int:
        return max(0, len(self._seen) - 1)

    def add(self, at_s: float, readings: Readings) -> None:
        """Take what was read at a moment."""
        self._seen.append((at_s, readings))

    def forget(self) -> None:
        """Begin anew: what was read before is not told."""
        self._seen.clear()

    def cut(self) -> Slice | None:
        """What was read since the last cut; None when nothing was."""
        if len(self._seen) < 2:
            return None
        seen, self._seen = self._seen, self._seen[-1:]
        return slice_of(seen)


def slice_of(seen: Sequence[tuple[float, Readings]]) -> Slice:
    """The slice between the first of these readings and the last."""
    host = [(at_s, one.host) for at_s, one in seen if one.host is not None]
    return Slice(
        from_s=round(seen[0][0], 6),
        to_s=round(seen[-1][0], 6),
        readings=len(seen) - 1,
        host=_reduced(host) if len(host) > 1 else None,
        processes=_each(seen, "processes", ("model_id", "treatment_digest")),
        gpus=_each(seen, "gpus", ("id",)),
        energy=_each(seen, "energy", ("source", "zone")),
    )


def _each(seen: Sequence[tuple[float, Readings]], name: str, key: tuple[str, ...]) -> tuple[Any, ...]:
    """The parts of one kind, each by its name: those of the last reading, from when on they were read."""
    found: dict[tuple[str, ...], list[tuple[float, Any]]] = {}
    for at_s, readings in seen:
        for part in getattr(readings, name):
            found.setdefault(tuple(getattr(part, word) for word in key), []).append((at_s, part))
    return tuple(_reduced(one) for one in found.values() if len(one) > 1)


def _reduced(seen: Sequence[tuple[float, Part]]) -> Part:
    last = seen[-1][1]
    changed = {name: _rounded(reduce(seen, name)) for name, reduce in _RULES[type(last)].items()}
    filled = {name: _NEEDED[name] if value is None and name in _NEEDED else value for name, value in changed.items()}
    return msgspec.structs.replace(last, **filled)


def _rounded(value: Any) -> Any:
    """A microsecond, a microjoule: no sensor tells more, and lines stay short."""
    return round(value, 6) if isinstance(value, float) else value


def together(parts: Iterable[Readings]) -> Readings:
    """What several sources read at one moment."""
    parts = tuple(parts)
    return Readings(
        host=next((part.host for part in parts if part.host is not None), None),
        processes=tuple(each for part in parts for each in part.processes),
        gpus=tuple(each for part in parts for each in part.gpus),
        energy=tuple(each for part in parts for each in part.energy),
        lost=tuple(each for part in parts for each in part.lost),
    )

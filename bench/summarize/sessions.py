"""What a session read of the machine, as arrays over its slices."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from bench.records.telemetry import EnergyReading, GpuFacts, Idle, Slice, SourceLost, SourceState, TelemetryLine, TelemetryStart
from bench.stats.quantile import Floats

Read = Callable[[Slice], float | None]


class Session(NamedTuple):
    """One session's lines. Shape: `from_s`, `to_s`: `float64[slices]`, on the session's clock."""

    start: TelemetryStart
    idle: Idle | None
    slices: tuple[Slice, ...]
    lost: tuple[SourceLost, ...]
    from_s: Floats
    to_s: Floats

    def weights(self, from_s: float, to_s: float) -> Floats:
        """How much of each slice lies in a window: 0 to 1."""
        inside = np.minimum(self.to_s, to_s) - np.maximum(self.from_s, from_s)
        return np.asarray(np.clip(inside / np.maximum(self.to_s - self.from_s, 1e-9), 0.0, 1.0))

    def values(self, read: Read) -> Floats:
        """A figure of each slice, `nan` where it has none."""
        return np.array([np.nan if (value := read(one)) is None else value for one in self.slices], dtype=np.float64)

    def gpus(self) -> tuple[GpuFacts, ...]:
        """The GPUs that were read."""
        return self.start.gpus


def sessions(lines: Mapping[str, Sequence[TelemetryLine]]) -> dict[str, Session]:
    """Each session's readings, by its worker; one that has read nothing is left out."""
    found = {}
    for worker, told in lines.items():
        start = next((line for line in told if isinstance(line, TelemetryStart)), None)
        slices = tuple(line for line in told if isinstance(line, Slice) and line.to_s > line.from_s)
        if start is not None:
            edges = np.array([(one.from_s, one.to_s) for one in slices], dtype=np.float64).reshape(-1, 2)
            idle = next((line for line in told if isinstance(line, Idle)), None)
            lost = tuple(line for line in told if isinstance(line, SourceLost))
            found[worker] = Session(start, idle, slices, lost, edges[:, 0], edges[:, 1])
    return found


def states(told: Iterable[Session]) -> tuple[SourceState, ...]:
    """What became of each source: what the last session that had it says."""
    found: dict[str, SourceState] = {}
    for session in told:
        found |= {state.name: state for state in session.start.sources}
        for lost in session.lost:
            found[lost.source] = SourceState(name=lost.source, state="lost", detail=f"after {lost.at_s:.1f} s: {lost.reason}")
    return tuple(found.values())


def zones(session: Session) -> tuple[tuple[str, str], ...]:
    """The zones whose energy adds up to that of the machine, as far as it is read: one that is all of it, else its parts."""
    seen: dict[tuple[str, str], str] = {(one.source, one.zone): one.role for piece in session.slices for one in piece.energy}
    whole = [zone for zone, role in seen.items() if role == "whole"]
    return tuple(whole[:1] or (zone for zone, role in seen.items() if role == "part"))


def energy_of(session: Session, which: Callable[[EnergyReading], float | None]) -> Floats:
    """The energy of each slice by all zones that add up, `nan` where one of them has none. Unit: J."""
    wanted = zones(session)
    if not wanted:
        return np.full(len(session.slices), np.nan)
    totals = []
    for piece in session.slices:
        told: dict[tuple[str, str], Any] = {(one.source, one.zone): which(one) for one in piece.energy}
        parts = [told.get(zone) for zone in wanted]
        totals.append(np.nan if any(part is None for part in parts) else float(sum(parts)))  # type: ignore[arg-type]
    return np.array(totals, dtype=np.float64)


def counted(one: EnergyReading) -> float | None:
    """By its counter, where it has one, else by its power over time."""
    return one.integral_j if one.counter_j is None else one.counter_j

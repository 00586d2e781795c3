"""A telemetry source: the energy counter of a power plug that can be asked. This one is made up, and always says 5 W."""

import time
from typing import ClassVar, Literal

from bench.protocols import TelemetryMeans
from bench.records.telemetry import EnergyReading, GpuFacts, Readings

_WATTS = 5.0


class Plug:
    """Reads energy beside a run, every `telemetry: {interval: …}`, in a thread that is not the measuring one."""

    gives: ClassVar[frozenset[Literal["gpu", "energy"]]] = frozenset({"energy"})
    detail = "a plug of 5 W"
    gpus: tuple[GpuFacts, ...] = ()

    def __init__(self, means: TelemetryMeans) -> None:
        """Begin at zero. Raises: bench.errors.SourceAbsent where there is nothing to read, with the reason."""
        self._zero_s = time.perf_counter()

    def read(self) -> Readings:
        """Joules since the beginning."""
        joules = _WATTS * (time.perf_counter() - self._zero_s)
        return Readings(energy=(EnergyReading(source="plug", zone="wall", role="whole", counter_j=joules),))

    def close(self) -> None:
        """Nothing is held."""

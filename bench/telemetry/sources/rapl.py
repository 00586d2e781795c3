"""`rapl`: the energy counters of Intel and AMD processors, through Linux powercap.

Source: docs.kernel.org/power/powercap/powercap.html (read 2026-11): `energy_uj` counts microjoules and starts over at 0 after `max_energy_range_uj`.
"""

from pathlib import Path
from typing import ClassVar, Literal

import msgspec

from bench.errors import SourceAbsent
from bench.protocols import TelemetryMeans
from bench.records.telemetry import EnergyReading, GpuFacts, Readings, ZoneRole

_FOLDER = Path("/sys/class/powercap")
_J = 1e-6


class _Zone(msgspec.Struct):
    name: str
    role: ZoneRole
    file: Path
    range_uj: int
    last_uj: int
    counted_uj: int = 0


class Rapl:
    """Energy of the processor packages and of the memory beside them; cores and graphics are within a package, `psys` is around it."""

    gives: ClassVar[frozenset[Literal["gpu", "energy"]]] = frozenset({"energy"})
    gpus: tuple[GpuFacts, ...] = ()

    def __init__(self, means: TelemetryMeans, folder: Path = _FOLDER) -> None:  # noqa: ARG002 - the contract's argument
        """Find the zones. Raises: SourceAbsent when there are none, or only root may read them."""
        files = sorted(folder.glob("*rapl*:*/energy_uj"))
        self._zones: list[_Zone] = []
        refused = False
        for file in files:
            try:
                self._zones += [_zone(file, {zone.name for zone in self._zones})]
            except PermissionError:
                refused = True
            except (OSError, ValueError):
                continue  # a zone that is switched off
        if not self._zones and refused:
            hint = f"sudo chmod o+r {folder}/*rapl*/energy_uj (until the next start)"
            raise SourceAbsent("RAPL is there, but only root may read its counters", hint=hint)
        if not any(zone.role == "part" for zone in self._zones):
            raise SourceAbsent("no RAPL counters: this processor, system or virtual machine has none")
        self.detail = f"energy of {', '.join(zone.name for zone in self._zones)}"

    def read(self) -> Readings:
        """Joules since the first reading, of each zone; a counter that started over has gone on."""
        found = []
        for zone in self._zones:
            now_uj = int(zone.file.read_bytes())
            zone.counted_uj += now_uj - zone.last_uj if now_uj >= zone.last_uj else now_uj - zone.last_uj + zone.range_uj
            zone.last_uj = now_uj
            found.append(EnergyReading(source="rapl", zone=zone.name, role=zone.role, counter_j=zone.counted_uj * _J))
        return Readings(energy=tuple(found))

    def close(self) -> None:
        """Nothing is held."""


def _zone(file: Path, taken: set[str]) -> _Zone:
    name = (file.parent / "name").read_text(encoding="utf-8", errors="replace").strip()[:40] or file.parent.name
    parent = file.parent.name.rpartition(":")[0]
    is_nested = parent.count(":") >= 1
    outer = (file.parent.with_name(parent) / "name").read_text(encoding="utf-8", errors="replace").strip()[:40] if is_nested else ""
    full = f"{outer} {name}" if is_nested else name
    role: ZoneRole = "part" if name.startswith("package") or name == "dram" else "within"
    if "mmio" in file.parent.name or full in taken:  # the same package, told a second way
        role, full = "within", f"{full} ({file.parent.name})"
    range_uj = int((file.parent / "max_energy_range_uj").read_bytes())
    return _Zone(full, role, file, range_uj, int(file.read_bytes()))

"""`zeus`: AMD GPUs and Apple processors through zeus (extra `energy`; the only file that imports it). NVIDIA's are read by `nvml`.

Units of zeus 0.16: energy in mJ since a moment of its own, power in mW (zeus/device/gpu/common.py, zeus/device/soc/apple.py, read 2026-11).
"""

from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from typing import Any, ClassVar, Literal

from bench.errors import MissingExtension, SourceAbsent
from bench.protocols import TelemetryMeans
from bench.records.telemetry import EnergyReading, GpuFacts, GpuReading, Readings

_MILLI = 1e-3
# Parts of an Apple processor that zeus counts apart and that add up.
_APPLE = {"cpu_total_mj": "cpu", "gpu_mj": "gpu", "dram_mj": "dram", "ane_mj": "neural engine"}


class Zeus:
    """Energy and power of AMD GPUs, energy of the parts of an Apple processor."""

    gives: ClassVar[frozenset[Literal["gpu", "energy"]]] = frozenset({"gpu", "energy"})

    def __init__(self, means: TelemetryMeans) -> None:
        """Open what zeus finds. Raises: MissingExtension, SourceAbsent."""
        if find_spec("zeus") is None:
            raise MissingExtension("AMD and Apple: the Python package zeus is not installed", hint="pip install 'bench-spec[energy]'")
        self._means = means
        device = import_module("zeus.device")  # takes a second, so only where it is installed and wanted
        self._errors: type[Exception] = import_module("zeus.exception").ZeusBaseError
        self._amd = _amd(device, self._errors)
        self._apple = _apple(device, self._errors)
        self.gpus = tuple(GpuFacts(id=f"amd:{place}", name=name) for place, name in enumerate(_names(self._amd)))
        if self._amd is None and self._apple is None:
            raise SourceAbsent("no AMD GPU and no Apple processor: zeus finds none")
        found = [gpu.name for gpu in self.gpus] + (["the parts of an Apple processor"] if self._apple is not None else [])
        self.detail = f"energy of {', '.join(found)}"

    def read(self) -> Readings:
        """Every GPU, then the parts of the processor. Raises: SourceAbsent when zeus fails."""
        try:
            gpus = tuple(self._gpu(place, gpu) for place, gpu in enumerate(self.gpus))
            energy = (*(used for _, used in gpus), *self._parts())
        except self._errors as error:
            raise SourceAbsent(str(error)) from error
        wants = self._means.wants
        return Readings(gpus=tuple(gpu for gpu, _ in gpus) if "gpu" in wants else (), energy=energy if "energy" in wants else ())

    def _gpu(self, place: int, gpu: GpuFacts) -> tuple[GpuReading, EnergyReading]:
        amd: Any = self._amd
        power_w = self._told(amd.get_instant_power_usage, place)
        counter_j = self._told(amd.get_total_energy_consumption, place)
        heat = self._told(amd.get_gpu_temperature, place)
        reading = GpuReading(id=gpu.id, power_w=_scaled(power_w), temperature_c=None if heat is None else float(heat))
        return reading, EnergyReading(source="zeus", zone=gpu.id, counter_j=_scaled(counter_j), power_w=_scaled(power_w))

    def _told(self, ask: Callable[[int], Any], place: int) -> float | None:
        """A figure of a GPU; None where this GPU does not tell it."""
        with suppress(self._errors, NotImplementedError):  # one figure that cannot be had must not cost the others
            return float(ask(place))
        return None

    def _parts(self) -> tuple[EnergyReading, ...]:
        if self._apple is None:
            return ()
        now = self._apple.get_total_energy_consumption()
        told = {name: getattr(now, field, None) for field, name in _APPLE.items()}
        return tuple(EnergyReading(source="zeus", zone=f"apple {name}", counter_j=mj * _MILLI) for name, mj in told.items() if mj is not None)

    def close(self) -> None:
        """Zeus keeps its own handles for the life of the process."""


def _scaled(milli: float | None) -> float | None:
    return None if milli is None else milli * _MILLI


def _amd(device: Any, errors: type[Exception]) -> Any:
    """The AMD GPUs; None where there are none, or others."""
    with suppress(errors):
        gpus = device.get_gpus()
        return gpus if len(gpus) and "AMD" in type(gpus).__name__ else None
    return None


def _apple(device: Any, errors: type[Exception]) -> Any:
    with suppress(errors):
        soc = device.get_soc()
        return soc if "Apple" in type(soc).__name__ else None
    return None


def _names(gpus: Any) -> list[str]:
    return [] if gpus is None else [str(gpus.get_name(place))[:80] for place in range(len(gpus))]

"""`nvml`: NVIDIA GPUs through nvidia-ml-py (extra `gpu`; the only file that imports it).

Units as documented in NVML's API reference (docs.nvidia.com/deploy/nvml-api, read 2026-11): power in mW, the energy counter in mJ since the driver
was loaded, memory in bytes, utilisation in per cent, clocks in MHz, temperature in °C.
"""

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

import msgspec

from bench.errors import MissingExtension, SourceAbsent
from bench.protocols import TelemetryMeans, WatchedTree
from bench.records.telemetry import EnergyReading, GpuFacts, GpuReading, Readings

try:
    import pynvml  # type: ignore[import-untyped]
except ModuleNotFoundError:  # without the extra `gpu`
    pynvml = None

_RARELY = 5  # processes, clocks, heat: each takes the driver longer than power does
_STALE_S = 1.0  # older than this they are of the time between two blocks: another model's heat and processes
_MILLI = 1e-3
_INITIAL_PIDS = 0xEFFFFFFC  # inode of the first namespace of process ids (PROC_PID_INIT_INO): in another one, NVML names pids of outside
# What slows a GPU against its user's will; a power limit of its own software is how many of them always run.
_SLOW = {"HwSlowdown", "SwThermalSlowdown", "HwThermalSlowdown", "HwPowerBrakeSlowdown"}
_REASONS = (
    "ApplicationsClocksSetting", "SwPowerCap", "HwSlowdown", "SyncBoost", "SwThermalSlowdown", "HwThermalSlowdown", "HwPowerBrakeSlowdown",
    "DisplayClockSetting",
)  # fmt: skip


class _Device(msgspec.Struct):
    """A GPU, or a part of one. `fields` are what it tells; what it refused once is not asked again."""

    id: str
    handle: Any
    fields: dict[str, Callable[[Any], Any]]
    last: dict[str, Any] = {}


class _Users(NamedTuple):
    ours_bytes: int | None = None
    others_bytes: int | None = None
    others: int | None = None


class Nvml:
    """Memory, utilisation, power, energy, clocks, temperature, and whose processes are at work."""

    gives: ClassVar[frozenset[Literal["gpu", "energy"]]] = frozenset({"gpu", "energy"})

    def __init__(self, means: TelemetryMeans) -> None:
        """Open the library and its devices. Raises: MissingExtension, SourceAbsent."""
        if pynvml is None:
            raise MissingExtension("the Python package nvidia-ml-py is not installed", hint="pip install 'bench-spec[gpu]'")
        self._means = means
        try:
            pynvml.nvmlInit()
        except pynvml.NVMLError as error:
            raise SourceAbsent(_why_not(error)) from error
        try:
            driver = str(pynvml.nvmlSystemGetDriverVersion())
            handles = [pynvml.nvmlDeviceGetHandleByIndex(place) for place in range(pynvml.nvmlDeviceGetCount())]
            opened = [_open(place, handle, driver) for place, handle in enumerate(handles)]
        except pynvml.NVMLError as error:
            self.close()
            raise SourceAbsent(f"NVIDIA GPU: {error}") from error
        if not opened:
            self.close()
            raise SourceAbsent("no NVIDIA GPU: the driver knows of none")
        self.gpus = tuple(facts for facts, _, _ in opened)
        self._devices = [device for _, devices, _ in opened for device in devices]
        notes = [note for _, _, note in opened if note]
        self.detail = f"{', '.join(gpu.name for gpu in self.gpus)}, driver {driver}{'; ' if notes else ''}{'; '.join(notes)}"
        self._since_rare, self._rare_s = _RARELY, 0.0
        self._trees: tuple[WatchedTree, ...] = ()
        self._ours: frozenset[int] | None = None
        self._first_seen: dict[int, tuple[WatchedTree, ...]] = {}  # a process that is not ours: what was ours when it was seen first

    def read(self) -> Readings:
        """Every device that still answers. Raises: SourceAbsent when none does."""
        is_rare = self._is_rare()
        gpus, energy, lost = [], [], []
        for device in list(self._devices):
            try:
                gpu, used = self._read(device, is_rare=is_rare)
            except pynvml.NVMLError as error:
                self._devices.remove(device)
                lost.append((device.id, str(error)))
                continue
            gpus.append(gpu)
            energy += [used] if used is not None else []
        if not self._devices:
            raise SourceAbsent("; ".join(f"{name}: {why}" for name, why in lost))
        wants = self._means.wants
        return Readings(gpus=tuple(gpus) if "gpu" in wants else (), energy=tuple(energy) if "energy" in wants else (), lost=tuple(lost))

    def _is_rare(self) -> bool:
        """Whether all is read this time: each fifth time, where that is too long ago, and where our processes are others than they were."""
        self._trees = self._means.trees()
        ours, now_s = frozenset(pid for tree in self._trees for pid in tree.pids), time.monotonic()
        is_rare = self._since_rare >= _RARELY or ours != self._ours or now_s - self._rare_s > _STALE_S
        self._ours, self._since_rare = ours, 1 if is_rare else self._since_rare + 1
        if is_rare:
            self._rare_s = now_s
        return is_rare

    def _read(self, device: _Device, *, is_rare: bool) -> tuple[GpuReading, EnergyReading | None]:
        now = _told(device, [name for name in device.fields if is_rare or name not in _RARE])
        if is_rare:
            device.last = {name: now.get(name) for name in _RARE}
        memory, power, counter = now.get("memory"), now.get("power"), now.get("energy")
        reasons, listed = now.get("reasons"), device.last.get("processes")
        users = _Users() if listed is None else self._users(listed)
        names = _names(reasons) if reasons is not None else ()
        gpu = GpuReading(
            id=device.id,
            memory_used_bytes=None if memory is None else int(memory.used),
            utilisation=None if (use := now.get("utilisation")) is None else use.gpu / 100,
            power_w=None if power is None else power * _MILLI,
            clock_mhz=device.last.get("clock"),
            temperature_c=device.last.get("temperature"),
            reasons=names,
            slowed_share=None if reasons is None else float(bool(_SLOW & set(names))),
            ours_bytes=users.ours_bytes,
            others_bytes=users.others_bytes,
            others_processes=users.others,
        )
        if counter is None and power is None:
            return gpu, None
        counter_j = None if counter is None else counter * _MILLI
        watts = None if power is None else power * _MILLI
        return gpu, EnergyReading(source="nvml", zone=device.id, role="within" if "/" in device.id else "part", counter_j=counter_j, power_w=watts)

    def _users(self, listed: dict[int, int | None]) -> _Users:
        """Whose memory is on a device: that of our processes, and of all others; unknown where a server's process is.

        A process that a server has just started is not yet known as ours: one is another's when our processes were listed anew since it was seen.
        """
        ours = self._ours or frozenset()
        mine = [used for pid, used in listed.items() if pid in ours]
        # A model in bench's own process has no process of its own, and is found with bench.
        if not mine and not (_names_our_pids() and all(tree.is_known for tree in self._trees)):
            return _Users()
        strange = {pid: self._first_seen.setdefault(pid, self._trees) for pid in listed if pid not in ours}
        rest = [listed[pid] for pid, since in strange.items() if since is not self._trees]
        return _Users(_sum(mine), _sum(rest), len(rest))

    def close(self) -> None:
        """Shut the library down."""
        with suppress(pynvml.NVMLError):  # a driver that is gone cannot be left
            pynvml.nvmlShutdown()


def nvml_inventory() -> tuple[str, ...]:
    """The NVIDIA GPUs of this machine: name, memory and driver. Empty without the extra `gpu`, the driver, or a GPU."""
    if pynvml is None:
        return ()
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return ()
    try:
        driver = str(pynvml.nvmlSystemGetDriverVersion())
        opened = [_open(place, pynvml.nvmlDeviceGetHandleByIndex(place), driver)[0] for place in range(pynvml.nvmlDeviceGetCount())]
        return tuple(f"{gpu.name}{f', {gpu.memory_bytes / 2**20:.0f} MiB' if gpu.memory_bytes else ''}, driver {gpu.driver}" for gpu in opened)
    except pynvml.NVMLError:
        return ()
    finally:
        with suppress(pynvml.NVMLError):  # as in `close`
            pynvml.nvmlShutdown()


def _why_not(error: Exception) -> str:
    if isinstance(error, pynvml.NVMLError_LibraryNotFound):
        return "no NVIDIA GPU: NVML library not found"
    if isinstance(error, pynvml.NVMLError_DriverNotLoaded):
        return "no NVIDIA GPU: its driver is not loaded"
    if isinstance(error, pynvml.NVMLError_NoPermission):
        return "NVIDIA GPU: this user may not speak to the driver"
    return f"NVIDIA GPU: {error}"


def _open(place: int, handle: Any, driver: str) -> tuple[GpuFacts, list[_Device], str]:
    """A GPU with its parts, and what it does not tell."""
    name = f"nvidia:{place}"
    parts = _parts(handle)
    devices = [_device(name, handle), *(_device(f"{name}/mig:{number}", part) for number, part in parts)]
    memory = _allowed(pynvml.nvmlDeviceGetMemoryInfo, handle)
    facts = GpuFacts(
        id=name,
        name=str(_allowed(pynvml.nvmlDeviceGetName, handle) or "NVIDIA GPU")[:80],
        memory_bytes=None if memory is None else int(memory.total),
        driver=driver[:40],
        is_divided=bool(parts),
    )
    missing = sorted(_WORDS[field] for field in _FIELDS if field not in devices[0].fields)
    return facts, devices, f"{name} does not tell: {', '.join(missing)}" if missing else ""


def _parts(handle: Any) -> list[tuple[int, Any]]:
    """The parts of a divided GPU (MIG)."""
    try:
        if pynvml.nvmlDeviceGetMigMode(handle)[0] != pynvml.NVML_DEVICE_MIG_ENABLE:
            return []
        most = int(pynvml.nvmlDeviceGetMaxMigDeviceCount(handle))
    except pynvml.NVMLError:
        return []  # not a GPU that can be divided
    found = []
    for number in range(most):
        part = _allowed(partial(pynvml.nvmlDeviceGetMigDeviceHandleByIndex, index=number), handle)
        if part is not None:
            found.append((number, part))
    return found


def _device(name: str, handle: Any) -> _Device:
    return _Device(name, handle, {field: ask for field, ask in _FIELDS.items() if _allowed(ask, handle) is not None})


def _told(device: _Device, fields: list[str]) -> dict[str, Any]:
    """What a device says now; what it fails to say this once is None. Raises: NVMLError when it is gone, or says nothing at all."""
    found: dict[str, Any] = {}
    failed: Any = None
    for name in fields:
        try:
            found[name] = device.fields[name](device.handle)
        except (pynvml.NVMLError_GpuIsLost, pynvml.NVMLError_Uninitialized, pynvml.NVMLError_DriverNotLoaded):
            raise
        except pynvml.NVMLError as error:
            failed = error
    if failed is not None and not found:
        raise failed
    return found


def _allowed(ask: Callable[[Any], Any], handle: Any) -> Any:
    """What a device tells; None where it does not know or we may not ask."""
    refusals = (
        pynvml.NVMLError_NotSupported,
        pynvml.NVMLError_NoPermission,
        pynvml.NVMLError_FunctionNotFound,
        pynvml.NVMLError_InvalidArgument,
        pynvml.NVMLError_NotFound,
    )
    try:
        return ask(handle)
    except refusals:
        return None


def _temperature(handle: Any) -> float:
    return float(pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU))


def _clock(handle: Any) -> float:
    return float(pynvml.nvmlDeviceGetClockInfo(handle, pynvml.NVML_CLOCK_SM))


def _processes(handle: Any) -> dict[int, int | None]:
    """Device memory of each process that computes or draws; None where it is not told (Windows)."""
    found: dict[int, int | None] = {}
    for each in (*pynvml.nvmlDeviceGetComputeRunningProcesses(handle), *pynvml.nvmlDeviceGetGraphicsRunningProcesses(handle)):
        used = None if each.usedGpuMemory is None else int(each.usedGpuMemory)
        found[int(each.pid)] = max(found.get(int(each.pid)) or 0, used) if used is not None else found.get(int(each.pid))
    return found


def _names(mask: int) -> tuple[str, ...]:
    return tuple(name for name in _REASONS if mask & getattr(pynvml, f"nvmlClocksEventReason{name}", 0))


def _names_our_pids() -> bool:
    """Whether NVML's process ids are those that we know ourselves by."""
    if sys.platform != "linux":
        return True
    with suppress(OSError):
        return Path("/proc/self/ns/pid").stat().st_ino == _INITIAL_PIDS
    return False


def _sum(sizes: list[int | None]) -> int | None:
    known = [size for size in sizes if size is not None]
    return None if sizes and not known else sum(known)


def _asker(function: str) -> Callable[[Any], Any]:
    def ask(handle: Any) -> Any:
        return getattr(pynvml, function)(handle)  # looked up now: the package may not be installed

    return ask


_FIELDS: dict[str, Callable[[Any], Any]] = {
    "memory": _asker("nvmlDeviceGetMemoryInfo"),
    "utilisation": _asker("nvmlDeviceGetUtilizationRates"),
    "power": _asker("nvmlDeviceGetPowerUsage"),
    "energy": _asker("nvmlDeviceGetTotalEnergyConsumption"),
    "reasons": _asker("nvmlDeviceGetCurrentClocksEventReasons"),
    "clock": _clock,
    "temperature": _temperature,
    "processes": _processes,
}
_RARE = frozenset({"clock", "temperature", "processes"})
_WORDS = {
    "memory": "memory", "utilisation": "utilisation", "power": "power", "energy": "energy counter", "reasons": "throttle reasons",
    "clock": "clocks", "temperature": "temperature", "processes": "processes",
}  # fmt: skip

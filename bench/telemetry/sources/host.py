"""`host`: the machine as a whole. On Linux from `/proc` and `/sys`, elsewhere from psutil, which knows less."""

import os
import sys
from pathlib import Path
from typing import Any, ClassVar, Literal

from bench.errors import SourceAbsent
from bench.protocols import TelemetryMeans
from bench.records.telemetry import GpuFacts, HostReading, Readings
from bench.telemetry.pseudo_files import PseudoFile, number_after

try:
    import psutil
except ModuleNotFoundError:  # without the extra `local`: Linux needs it not
    psutil = None  # type: ignore[assignment]

_RARELY = 10  # clocks are read each tenth time: a file per core, for which some drivers ask the core
_MOST_CORES = 32  # of which clocks are read; the mean of so many is that of all
_KB = 1024
_INITIAL_CGROUP = ("sys/fs/cgroup/cpu.stat", "sys/fs/cgroup/cpu/cpu.stat")


class Host:
    """CPU time by kind, memory, swap, pressure, clocks, heat and quota."""

    gives: ClassVar[frozenset[Literal["gpu", "energy"]]] = frozenset()
    gpus: tuple[GpuFacts, ...] = ()

    def __init__(self, means: TelemetryMeans, root: Path = Path("/")) -> None:  # noqa: ARG002 - the contract's argument
        """Open what there is. Raises: SourceAbsent where the system tells nothing."""
        self._source: _Linux | _Elsewhere = _Linux(root) if sys.platform == "linux" or root != Path("/") else _Elsewhere()
        self.detail = self._source.detail

    def read(self) -> Readings:
        """The machine now."""
        return Readings(host=self._source.read())

    def close(self) -> None:
        """Close the files."""
        self._source.close()


class _Linux:
    def __init__(self, root: Path) -> None:
        proc, cores = root / "proc", root / "sys/devices/system/cpu"
        self._stat, self._memory, self._pages = PseudoFile(proc / "stat"), PseudoFile(proc / "meminfo"), PseudoFile(proc / "vmstat")
        self._pressure = tuple(PseudoFile(proc / "pressure" / name) for name in ("cpu", "memory", "io"))
        self._clocks = tuple(map(PseudoFile, sorted(cores.glob("cpu[0-9]*/cpufreq/scaling_cur_freq"))[:_MOST_CORES]))
        self._heat = tuple(map(PseudoFile, _one_of_each_core(sorted(cores.glob("cpu[0-9]*/thermal_throttle/core_throttle_count")))))
        self._quota = next((file for file in map(PseudoFile, (root / path for path in _quota_files(proc))) if file), None)
        self._tick_s = 1.0 / os.sysconf("SC_CLK_TCK")
        self._page = os.sysconf("SC_PAGE_SIZE")
        self._readings = 0
        self._mhz: float | None = None
        if not self._stat.read().startswith(b"cpu "):
            raise SourceAbsent(f"{proc}/stat cannot be read")
        parts = (("pressure", self._pressure[0]), ("clocks", self._clocks), ("heat", self._heat), ("CPU quota", self._quota))
        missing = [name for name, there in parts if not there]
        self.detail = "CPU, memory and swap from /proc" + (f"; not told by this system: {', '.join(missing)}" if missing else "")

    def read(self) -> HostReading:
        ticks = [int(word) for word in self._stat.read().split(b"\n", 1)[0].split()[1:9]]
        if len(ticks) < 8:
            raise SourceAbsent("/proc/stat is not what it was")
        user, nice, system, idle, iowait, irq, soft_irq, steal = (tick * self._tick_s for tick in ticks)
        memory, pages = self._memory.read(), self._pages.read()
        swap, free = number_after(memory, b"SwapTotal:"), number_after(memory, b"SwapFree:")
        if self._readings % _RARELY == 0:
            self._mhz = self._clock()
        self._readings += 1
        cpu, stalled, io = (_stalled_s(file.read()) for file in self._pressure)
        return HostReading(
            user_s=user + nice,
            system_s=system,
            idle_s=idle,
            irq_s=irq + soft_irq,
            iowait_s=iowait,
            steal_s=steal,
            available_bytes=_times(number_after(memory, b"MemAvailable:"), _KB),
            swap_used_bytes=None if swap is None or free is None else (swap - free) * _KB,
            swap_in_bytes=_times(number_after(pages, b"pswpin "), self._page),
            swap_out_bytes=_times(number_after(pages, b"pswpout "), self._page),
            pressure_cpu_s=cpu,
            pressure_memory_s=stalled,
            pressure_io_s=io,
            mhz=self._mhz,
            throttle_events=self._throttled(),
            quota_s=_held_back_s(self._quota.read()) if self._quota else None,
        )

    def _clock(self) -> float | None:
        clocks = [int(text) for file in self._clocks if (text := file.read().strip()).isdigit()]
        return sum(clocks) / len(clocks) / 1000 if clocks else None

    def _throttled(self) -> int | None:
        """Read each time: what one block heats up must not be told of the next."""
        heat = [int(text) for file in self._heat if (text := file.read().strip()).isdigit()]
        return sum(heat) if heat else None

    def close(self) -> None:
        rest = (self._quota,) if self._quota else ()
        for file in (self._stat, self._memory, self._pages, *self._pressure, *self._clocks, *self._heat, *rest):
            file.close()


def _one_of_each_core(files: list[Path]) -> list[Path]:
    """Of a core's hardware threads, which count the same events, one (`topology/thread_siblings_list`); all where that is not told."""
    found: dict[str, Path] = {}
    for file in files:
        try:
            core = (file.parents[1] / "topology/thread_siblings_list").read_text(encoding="ascii", errors="replace").strip()
        except OSError:
            core = ""
        found.setdefault(core or str(file), file)
    return list(found.values())


def _quota_files(proc: Path) -> list[str]:
    """Where a group's CPU quota is told, of the group that this process is in (cgroup 2, or 1), then of the outermost that can be seen."""
    try:
        groups = (proc / "self/cgroup").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    found = []
    for number, controllers, path in (line.split(":", 2) for line in groups if line.count(":") >= 2):
        if number == "0":
            found.append(f"sys/fs/cgroup{path.rstrip('/')}/cpu.stat")
        elif "cpu" in controllers.split(","):
            found.append(f"sys/fs/cgroup/{controllers}{path.rstrip('/')}/cpu.stat")
    return [*found, *_INITIAL_CGROUP]


def _held_back_s(text: bytes) -> float | None:
    """`throttled_usec` (cgroup 2) or `throttled_time` in ns (cgroup 1)."""
    if (micro := number_after(text, b"throttled_usec ")) is not None:
        return micro * 1e-6
    nano = number_after(text, b"throttled_time ")
    return None if nano is None else nano * 1e-9


def _stalled_s(text: bytes) -> float | None:
    """Total of the line `some … total=<µs>`: docs.kernel.org/accounting/psi.html, read 2026-11."""
    total = number_after(text.split(b"\n", 1)[0], b"total=")
    return None if total is None else total * 1e-6


def _times(value: int | None, factor: int) -> int | None:
    return None if value is None else value * factor


class _Elsewhere:
    """macOS and Windows: what psutil knows of them."""

    def __init__(self) -> None:
        if psutil is None:
            raise SourceAbsent("this system is read by the Python package psutil, which is not installed", hint="pip install 'bench-spec[local]'")
        self.detail = "CPU, memory and swap by psutil; not told by this system: pressure, heat, CPU quota"

    def read(self) -> HostReading:
        times: Any = psutil.cpu_times()
        swap = psutil.swap_memory()
        return HostReading(
            user_s=times.user + getattr(times, "nice", 0.0),
            system_s=times.system,
            idle_s=times.idle,
            irq_s=getattr(times, "interrupt", 0.0) + getattr(times, "dpc", 0.0),
            available_bytes=psutil.virtual_memory().available,
            swap_used_bytes=swap.used,
            swap_in_bytes=swap.sin,
            swap_out_bytes=swap.sout,
        )

    def close(self) -> None:
        """Nothing is held."""

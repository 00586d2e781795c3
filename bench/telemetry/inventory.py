"""What this machine is: enough to judge whether two runs are alike, nothing that names a person or a host."""

import os
import platform
import shutil
import subprocess
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, entry_points, version
from pathlib import Path

from bench.records.machine import Machine
from bench.records.run import GitState
from bench.telemetry.pseudo_files import number_after
from bench.telemetry.sources.nvml import nvml_inventory

# Packages whose version may change what is measured or computed.
_PACKAGES = (
    "bench-spec", "numpy", "scipy", "msgspec", "jinja2", "jsonschema", "openai", "pyyaml", "xllamacpp", "foundry-local-sdk", "psutil", "nvidia-ml-py",
    "zeus",
)  # fmt: skip
_PROBE_TIMEOUT_S = 5.0
_CORES = Path("/sys/devices/system/cpu")


def machine() -> Machine:
    """This machine; unknown parts are empty or None, never guessed."""
    return Machine(
        system=f"{platform.system()} {platform.release()}",
        architecture=platform.machine(),
        cpu=_cpu(),
        cores=_cores(),
        memory_bytes=memory_bytes(),
        swap_bytes=_swap_bytes(),
        governor=_governor(),
        gpus=_nvidia_gpus(),
        python=f"{platform.python_implementation()} {platform.python_version()}",
    )


def packages() -> dict[str, str]:
    """Installed versions of the packages that matter here."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return {**found, **_extensions()}


def _extensions() -> dict[str, str]:
    """Those that register anything with bench."""
    points = entry_points()
    ours = (point.dist for group in sorted(points.groups) if group.startswith("bench.") for point in points.select(group=group))
    return {package.name: package.version for package in ours if package is not None}


def git_state(folder: Path) -> GitState | None:
    """The commit a folder stands at, or None outside a repository or without git.

    The repository's own configuration is not trusted: its file-system monitor, which may name a program, is off.
    """
    commit = _output("git", "-c", "core.fsmonitor=false", "-C", str(folder), "rev-parse", "HEAD")
    if not commit:
        return None
    changes = _output("git", "-c", "core.fsmonitor=false", "-C", str(folder), "status", "--porcelain", "--untracked-files=no", "--", ".")
    return GitState(commit=commit, is_dirty=bool(changes))


def _output(*command: str) -> str | None:
    """The trimmed output of a program that may be absent; None when it is, or when it fails."""
    program = shutil.which(command[0])
    if program is None:
        return None
    try:
        done = subprocess.run([program, *command[1:]], capture_output=True, text=True, timeout=_PROBE_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _cpu() -> str:
    with suppress(OSError):  # not Linux: the platform module knows what there is to know
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _cores() -> int:
    """Cores this process may use, which a container can make fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory_bytes() -> int | None:
    """Memory of the machine; None where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _swap_bytes() -> int | None:
    with suppress(OSError):
        total = number_after(Path("/proc/meminfo").read_bytes(), b"SwapTotal:")
        return None if total is None else total * 1024
    return None


def _governor() -> str:
    """How Linux chooses the processors' clocks: `performance`, `powersave`, …; empty where it does not, or does not say."""
    found = set()
    for file in sorted(_CORES.glob("cpu[0-9]*/cpufreq/scaling_governor")):
        with suppress(OSError):
            found.add(file.read_text(encoding="ascii", errors="replace").strip()[:40])
    return ", ".join(sorted(found))


def _nvidia_gpus() -> tuple[str, ...]:
    """By NVML where nvidia-ml-py is installed, else by the driver's own program."""
    if told := nvml_inventory():
        return told
    listed = _output("nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader")
    return tuple(line.strip() for line in listed.splitlines() if line.strip()) if listed else ()

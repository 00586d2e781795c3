"""Cores and their load, the timer, the GPU, and sensors of energy."""

import asyncio
import os
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from bench.cli.doctor.finding import Finding
from bench.telemetry.inventory import machine

_POWERCAP = Path("/sys/class/powercap")
_KFD = Path("/dev/kfd")  # the device of AMD's GPU driver
# A run is marked as client-saturated above a p99 lag of 5 ms (docs/measurement.md); a timer that is late by more than 2 ms is on its way there.
_LATE_S = 0.002
_TIMER_S = 0.002
_TIMER_TRIES = 25
_DECLARE = "declare the watts in the spec: cost: {model: energy, busy_watts: …, idle_watts: …, price_per_kwh: …}"


def examine() -> Iterator[Finding]:
    """The machine, its load, its timers, its GPU and its energy sensors."""
    found = machine()
    memory = f", {found.memory_bytes / 1e9:.0f} GB memory" if found.memory_bytes else ""
    yield _cores(found.cores, f"{found.cores} cores ({found.cpu}){memory}")
    yield _load(found.cores)
    yield _timer()
    yield _gpu(found.gpus)
    yield _energy(_POWERCAP, _KFD, found.gpus)


def _cores(cores: int, detail: str) -> Finding:
    if cores < 2:
        advice = "the client and an embedded model share one core: times are pessimistic; measure on two cores or more"
        return Finding(what="cores", state="problem", detail=detail, advice=advice)
    return Finding(what="cores", state="ok", detail=detail)


def _load(cores: int) -> Finding:
    """How busy the machine is already. Shares above a quarter of the cores disturb a measurement visibly."""
    if not hasattr(os, "getloadavg"):
        return Finding(what="load", state="absent", detail="this system does not say", advice="see that nothing else runs while measuring")
    one_minute = os.getloadavg()[0]
    detail = f"{one_minute:.2f} runnable processes on {cores} cores (mean of a minute)"
    if one_minute > cores / 4:
        return Finding(what="load", state="problem", detail=detail, advice="end other work before measuring; it makes times longer and less alike")
    return Finding(what="load", state="ok", detail=detail)


def _timer() -> Finding:
    """How late the event loop's timer is, and how fine the clock."""
    lateness = asyncio.run(_timer_lateness())
    resolution = time.get_clock_info("perf_counter").resolution
    typical = statistics.median(lateness)
    detail = f"timer late by {typical * 1e3:.2f} ms (median), {max(lateness) * 1e3:.2f} ms at most; clock resolution {resolution * 1e9:.0f} ns"
    if typical > _LATE_S:
        return Finding(what="timer", state="problem", detail=detail, advice="end other work; a coarse timer makes sends late")
    return Finding(what="timer", state="ok", detail=detail)


async def _timer_lateness() -> list[float]:
    late = []
    for _ in range(_TIMER_TRIES):
        before = time.perf_counter()
        await asyncio.sleep(_TIMER_S)
        late.append(max(0.0, time.perf_counter() - before - _TIMER_S))
    return late


def _gpu(gpus: tuple[str, ...]) -> Finding:
    if gpus:
        return Finding(what="GPU", state="ok", detail="; ".join(gpus), advice="the embedded runtime uses it only with a wheel that was built for it")
    if sys.platform == "darwin":
        return Finding(what="GPU", state="ok", detail="Metal, where the Mac has it")
    advice = "nothing to do for CPU runs; for an NVIDIA GPU install its driver, then see that nvidia-smi runs"
    return Finding(what="GPU", state="absent", detail="nvidia-smi is not installed or finds none", advice=advice)


def _energy(powercap: Path, kfd: Path, gpus: Sequence[str]) -> Finding:
    """Which energy counters a run would read. A package that reads a device is no sensor where there is no such device."""
    zones = sorted(powercap.glob("*rapl*:*/energy_uj")) if powercap.is_dir() else []
    readable = [zone.parent.name for zone in zones if os.access(zone, os.R_OK)]
    has_zeus = find_spec("zeus") is not None
    sensors = [f"RAPL ({', '.join(readable)})"] if readable else []
    sensors += ["NVML (nvidia-ml-py)"] if gpus and find_spec("pynvml") is not None else []
    sensors += ["zeus"] if has_zeus and (sys.platform == "darwin" or kfd.exists()) else []
    if sensors:
        return Finding(what="energy sensors", state="ok", detail=f"{' and '.join(sensors)}; a run reads what answers")
    if zones:
        advice = f"sudo chmod o+r {powercap}/*rapl*:*/energy_uj (until the next start), or {_DECLARE}"
        return Finding(what="energy sensors", state="absent", detail="RAPL is there, but only root may read it", advice=advice)
    has_device = bool(gpus) or kfd.exists() or sys.platform == "darwin"
    extras = "pip install 'bench-spec[gpu]' for an NVIDIA GPU, 'bench-spec[energy]' for AMD and Apple; or " if has_device else ""
    return Finding(
        what="energy sensors", state="absent", detail="no RAPL counters and no device that NVML or zeus would read", advice=extras + _DECLARE
    )

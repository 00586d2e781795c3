"""NVML without a GPU: a library at the border where nvidia-ml-py calls C, so that its own code runs. It tells a trace (`tests/data/nvml`)."""

# The methods are called as the library calls its functions:
# ruff: noqa: N802

import json
from pathlib import Path

import pynvml

TRACE = Path(__file__).parents[1] / "data" / "nvml" / "trace.jsonl"
OK, NOT_SUPPORTED, NO_PERMISSION, NOT_FOUND, INSUFFICIENT, LOST = 0, 3, 4, 6, 7, 15


def trace():
    return [json.loads(line) for line in TRACE.read_text(encoding="utf-8").splitlines()]


class Library:
    """One GPU or several alike. `refuses`: function -> error code; `at`: the line of the trace that is told; `users`: pid -> bytes, or None.

    `parts`: how many parts the GPU is divided into; `lost`: GPUs that have fallen off the bus.
    """

    def __init__(self, lines=None, *, n=1, refuses=None, users=None, parts=0):
        self.lines, self.n, self.refuses, self.users, self.parts = lines or trace(), n, dict(refuses or {}), dict(users or {}), parts
        self.at, self.lost, self.calls, self.is_open = 0, set(), [], 0

    def __getattr__(self, name):
        if not name.startswith("nvml"):
            raise AttributeError(name)
        answer = getattr(type(self), f"_{name}", None)
        if answer is None:
            raise AttributeError(name)  # as for a driver that is older than the function

        def call(*given):
            self.calls.append(name)
            if name in self.refuses:
                return self.refuses[name]
            device = getattr(given[0], "device", None) if given else None
            if device is None:
                return answer(self, *given)
            return LOST if device.place in self.lost else answer(self, device, *given[1:])

        return call

    @property
    def now(self):
        return self.lines[self.at]

    def _nvmlInitWithFlags(self, _flags):
        self.is_open += 1
        return OK

    def _nvmlShutdown(self):
        self.is_open -= 1
        return OK

    def _nvmlErrorString(self, code):
        return {LOST: b"GPU is lost", NO_PERMISSION: b"Insufficient Permissions"}.get(int(code), b"an error")

    def _nvmlSystemGetDriverVersion(self, text, _size):
        text.value = b"580.65.06"
        return OK

    def _nvmlDeviceGetCount_v2(self, count):
        count._obj.value = self.n
        return OK

    def _nvmlDeviceGetHandleByIndex_v2(self, index, handle):
        handle._obj.device = Device(int(index.value))
        return OK

    def _nvmlDeviceGetName(self, _device, text, _size):
        text.value = b"Made-up GPU 24GB"
        return OK

    def _nvmlDeviceGetMemoryInfo(self, device, memory):
        scale = self.parts + 1 if device.part is not None else 1
        memory._obj.total, memory._obj.used = (24 << 30) // scale, self.now["used_bytes"] // scale
        memory._obj.free = memory._obj.total - memory._obj.used
        return OK

    def _nvmlDeviceGetUtilizationRates(self, _device, rates):
        if self.parts:
            return NOT_SUPPORTED  # as documented for a divided GPU
        rates._obj.gpu, rates._obj.memory = self.now["gpu_percent"], self.now["memory_percent"]
        return OK

    def _nvmlDeviceGetPowerUsage(self, device, power):
        return _number(power, self.now["power_mw"], device)

    def _nvmlDeviceGetTotalEnergyConsumption(self, device, energy):
        return _number(energy, self.now["energy_mj"], device)

    def _nvmlDeviceGetClockInfo(self, device, _kind, clock):
        return _number(clock, self.now["sm_mhz"], device)

    def _nvmlDeviceGetTemperature(self, device, _sensor, heat):
        return _number(heat, self.now["temperature_c"], device)

    def _nvmlDeviceGetCurrentClocksEventReasons(self, device, reasons):
        return _number(reasons, self.now["reasons"], device)

    def _nvmlDeviceGetComputeRunningProcesses_v3(self, _device, count, found):
        if not self.users:
            count._obj.value = 0
            return OK
        if found is None:
            count._obj.value = len(self.users)
            return INSUFFICIENT
        for place, (pid, used) in enumerate(self.users.items()):
            found[place].pid = pid
            found[place].usedGpuMemory = pynvml.NVML_VALUE_NOT_AVAILABLE_ulonglong.value if used is None else used
        count._obj.value = len(self.users)
        return OK

    def _nvmlDeviceGetGraphicsRunningProcesses_v3(self, _device, count, _found):
        count._obj.value = 0
        return OK

    def _nvmlDeviceGetMigMode(self, _device, current, pending):
        current._obj.value = pending._obj.value = int(self.parts > 0)
        return OK if self.parts else NOT_SUPPORTED

    def _nvmlDeviceGetMaxMigDeviceCount(self, _device, count):
        count._obj.value = 7
        return OK

    def _nvmlDeviceGetMigDeviceHandleByIndex(self, device, index, handle):
        if index.value >= self.parts:
            return NOT_FOUND
        handle._obj.device = Device(device.place, int(index.value))
        return OK


class Device:
    """What a handle points at."""

    def __init__(self, place, part=None):
        self.place, self.part = place, part


def _number(into, value, device):
    if device.part is not None:
        return NOT_SUPPORTED  # power, energy and clocks are the whole GPU's
    into._obj.value = value
    return OK


def install(monkeypatch, library):
    """Let nvidia-ml-py speak to this library."""
    monkeypatch.setattr(pynvml, "nvmlLib", library)
    monkeypatch.setattr(pynvml, "_nvmlGetFunctionPointer_cache", {})
    return library

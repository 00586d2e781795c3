"""On what a model runs once it is loaded: read from what its server shows, and held against what was asked (`gpu:`).

A row that asked for the GPU and ran on the processor is no row, and the other way round; a server that shows nothing is told of as that. How it is
asked is in `gpu_words.py`.
"""

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from bench.errors import ServingError
from bench.records.serving import ModelStatus, Placement
from bench.records.spec import Gpu

_OFFLOADED = re.compile(r"offloaded (\d+)/(\d+) layers to GPU")
_VLLM = re.compile(r"\bdevice_config=(?:device\(type=)?'?(cpu|cuda|rocm|xpu|tpu|hpu)")
_UNSHOWN = "nothing shows on what it runs"
# Where Linux shows a graphics processor: NVIDIA's driver, AMD's, and the one for rendering that all others share.
_DEVICES = ("dev/nvidia[0-9]*", "dev/kfd", "dev/dri/renderD*", "dev/dxg")


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """What a row says of it: `device` in words, None where nothing showed it, and notes."""

    device: str | None
    placement: Placement | None
    notes: tuple[str, ...] = ()


def settled(gpu: Gpu, found: Placement | None) -> Placed:
    """What was found, held against what was asked.

    Raises: ServingError when it runs elsewhere than the spec demands.
    """
    if found is None:
        note = f"{_UNSHOWN}: `gpu: {{mode: {gpu.mode}}}` is not verified, and this row is not called a GPU's"
        return Placed(device=None, placement=None, notes=(note,) if gpu.mode != "auto" else ())
    if gpu.mode == "on" and found.on == "cpu" and gpu.layers != 0:
        hint = "free GPU memory, or use a build of the server for this GPU; `gpu: {mode: auto}` takes what there is"
        raise ServingError(f"`gpu: {{mode: on}}`, but nothing of it runs on a GPU ({found.evidence})", hint=hint, state="unavailable")
    if gpu.mode == "off" and found.on != "cpu":
        hint = "hide the GPU from the server, or use `gpu: {mode: auto}`"
        raise ServingError(f"`gpu: {{mode: off}}`, but it runs on a GPU ({found.evidence})", hint=hint, state="failed")
    return Placed(device=words(found), placement=found, notes=tuple(_partly(gpu, found)))


def words(found: Placement) -> str:
    """`cpu`, `gpu: NVIDIA H100 (12 of 30 layers)`, `gpu (40 % of 2.1 GB)`."""
    if found.on == "cpu":
        return "cpu"
    named = f"{found.on}: {found.name}" if found.name else found.on
    return f"{named} ({_share(found)})"


def _share(found: Placement) -> str:
    if found.layers is not None and found.of_layers is not None:
        return f"{found.layers} of {found.of_layers} layers"
    if found.gpu_bytes is not None and found.of_bytes:
        return f"{found.gpu_bytes / found.of_bytes:.0%} of {found.of_bytes / 1e9:.2g} GB"
    if found.gpu_bytes is not None:
        return f"{found.gpu_bytes / 1e9:.2g} GB there"
    return "how much of it is unknown"


def _partly(gpu: Gpu, found: Placement) -> list[str]:
    """What a reader must know of a model that is divided, or divided otherwise than asked."""
    notes = []
    if isinstance(gpu.layers, int) and found.layers is not None and found.layers != gpu.layers:
        notes.append(f"`gpu: {{layers: {gpu.layers}}}` was asked, {found.layers} of {found.of_layers} layers are on the GPU")
    part = (found.layers, found.of_layers) if found.layers is not None else (found.gpu_bytes, found.of_bytes)
    if found.on == "gpu" and part[0] is not None and part[1] is not None and part[0] < part[1]:
        notes.append(f"only partly on the GPU: {_share(found)}, the rest on the processor")
    return notes


def from_llama_cpp(log: str, gpus: Sequence[str]) -> Placement | None:
    """From llama.cpp's devices and its own count of offloaded layers."""
    if not gpus:
        return Placement(on="cpu", evidence="llama.cpp finds no GPU device")
    found = from_log(log)
    return replace(found, name=", ".join(gpus)) if found is not None and found.on == "gpu" else found


def from_log(log: str) -> Placement | None:
    """From the last word that a server's log has about it: llama.cpp and what is built on it (Ollama, llama-cpp-python), vLLM."""
    if counts := _OFFLOADED.findall(log):
        layers, of_layers = map(int, counts[-1])
        evidence = f"its log: offloaded {layers}/{of_layers} layers to GPU"
        return Placement(on="gpu" if layers else "cpu", layers=layers, of_layers=of_layers, evidence=evidence)
    if devices := _VLLM.findall(log):
        return Placement(on="cpu" if devices[-1] == "cpu" else "gpu", evidence=f"its log: device_config={devices[-1]}")
    return None


def from_ollama(value: Any, name: str) -> Placement | None:
    """From the entry of a loaded model in Ollama's `/api/ps`: bytes in all (`size`), and in the GPU's memory (`size_vram`)."""
    listed = value.get("models") if isinstance(value, Mapping) else None
    wanted = {name, f"{name}:latest"}
    for entry in listed[:1000] if isinstance(listed, list) else ():
        if isinstance(entry, Mapping) and wanted & {entry.get("name"), entry.get("model")}:
            size, there = entry.get("size"), entry.get("size_vram", 0)
            if type(size) is not int or type(there) is not int or not 0 <= there <= size < 1 << 50:
                return None
            evidence = f"Ollama's /api/ps: size_vram {there:,} of {size:,} bytes"
            return Placement(on="gpu" if there else "cpu", gpu_bytes=there, of_bytes=size, evidence=evidence)
    return None


def from_machine(root: Path = Path("/")) -> Placement | None:
    """From the machine itself: where it has no graphics processor at all, nothing that runs on it runs there. None where it may have one."""
    if sys.platform != "linux" or any(next(root.glob(pattern), None) is not None for pattern in _DEVICES):
        return None
    return Placement(on="cpu", evidence="this machine shows no GPU")


def after_measuring(gpu: Gpu, status: ModelStatus, gpu_bytes: int | None) -> ModelStatus:
    """A row with what the GPU's driver saw of the server's own processes while it was measured, where nothing had shown on what it runs before.

    `gpu_bytes`: the most memory that they held there. A server that was to use no GPU and held some has failed.
    """
    endpoint = status.endpoint
    if endpoint is None or endpoint.placement is not None or not gpu_bytes:
        return status
    seen = Placement(on="gpu", gpu_bytes=gpu_bytes, evidence=f"the GPU's driver: its processes held {gpu_bytes:,} bytes there")
    notes = tuple(note for note in status.notes if _UNSHOWN not in note)
    status = replace(status, endpoint=replace(endpoint, placement=seen, device=words(seen)), notes=notes)
    if gpu.mode != "off":
        return status
    reason = f"`gpu: {{mode: off}}`, but it ran on a GPU ({seen.evidence})"
    return replace(status, state="failed", reason=reason, hint="hide the GPU from the server, or use `gpu: {mode: auto}`")


def first(*looks: Callable[[], Placement | None]) -> Placement | None:
    """The first of these that finds anything."""
    return next((found for look in looks if (found := look()) is not None), None)

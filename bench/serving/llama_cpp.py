"""Embedded llama.cpp: one child process per treatment, so that memory is the model's own and a crash costs one row.

Defaults: `threads` cores − 1, so that the client keeps a core; `context` 4096 tokens; one slot. With more than one request in flight the others wait
in the server's queue, which the time to first token then shows. A judge, whose time nobody measures, gets as many slots as it is asked at once, each
with the whole context and a prefix cache of its own. The key of the loopback server is made anew for each process.
"""

import json
import os
import secrets
import sys
from pathlib import Path
from typing import Any

from bench.errors import ServingError
from bench.protocols import Served, ServingContext
from bench.records.plan import Treatment
from bench.records.serving import Endpoint, Server, ServingFacts
from bench.records.weights import WeightsFile
from bench.serving.gpu_words import layers_of, shown, wanted_gpu
from bench.serving.llama_cpp_child import SETTINGS
from bench.serving.placement import from_llama_cpp, settled
from bench.serving.process import ChildProcess, log_path
from bench.serving.weights import fetch

_CHILD = Path(__file__).with_name("llama_cpp_child.py")
_CONTEXT = 4096
_INSTALL = "pip install 'bench-spec[local]'"


class LlamaCpp:
    """The runtime `llama.cpp`."""

    def serve(self, treatment: Treatment, context: ServingContext) -> Served:
        """Fetch the weights, start the child, wait until the model is loaded."""
        if treatment.model.weights is None:
            raise ServingError(f"model {treatment.model_id!r} has no weights", hint="add `weights:` to its entry")
        gpu = wanted_gpu(treatment)
        weights = fetch(treatment.model.weights, treatment.model.sha256, context)
        _check_gguf(weights)
        key = secrets.token_urlsafe(24)
        asked = {
            "path": weights.path,
            "name": treatment.model_id,
            "key": key,
            "threads": treatment.threads or max(1, (os.cpu_count() or 1) - 1),
            "context": treatment.context or _CONTEXT,
            "slots": context.slots,
            "gpu": gpu.mode,
            "layers": layers_of(gpu),
        }
        process = ChildProcess(
            [sys.executable, "-P", str(_CHILD)],
            environment={**context.environ, **dict(shown(gpu)), SETTINGS: json.dumps(asked)},
            log=log_path(treatment, context),
            stdout="pipe",
            spawns=False,
        )
        try:
            return _wait(process, treatment, weights, key)
        except BaseException:
            process.close()
            raise


def _wait(process: ChildProcess, treatment: Treatment, weights: WeightsFile, key: str) -> "ServedLlamaCpp":
    until = process.started + treatment.model.load_timeout_s
    answer = process.wait_report(("ready", "missing", "no_gpu", "broken"), until)
    if answer is None or answer[0] != "ready":
        process.wait_end(2.0 if answer is not None else 0.0)
        raise _trouble(process, treatment, answer)
    return ServedLlamaCpp(process, treatment, weights, answer[1], key)


def _trouble(process: ChildProcess, treatment: Treatment, answer: tuple[str, Any] | None) -> ServingError:
    name = treatment.model_id
    match answer:
        case ("missing", why):
            return ServingError(f"llama.cpp is not installed: {why}", hint=_INSTALL, state="unavailable")
        case ("no_gpu", devices):
            found = ", ".join(devices) or "none"
            hint = "use `gpu: {mode: auto}`, or install an xllamacpp wheel with CUDA, ROCm or Vulkan from its own package index"
            return ServingError(
                f"`gpu: {{mode: on}}`, but this build of llama.cpp finds no GPU here (devices: {found})", hint=hint, state="unavailable"
            )
    hint = f"last lines of {process.log.name}:\n{process.tail()}"
    if process.ran_out_of_memory():
        return ServingError(f"model {name!r} ran out of memory while it was loaded", hint=f"use a smaller `context:` or smaller weights; {hint}")
    if answer is not None:
        return ServingError(f"llama.cpp cannot load model {name!r}: {answer[1]}", hint=hint)
    if (death := process.death()) is not None:
        return ServingError(f"llama.cpp ended while it loaded model {name!r}: {death}", hint=hint)
    return ServingError(f"model {name!r} was not loaded within {treatment.model.load_timeout_s:g} s", hint=f"raise `load_timeout:`; {hint}")


class ServedLlamaCpp:
    """A model in a child process."""

    def __init__(self, process: ChildProcess, treatment: Treatment, weights: WeightsFile, ready: dict[str, Any], key: str) -> None:
        """Take what the child told."""
        self._process = process
        self._weights = weights
        self._gpu_bytes: int | None = ready["gpu_bytes"]
        placed = settled(wanted_gpu(treatment), from_llama_cpp(process.log_text(), ready["gpus"]))
        features = " ".join(ready["features"]) or "no CPU extensions"
        self._notes = (f"prebuilt llama.cpp, not compiled for this machine; it uses {features}", *placed.notes)
        self.credential: str | None = key
        self.endpoint = Endpoint(
            base_url=f"{ready['address']}/v1",
            served_model=treatment.model_id,
            owned=True,
            pid=process.pid,
            load_s=process.mark_loaded(),
            device=placed.device,
            placement=placed.placement,
            runtime_version=ready["version"],
            weights_digest=weights.digest,
            server=Server(name="llama.cpp", version=ready["version"], dialect="llama.cpp", evidence="started by bench"),
        )

    def facts(self) -> ServingFacts:
        """Memory (the mapped weights included), CPU time since loading, and sizes as of now."""
        return ServingFacts(
            download_s=self._weights.download_s,
            disk_bytes=self._weights.bytes,
            rss_loaded_bytes=self._process.rss_loaded_bytes,
            rss_peak_bytes=self._process.rss_peak_bytes(),
            gpu_bytes=self._gpu_bytes,
            cpu_s=self._process.cpu_s(),
            notes=self._notes,
        )

    def death(self) -> str | None:
        """Why the child is gone, or None while it lives."""
        return self._process.death()

    def close(self) -> None:
        """End the child."""
        self._process.close()


def _check_gguf(weights: WeightsFile) -> None:
    with Path(weights.path).open("rb") as stream:
        start = stream.read(4)
    if start != b"GGUF":
        message = f"{Path(weights.path).name} is no GGUF file: it starts with {start!r}, expected b'GGUF'"
        raise ServingError(message, hint="llama.cpp needs weights in its GGUF format")

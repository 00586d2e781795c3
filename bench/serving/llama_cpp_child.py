"""Embedded llama.cpp in a process of its own. Run as a file: `python -P llama_cpp_child.py`, with its settings as JSON in the environment.

Prints one JSON line, `{"ready": {…}}` or `{"broken": "why"}`, then serves until it is ended. The only file that imports xllamacpp (extra `local`).
Imports nothing of bench, so that the memory measured is the model's and the runtime's.
"""

import json
import os
import re
import sys
import threading
from typing import Any

SETTINGS = "BENCH_LLAMA_CPP"  # the environment name; not an argument, because arguments are public and the key is in there


def _gpus(xllamacpp: Any) -> list[dict[str, Any]]:
    return [device for device in xllamacpp.get_device_info() if device["type"].name.endswith("GPU")]


def _parameters(xllamacpp: Any, asked: dict[str, Any], *, has_gpu: bool) -> Any:
    """llama.cpp's settings. It divides its context by its slots, so it gets the asked one for each of them; further requests wait in line."""
    params = xllamacpp.CommonParams()
    params.model.path = asked["path"]
    params.model_alias = {asked["name"]}
    params.api_keys = [asked["key"]]  # a loopback port is open to every web page in the user's browser
    params.ui = False
    params.port = 0
    params.n_parallel = asked["slots"]
    params.n_ctx = asked["context"] * asked["slots"]
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = asked["threads"]
    params.swa_full = True  # sliding-window models would otherwise read the whole prompt again at each call
    params.cache_ram_mib = 0  # prompts of earlier rounds kept in memory would change both memory and time to first token
    if has_gpu:
        params.verbosity = 4  # tells how many layers were offloaded, also where none were to be
    if asked["gpu"] == "off" or not has_gpu:
        params.n_gpu_layers = 0
        params.no_kv_offload = params.no_op_offload = True
        params.fit_params = False
    elif asked["layers"] is not None:
        params.n_gpu_layers = asked["layers"]
        params.fit_params = False
    return params


def _serve(asked: dict[str, Any]) -> dict[str, Any]:
    try:
        import xllamacpp  # type: ignore[import-untyped] # noqa: PLC0415 - a missing package is an answer here, not a traceback
    except ImportError as error:
        return {"missing": str(error)}
    before = _gpus(xllamacpp)
    if asked["gpu"] == "on" and not before:
        return {"no_gpu": [device["name"] for device in xllamacpp.get_device_info()]}
    try:
        server = xllamacpp.Server(_parameters(xllamacpp, asked, has_gpu=bool(before)))
    except (RuntimeError, ValueError, MemoryError) as error:
        return {"broken": str(error)}
    _SERVERS.append(server)
    free = sum(device["memory_free"] for device in before) - sum(device["memory_free"] for device in _gpus(xllamacpp))
    return {
        "ready": {
            "address": server.listening_address,
            "version": f"xllamacpp {xllamacpp.__version__}",
            "gpus": [device["description"] or device["name"] for device in before],
            "gpu_bytes": max(free, 0) if before else None,
            "features": re.findall(r"(\w+) = 1\b", xllamacpp.get_system_info()),
        }
    }


_SERVERS: list[Any] = []  # keeps the server alive


def main() -> None:
    """Serve, report, wait."""
    asked = json.loads(os.environ.pop(SETTINGS))
    pipe = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what llama.cpp prints belongs in the log
    answer = _serve(asked)
    pipe.write(json.dumps(answer) + "\n")
    pipe.close()
    if "ready" not in answer:
        sys.stderr.flush()
        os._exit(1)
    threading.Event().wait()


if __name__ == "__main__":
    main()

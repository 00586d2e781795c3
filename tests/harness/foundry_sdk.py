"""Foundry Local with a stand-in for its SDK: everything around the SDK is real, its process, pipes and service included."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

STANDIN = Path(__file__).with_name("foundry_standin")
INT4, FP32 = "smol-int4-generic-cpu:2", "smol-fp32-generic-cpu:1"
CUDA, GENERIC = "smol-cuda-gpu:1", "smol-generic-gpu:1"


def variant(name: str, device: str = "CPU", provider: str = "CPUExecutionProvider", **more: Any) -> dict[str, Any]:
    """One entry of the stand-in's catalogue."""
    return {"id": name, "alias": "smol", "device": device, "provider": provider, "license": "apache-2.0", "file_size_mb": 90, **more}


CPU_ONLY = [variant(INT4), variant(FP32)]
WITH_CUDA = [variant(CUDA, "GPU", "CUDAExecutionProvider"), *CPU_ONLY]


def environment(models: list[dict[str, Any]], folder: Path, **script: Any) -> Mapping[str, str]:
    """The environment in which the child finds the stand-in, and does what the script says."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "SYSTEMROOT", "LD_LIBRARY_PATH"}}
    told = {"models": models, **script}
    return {
        **kept,
        "PYTHONPATH": f"{STANDIN}{os.pathsep}{STANDIN.parents[1]}",
        "STANDIN": json.dumps(told),
        "BENCH_FOUNDRY_CACHE": str(folder / "models"),
        "BENCH_FOUNDRY_PYTHON": sys.executable,
    }

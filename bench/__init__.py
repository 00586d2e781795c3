"""`bench`: declarative LLM experiments that measure speed, memory, cost and quality in one run, from one reviewable spec.

`bench.run`, `bench.load` and `bench.validate` are its public Python API (`bench/api.py`), which is loaded when one of them is first asked for.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.api import Run, load, run, validate

__all__ = ["Run", "load", "run", "validate"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'bench' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - `bench --help` needs none of it

    return getattr(import_module("bench.api"), name)

"""The face that each door shows of a third party's extension."""

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

from bench.extensions.guard import Origin, attempt
from bench.extensions.printing import aside

IMPORT_S = 60.0
_FACES = {
    "runtime": "answering:runtime",
    "provider": "answering:provider",
    "load": "shapes:load",
    "check": "checks:check",
    "grader": "graders:grader",
    "metric": "figures:metric",
    "cost": "figures:cost",
    "telemetry": "reading:telemetry",
    "report": "rendering:report",
}


def imported(origin: Origin, load: Callable[[], Any]) -> Any:
    """What the entry point names. ModuleNotFoundError goes on: something is not installed.

    Raises: ExtensionBroke.
    """
    with aside():
        found = attempt(origin, "when it was imported", load, passes=(ModuleNotFoundError,), limit_s=IMPORT_S)
    if not callable(found):
        raise origin.odd("when it was imported", found, "a class, or a function that makes one object")
    return found


def behind_guard(origin: Origin, kind: Any) -> Any:
    """What is called in the place of the extension's class: with the same arguments, but it gives the contract's face with the guard in between."""
    module, _, name = _FACES[origin.door].partition(":")
    face = getattr(import_module(f"bench.extensions.{module}"), name)
    return face(origin, kind) if origin.door == "provider" else partial(face, origin, kind)

"""The load: settings that its shape refuses, and plans that it cannot tell anything with."""

from collections.abc import Iterator
from typing import Any

from bench.errors import BenchError
from bench.records.quantity import seconds
from bench.records.source import Diagnostic
from bench.records.spec import Load, Slo
from bench.spec import schema
from bench.spec.rules.view import View, text, whole

# Places of an open loop unless the spec says otherwise: enough that arrivals wait for none before a server is far behind.
OPEN_LOOP_PLACES = 256
SWEEP_STEPS = 8
_OPEN_LOOPS = ("constant", "poisson", "ramp", "burst", "trace", "sweep")
_LEAST_OF_A_STEP = 20  # fewer requests cannot tell 95 % from all


def load_of(entry: dict[str, Any], slo: Slo | None) -> Load:
    """The load that a checked entry says."""
    settings = {key: value for key, value in entry.items() if key not in {"kind", "concurrency", "steps", "settings"}}
    kind = entry["kind"]
    return Load(
        kind=kind,
        concurrency=int(entry.get("concurrency", _places(entry))),
        steps=int(entry.get("steps", SWEEP_STEPS if kind == "sweep" else 1)),
        slo=slo,
        settings={**settings, **entry.get("settings", {})},
    )


def _places(entry: dict[str, Any]) -> int:
    """How many places a load has that does not say."""
    if entry["kind"] not in _OPEN_LOOPS:
        return 1
    rises = entry.get("of", "concurrency" if entry["kind"] == "sweep" else "rate")
    return max(1, int(entry.get("to", 1))) if rises == "concurrency" else OPEN_LOOP_PLACES


def slo_of(entry: dict[str, Any]) -> Slo:
    """The objective that a checked entry says."""
    return Slo(**{f"{key}_s": seconds(value) for key, value in entry.items()})


def check(view: View) -> Iterator[Diagnostic]:
    """What the load's own shape says about its settings; then what the plan makes of them."""
    given = view.section("load")
    kind = text(given, "kind")
    if kind not in view.extensions.names("load") or any(schema.violations(given, schema.SPEC, "load")) or isinstance(given.get("file"), str):
        return
    try:
        problem = view.extensions.problem("load", kind, load_of(given, _objective(view)))
    except BenchError as error:
        yield view.tree.diagnose(("load", "kind"), "missing-extension", error.message, hint=error.hint)
        return
    if problem is not None:
        yield view.tree.diagnose(("load",), "load-settings", problem, hint="see docs/load.md for each shape with its settings", at="key")
        return
    if kind == "sweep":
        yield from _sweep(view)
    if kind == "trace" and isinstance(given.get("arrivals"), list) and (trials := _trials(view)) > len(given["arrivals"]):
        message = f"each model has up to {trials} requests, the trace {len(given['arrivals'])} arrivals: it is played again from its start"
        yield view.tree.diagnose(("load",), "trace-repeats", message, hint="ask fewer, or give a longer trace", severity="warning", at="key")


def _objective(view: View) -> Slo | None:
    try:
        return slo_of(view.section("slo")) if view.section("slo") else None
    except (ValueError, TypeError, OverflowError):
        return Slo()  # the schema says what is wrong with it


def _trials(view: View) -> int:
    """Requests per model in one step; a variant asks them again."""
    return len(view.prompts) * whole(view.data, "rounds", 1) * max(1, len(list(view.entries("variants"))))


def _sweep(view: View) -> Iterator[Diagnostic]:
    if text(view.data, "order") == "interleaved" and len(view.models) > 1:
        message = "a sweep finds the limit of one server, but `order: interleaved` has all models under the same load at once"
        yield view.tree.diagnose(("order",), "load-settings", message, hint="write `order: blocked`")
    n = _trials(view)
    if view.has_all_prompts and n < _LEAST_OF_A_STEP:
        message = f"each step has {n} requests (prompts × rounds × variants); {_LEAST_OF_A_STEP} tell 95 % from less"
        hint = f"write `rounds: {-(-_LEAST_OF_A_STEP * whole(view.data, 'rounds', 1) // max(n, 1))}` or more"
        yield view.tree.diagnose(("load",), "too-few-samples", message, hint=hint, severity="warning", at="key")

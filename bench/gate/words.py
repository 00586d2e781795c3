"""A gate and its numbers in words, the same in a report, in a log and in a list of tests."""

from bench.gate.decide import Bounds, Figure
from bench.records.spec import GateSpec

_BYTES = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def amount(value: float, unit: str) -> str:
    """A number with its unit, to four digits.

    >>> amount(0.8, "s"), amount(0.05, "share"), amount(2e9, "B"), amount(3.0, ""), amount(61.25, "tokens/s")
    ('800 ms', '5 %', '2 GB', '3', '61.25 tokens/s')
    """
    factor, name = _scale(value, unit)
    return f"{value * factor:.4g} {name}".rstrip()


def _scale(value: float, unit: str) -> tuple[float, str]:
    """What a number of this size is multiplied with, and the unit that it then has."""
    match unit:
        case "s" if abs(value) < 1:
            return 1e3, "ms"
        case "share" | "score":
            return 100.0, "%"
        case "B":
            return next(((1 / size, name) for size, name in _BYTES if abs(value) >= size), (1.0, "B"))
        case "1/s":
            return 1.0, "per s"
        case _:
            return 1.0, "" if unit == "1" else unit


def bounds_in_words(bounds: Bounds, unit: str) -> str:
    """What is demanded, as a sum writes it: `≥ 60 %`, `≤ 800 ms`, both with `and`."""
    parts = (("≥", bounds.least), ("≤", bounds.most))
    return " and ".join(f"{sign} {amount(bound, unit)}" for sign, bound in parts if bound is not None)


def figure_in_words(figure: Figure, unit: str) -> str:
    """Value and interval: `812 [790–840] ms`; `no value` without one."""
    if figure.value is None:
        return "no value"
    if figure.low is None or figure.high is None or figure.low == figure.high == figure.value:
        return amount(figure.value, unit)
    factor, name = _scale(figure.value, unit)
    value, low, high = (f"{number * factor:.4g}" for number in (figure.value, figure.low, figure.high))
    joint = " to " if figure.low < 0 else "–"
    return f"{value} [{low}{joint}{high}] {name}".rstrip()


def subject(gate: GateSpec, statistic: str | None) -> str:
    """What a gate looks at: `ttft p95`, `quality`, `aspect names-owner`."""
    if gate.aspect is not None:
        return f"aspect {gate.aspect}"
    told = gate.at or statistic
    return f"{gate.metric} {told}" if told in {"p50", "p90", "p95", "p99", "max"} else gate.metric

"""A gate and its numbers in words, the same in a report, in a log and in a list of tests."""

from bench.gate.decide import Bounds, Figure
from bench.records.quantity import in_words as amount
from bench.records.quantity import scale_in_words
from bench.records.spec import GateSpec


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
    factor, name = scale_in_words(figure.value, unit)
    value, low, high = (f"{number * factor:.4g}" for number in (figure.value, figure.low, figure.high))
    joint = " to " if figure.low < 0 else "–"
    return f"{value} [{low}{joint}{high}] {name}".rstrip()


def subject(gate: GateSpec, statistic: str | None) -> str:
    """What a gate looks at: `ttft p95`, `quality`, `aspect names-owner`."""
    if gate.aspect is not None:
        return f"aspect {gate.aspect}"
    told = gate.at or statistic
    return f"{gate.metric} {told}" if told in {"p50", "p90", "p95", "p99", "max"} else gate.metric

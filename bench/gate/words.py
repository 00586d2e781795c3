"""A gate and its numbers in words, the same in a report, in a log and in a list of tests."""

from math import floor, log10

from bench.gate.decide import Bounds, Figure
from bench.gate.figures import Found
from bench.records.quantity import digits, plain, scale_in_words
from bench.records.quantity import in_words as amount
from bench.records.spec import GateSpec

POINTS = "points"
_NONE = Bounds(None, None)
_FEWEST, _MOST = 3, 9  # decimals where an interval has no width, and where a value all but touches a bound


def bounds_in_words(bounds: Bounds, unit: str) -> str:
    """What is demanded, as a sum writes it: `≥ 60 %`, `≤ 800 ms`, `≤ 5 points`, both with `and`."""
    parts = (("≥", bounds.least), ("≤", bounds.most))
    told = ((sign, f"{digits(100 * bound)} points" if unit == POINTS else amount(bound, unit)) for sign, bound in parts if bound is not None)
    return " and ".join(f"{sign} {words}" for sign, words in told)


def figure_in_words(figure: Figure, unit: str, bounds: Bounds = _NONE) -> str:
    """Value and interval: `812 [790–840] ms`; `no value` without one."""
    if figure.value is None:
        return "no value"
    factor, name = scale_in_words(figure.value, unit)
    return f"{_numbers(figure, factor, bounds)} {name}".rstrip()


def change_in_words(found: Found, bounds: Bounds = _NONE) -> str:
    """How much worse it has become, of what to what: `1.21 s → 1.49 s, worse by 23 [20–26] %`; of a score in points."""
    figure, name = found.figure, "points" if found.is_points else "%"
    if figure.value is None:
        return "no value"
    if figure.low == figure.high == figure.value == 0:
        return f"{amount(found.sides[1], found.sides_unit, 3)}, unchanged" if found.sides else "unchanged"
    told = "" if found.sides is None else f"{' → '.join(amount(side, found.sides_unit, 3) for side in found.sides)}, "
    if figure.high is not None and figure.high < 0 and figure.low is not None:
        turned = Figure(-figure.value, -figure.high, -figure.low)
        return f"{told}better by {_numbers(turned, 100.0, _NONE)} {name}"
    if figure.low is None and figure.value < 0:
        return f"{told}better by {digits(-100 * figure.value, 3)} {name}"
    return f"{told}worse by {_numbers(figure, 100.0, bounds)} {name}"


def _numbers(figure: Figure, factor: float, bounds: Bounds) -> str:
    """The value, and its interval, to two digits of the interval's width; to more where they would else stand on another side of a bound."""
    value = figure.value or 0.0
    if figure.low is None or figure.high is None or figure.low == figure.high == figure.value:
        return digits(value * factor)
    seen = (value, figure.low, figure.high)
    width = (figure.high - figure.low) * factor
    decimals = max(0, 1 - floor(log10(width))) if width > 0 else _FEWEST
    limits = [bound for bound in (bounds.least, bounds.most) if bound is not None]
    while decimals < _MOST and any((round(one * factor, decimals) > bound * factor) != (one > bound) for one in seen for bound in limits):
        decimals += 1
    mid, low, high = (plain(number * factor, decimals) for number in seen)
    return f"{mid} [{low}{' to ' if figure.low < 0 else '–'}{high}]"


def subject(gate: GateSpec, statistic: str | None) -> str:
    """What a gate looks at: `ttft p95`, `quality`, `aspect names-owner`."""
    if gate.aspect is not None:
        return f"aspect {gate.aspect}"
    told = gate.at or statistic
    return f"{gate.metric} {told}" if told in {"p50", "p90", "p95", "p99", "max"} else gate.metric

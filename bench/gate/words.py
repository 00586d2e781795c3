"""A gate and its numbers in words, the same in a report, in a log and in a list of tests."""

from math import floor, log10

from bench.gate.decide import Bounds, Figure
from bench.gate.figures import Found
from bench.records.quantity import digits, plain, scale_in_words
from bench.records.quantity import in_words as amount
from bench.records.spec import GateSpec

POINTS = "points"
_NONE = Bounds(None, None)
_DIGITS = 4  # at most, however narrow the interval is
_MOST = 9  # decimals where a value all but touches a bound


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
    """How much worse it has become, of what to what: `1.21 s → 1.49 s, worse by 23.4 [20.1–26.5] % over 12 prompts`; of a score in points."""
    figure, sides = found.figure, [amount(side, found.sides_unit, 3) for side in found.sides or ()]
    if figure.value is None:
        return "no value"
    over = f" over {found.prompts} prompt{'s' if found.prompts > 1 else ''}" if found.prompts else ""
    if figure.low == figure.high == figure.value == 0:
        return f"{', '.join((*sides[1:], 'unchanged'))}{over}"
    is_better = (figure.value if figure.high is None else figure.high) < 0
    shown = _turned(figure) if is_better else figure
    numbers = _numbers(shown, 100.0, _NONE if is_better else bounds)
    told = f"{' → '.join(sides)}, " if sides else ""
    return f"{told}{'better' if is_better else 'worse'} by {numbers} {'points' if found.is_points else '%'}{over}"


def _turned(figure: Figure) -> Figure:
    value, low, high = (None if one is None else -one for one in (figure.value, figure.high, figure.low))
    return Figure(value, low, high)


def _numbers(figure: Figure, factor: float, bounds: Bounds) -> str:
    """The value, and its interval, to two digits of the interval's width; to more where they would else stand on another side of a bound."""
    value = figure.value or 0.0
    if figure.low is None or figure.high is None or figure.low == figure.high == figure.value:
        return digits(value * factor)
    seen = (value, figure.low, figure.high)
    width = (figure.high - figure.low) * factor
    largest = max(abs(one) for one in seen) * factor
    decimals = max(0, min(1 - floor(log10(width)) if width > 0 else _MOST, _DIGITS - 1 - floor(log10(largest))))
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

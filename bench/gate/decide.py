"""A number with its interval against bounds: pass, fail, or undecided."""

from typing import NamedTuple

from bench.records.gate import GateCause, GateOutcome
from bench.records.spec import OnNoise


class Figure(NamedTuple):
    """What is held against the bounds. Without an interval `low` and `high` are None; of a reading, which has no noise, all three are the same."""

    value: float | None
    low: float | None
    high: float | None
    why_no_interval: str | None = None


class Bounds(NamedTuple):
    """The least and the most that is allowed; a value that is one of them is allowed."""

    least: float | None
    most: float | None

    def hold(self, value: float) -> bool:
        """Whether a value is allowed."""
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)

    def refuse_all(self, low: float, high: float) -> bool:
        """Whether nothing from `low` to `high` is allowed."""
        return (self.least is not None and high < self.least) or (self.most is not None and low > self.most)


class Decision(NamedTuple):
    """What comes out, and why."""

    outcome: GateOutcome
    cause: GateCause


def decide(figure: Figure, bounds: Bounds, on_noise: OnNoise = "undecided") -> Decision:
    """Pass when the whole interval is allowed, fail when none of it is, else undecided, or what `on_noise` makes of it.

    >>> decide(Figure(0.5, 0.4, 0.6), Bounds(None, 0.8)), decide(Figure(0.5, 0.4, 0.9), Bounds(None, 0.8)).outcome
    (Decision(outcome='pass', cause='bound'), 'undecided')
    """
    if figure.value is None:
        return Decision("undecided", "no_value")
    if figure.low is not None and figure.high is not None:
        if bounds.hold(figure.low) and bounds.hold(figure.high):
            return Decision("pass", "bound")
        if bounds.refuse_all(figure.low, figure.high):
            return Decision("fail", "bound")
    cause: GateCause = "too_few" if figure.low is None or figure.high is None else "noise"
    return Decision(_without_proof(figure.value, bounds, on_noise), cause)


def _without_proof(value: float, bounds: Bounds, on_noise: OnNoise) -> GateOutcome:
    if on_noise == "value":
        return "pass" if bounds.hold(value) else "fail"
    return on_noise

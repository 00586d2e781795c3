"""Metrics and cost models of third parties."""

from collections.abc import Sequence
from math import isfinite
from numbers import Real
from typing import Any, Literal

from bench.errors import ExtensionBroke
from bench.extensions.guard import Origin, a, attempt
from bench.protocols import CostModel, Metric
from bench.records.cost import CostBasis, CostEstimate
from bench.records.observation import Observation

MEASURE_S = 10.0  # for one observation
_AGGREGATES = ("quantiles", "mean", "ratio", "share")
_BETTER = ("lower", "higher", "neither")


def metric(origin: Origin, kind: Any) -> Metric:
    """The metric.

    Raises: ExtensionBroke.
    """
    made = attempt(origin, "when it was made", kind, limit_s=MEASURE_S)
    found = attempt(origin, "when it was made", lambda: (made.unit, made.better, made.aggregate, made.measure), limit_s=MEASURE_S)
    unit, better, aggregate, measure = found
    if not isinstance(unit, str) or not unit or len(unit) > 32:
        raise origin.odd("when it was made", unit, "`unit`, a text")
    if better not in _BETTER:
        raise origin.odd("when it was made", better, f"`better`, one of {', '.join(_BETTER)}")
    if aggregate not in _AGGREGATES:
        raise origin.odd("when it was made", aggregate, f"`aggregate`, one of {', '.join(_AGGREGATES)}")
    if not callable(measure):
        raise origin.odd("when it was made", measure, "a method `measure(seen)`")
    return GuardedMetric(origin, measure, (unit, better, aggregate))


class GuardedMetric:
    """A metric whose trouble is that it has no value there. One that hung is not asked again. It is asked trial by trial, never in columns."""

    def __init__(self, origin: Origin, measure: Any, kind: tuple[str, Any, Any]) -> None:
        """Around this method; `kind`: unit, what is better, how values are put together."""
        self._origin, self._measure = origin, measure
        self.unit: str
        self.better: Literal["lower", "higher", "neither"]
        self.aggregate: Literal["quantiles", "mean", "ratio", "share"]
        self.unit, self.better, self.aggregate = kind
        self._is_given_up = False

    def measure(self, seen: Observation) -> float | Sequence[float] | None:
        """The value; None also where it broke."""
        if self._is_given_up:
            return None
        try:
            return attempt(self._origin, "on an answer", lambda: self._value(self._measure(seen)), limit_s=MEASURE_S)  # its numbers are its code, too
        except ExtensionBroke as broke:
            self._is_given_up = broke.is_overdue
            return None

    def _value(self, found: Any) -> float | Sequence[float] | None:
        if found is None:
            return None
        match self.aggregate:
            case "ratio":
                pair = self._numbers(found, "(numerator, denominator)")
                if len(pair) != 2:
                    raise self._origin.odd("on an answer", found, "(numerator, denominator)")
                return pair
            case "share" if not isinstance(found, Real) or float(found) not in {0.0, 1.0}:
                raise self._origin.odd("on an answer", found, "0 or 1")
            case "quantiles" if isinstance(found, Sequence):
                return self._numbers(found, "a number or several")
            case _:
                return self._numbers((found,), "a number")[0]

    def _numbers(self, found: Any, expected: str) -> tuple[float, ...]:
        if not isinstance(found, Sequence) or isinstance(found, str | bytes) or not all(isinstance(each, Real) for each in found):
            raise self._origin.odd("on an answer", found[0] if isinstance(found, tuple) and len(found) == 1 else found, expected)
        values = tuple(float(each) for each in found)
        if not all(isfinite(each) for each in values):
            raise self._origin.odd("on an answer", found, f"{expected}, finite")
        return values


def cost(origin: Origin, kind: Any, settings: Any) -> CostModel:
    """The cost model, made with its settings. ValueError says that they make no sense.

    Raises: ExtensionBroke.
    """
    made = attempt(origin, "when it was made", lambda: kind(settings), passes=(ValueError,), limit_s=MEASURE_S)
    if not callable(getattr(made, "run_cost", None)):
        raise origin.odd("when it was made", made, "an object with `run_cost(basis)`")
    return GuardedCost(origin, made)


class GuardedCost:
    """A cost model whose trouble is an amount that cannot be said, with its reason."""

    def __init__(self, origin: Origin, made: Any) -> None:
        """Around this model."""
        self._origin, self._made = origin, made

    def run_cost(self, basis: CostBasis) -> CostEstimate:
        """The cost of all of it."""
        try:
            found = a(
                self._origin, "on a run", attempt(self._origin, "on a run", lambda: self._made.run_cost(basis), limit_s=MEASURE_S), CostEstimate
            )
            if (found.model_id, found.variant_id, found.per) != (basis.model.id, basis.variant_id, "run"):
                expected = "the cost of the run of the model and variant of its basis"
                raise self._origin.odd("on a run", (found.model_id, found.variant_id, found.per), expected)
            if found.amount is not None and not isfinite(found.amount):
                raise self._origin.odd("on a run", found.amount, "an amount that is a number, or None")
        except ExtensionBroke as broke:
            return CostEstimate(
                model_id=basis.model.id, variant_id=basis.variant_id, cost_model=self._origin.name, per="run", amount=None, currency="",
                basis="declared", formula="", note=broke.message,
            )  # fmt: skip
        return found

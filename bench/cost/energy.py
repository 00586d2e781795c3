"""`energy`: what the electricity costs, by energy sensors where they covered the work, else from the watts the spec declares."""

from collections.abc import Mapping
from typing import Any

from bench.cost.settings import known, price, shown, watts
from bench.records.cost import CostBasis, CostEstimate
from bench.records.spec import ModelSpec

JOULES_PER_KWH = 3_600_000  # 1 kWh = 1000 W × 3600 s
_EXAMPLE = "cost: {model: energy, idle_watts: 8, busy_watts: 25, price_per_kwh: 0.30 EUR}"

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "busy_watts": {"type": "number", "minimum": 0, "description": "Power of the whole machine while it answers. Unit: W."},
        "idle_watts": {"type": "number", "minimum": 0, "description": "Power of the whole machine while it waits. Unit: W; 0 if not given."},
        "price_per_kwh": {"type": "string", "description": "Price of one kilowatt hour, for example `0.30 EUR`."},
    },
    "required": ["busy_watts", "price_per_kwh"],
    "additionalProperties": False,
}


class Energy:
    """Energy, as counted by sensors or as declared; cost = energy × price. The result says which.

    Declared energy = busy watts × busy seconds + idle watts × the other seconds of the window. Busy is the time with at least one request in flight;
    the window runs from the first send to the last answer. Unit: J for energy, converted at 3,600,000 J/kWh.
    """

    def __init__(self, settings: Any) -> None:
        """Read the settings. Raises: ValueError when they make no sense."""
        options = known(settings, ("busy_watts", "idle_watts", "price_per_kwh"), _EXAMPLE)
        self._busy_w = watts(options, "busy_watts", None, _EXAMPLE)
        self._idle_w = watts(options, "idle_watts", 0.0, _EXAMPLE)
        self._price = price(options, "price_per_kwh", _EXAMPLE)

    def run_cost(self, basis: CostBasis) -> CostEstimate:
        """The cost of the window's energy: all that was used in it, at rest or not."""
        if basis.energy_j is not None:
            return self._measured(basis, basis.energy_j)
        busy_s = basis.busy_s
        idle_s = max(0.0, basis.wall_s - busy_s)
        energy_j = self._busy_w * busy_s + self._idle_w * idle_s
        formula = (
            f"({shown(self._busy_w)} W × {shown(busy_s)} s busy + {shown(self._idle_w)} W × {shown(idle_s)} s idle) "
            f"÷ {JOULES_PER_KWH} J/kWh × {shown(self._price.amount)} {self._price.currency}/kWh"
        )
        return CostEstimate(
            model_id=basis.model.id,
            variant_id=basis.variant_id,
            cost_model="energy",
            per="run",
            amount=energy_j / JOULES_PER_KWH * self._price.amount,
            currency=self._price.currency,
            basis="declared",
            formula=formula,
            note="watts as declared in the spec, not measured",
        )

    def _measured(self, basis: CostBasis, energy_j: float) -> CostEstimate:
        return CostEstimate(
            model_id=basis.model.id,
            variant_id=basis.variant_id,
            cost_model="energy",
            per="run",
            amount=energy_j / JOULES_PER_KWH * self._price.amount,
            currency=self._price.currency,
            basis="measured",
            formula=f"{shown(energy_j)} J ÷ {JOULES_PER_KWH} J/kWh × {shown(self._price.amount)} {self._price.currency}/kWh",
            note=f"by {', '.join(basis.energy_sources)}; the power supply's loss and what has no sensor is not in it",
        )


def declared_watts(settings: Mapping[str, Any]) -> tuple[float, float] | None:
    """Watts at rest and at work as declared, from settings that are valid; None where they are not declared. Unit: W."""
    if "busy_watts" not in settings:
        return None
    return watts(settings, "idle_watts", 0.0, _EXAMPLE), watts(settings, "busy_watts", None, _EXAMPLE)


_MODEL = ModelSpec(id="m", runtime="llama.cpp")
EXAMPLES = (
    # (25 W × 120 s + 8 W × 30 s) = 3240 J = 0.0009 kWh; × 0.30 EUR = 0.00027 EUR
    (
        {"busy_watts": 25, "idle_watts": 8, "price_per_kwh": "0.30 EUR"},
        CostBasis(model=_MODEL, variant_id="default", requests=30, wall_s=150.0, busy_s=120.0, prompt_tokens=9000, completion_tokens=3000),
        0.00027,
        "EUR",
    ),
    # 1000 W for one hour is 1 kWh
    (
        {"busy_watts": 1000, "price_per_kwh": "0.25 USD"},
        CostBasis(model=_MODEL, variant_id="default", requests=1, wall_s=3600.0, busy_s=3600.0, prompt_tokens=1, completion_tokens=1),
        0.25,
        "USD",
    ),
    # half a kilowatt hour by a sensor, whatever was declared
    (
        {"busy_watts": 1000, "price_per_kwh": "0.30 EUR"},
        CostBasis(
            model=_MODEL,
            variant_id="default",
            requests=9,
            wall_s=60.0,
            busy_s=60.0,
            prompt_tokens=1,
            completion_tokens=1,
            energy_j=1_800_000.0,
            energy_sources=("rapl package-0",),
        ),
        0.15,
        "EUR",
    ),
)

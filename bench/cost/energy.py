"""`energy`: what the electricity costs, from the watts the spec declares."""

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
    """Energy = busy watts × busy seconds + idle watts × the other seconds of the window; cost = energy × price.

    The watts are declared, not measured, and the result says so. Busy is the time with at least one request in flight; the window runs from the first
    send to the last answer. Unit: J for energy, converted at 3,600,000 J/kWh.
    """

    def __init__(self, settings: Any) -> None:
        """Read the settings. Raises: ValueError when they make no sense."""
        options = known(settings, ("busy_watts", "idle_watts", "price_per_kwh"), _EXAMPLE)
        self._busy_w = watts(options, "busy_watts", None, _EXAMPLE)
        self._idle_w = watts(options, "idle_watts", 0.0, _EXAMPLE)
        self._price = price(options, "price_per_kwh", _EXAMPLE)

    def run_cost(self, basis: CostBasis) -> CostEstimate:
        """The cost of the window's energy."""
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
)

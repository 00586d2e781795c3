"""`hourly`: what a machine rented by the hour costs for the measured window."""

from typing import Any

from bench.cost.settings import known, price, shown
from bench.records.cost import CostBasis, CostEstimate
from bench.records.spec import ModelSpec

SECONDS_PER_HOUR = 3600
_EXAMPLE = "cost: {model: hourly, price_per_hour: 1.20 EUR}"

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"price_per_hour": {"type": "string", "description": "Rent of the machine for one hour, for example `1.20 EUR`."}},
    "required": ["price_per_hour"],
    "additionalProperties": False,
}


class Hourly:
    """Cost = price per hour × the window from the first send to the last answer, charged by the second. Loading and download are not in it."""

    def __init__(self, settings: Any) -> None:
        """Read the settings. Raises: ValueError when they make no sense."""
        self._price = price(known(settings, ("price_per_hour",), _EXAMPLE), "price_per_hour", _EXAMPLE)

    def run_cost(self, basis: CostBasis) -> CostEstimate:
        """The rent of the window."""
        return CostEstimate(
            model_id=basis.model.id,
            variant_id=basis.variant_id,
            cost_model="hourly",
            per="run",
            amount=basis.wall_s / SECONDS_PER_HOUR * self._price.amount,
            currency=self._price.currency,
            basis="declared",
            formula=f"{shown(basis.wall_s)} s ÷ {SECONDS_PER_HOUR} s/h × {shown(self._price.amount)} {self._price.currency}/h",
            note="the measured window only; loading the model is not in it",
        )


EXAMPLES = (
    # 150 s of a machine at 1.20 EUR per hour: 150 ÷ 3600 × 1.20 = 0.05 EUR
    (
        {"price_per_hour": "1.20 EUR"},
        CostBasis(
            model=ModelSpec(id="m", runtime="command"),
            variant_id="default",
            requests=30,
            wall_s=150.0,
            busy_s=120.0,
            prompt_tokens=9000,
            completion_tokens=3000,
        ),
        0.05,
        "EUR",
    ),
)

"""A cost model: `cost: {model: per_word, settings: {price: 0.001, currency: EUR}}`."""

from typing import Any

from bench.records.cost import CostBasis, CostEstimate


class PerWord:
    """A price for each token that was written."""

    def __init__(self, settings: Any) -> None:
        """Take the settings as they are written. Raises: ValueError when they make no sense."""
        price = settings.get("price")
        if not isinstance(price, int | float) or price < 0:
            raise ValueError(f"`price` is what one word costs, found {price!r}")
        self._price, self._currency = float(price), str(settings.get("currency", "EUR"))

    def run_cost(self, basis: CostBasis) -> CostEstimate:
        """The cost of all of it, with its formula."""
        return CostEstimate(
            model_id=basis.model.id,
            variant_id=basis.variant_id,
            cost_model="per_word",
            per="run",
            amount=basis.completion_tokens * self._price,
            currency=self._currency,
            basis="declared",
            formula=f"{basis.completion_tokens} words × {self._price:g} {self._currency}",
        )

"""Length of the answer."""

from bench.protocols import Array, Columns, Metric
from bench.records.observation import Observation
from bench.records.sketch import observation


class CompletionTokens(Metric):
    """Tokens of one answer, reasoning included, as `usage` counts them.

    Unit: tokens. Neither more nor fewer is better; speeds are read beside it. None when the request failed or nobody counted.
    Source: measurement.md §2.
    """

    unit, better, aggregate = "tokens", "neither", "mean"

    def measure(self, seen: Observation) -> float | None:
        """Tokens."""
        return seen.completion.usage.completion_tokens if seen.completion else None

    def measure_all(self, seen: Columns) -> Array:
        """Tokens."""
        return seen.completion_tokens


EXAMPLES = (
    (observation(completion_tokens=120, prompt_tokens=900), 120),
    (observation(completion_tokens=None), None),
    (observation(failure="timeout"), None),
)

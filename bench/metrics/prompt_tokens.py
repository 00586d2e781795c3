"""Length of the prompt."""

from bench.protocols import Array, Columns, Metric
from bench.records.observation import Observation
from bench.records.sketch import observation


class PromptTokens(Metric):
    """Tokens of one prompt with its chat template, cached ones included, as `usage` counts them.

    Unit: tokens. None when the request failed or nobody counted. Source: measurement.md §2.
    """

    unit, better, aggregate = "tokens", "neither", "mean"

    def measure(self, seen: Observation) -> float | None:
        """Tokens."""
        return seen.completion.usage.prompt_tokens if seen.completion else None

    def measure_all(self, seen: Columns) -> Array:
        """Tokens."""
        return seen.prompt_tokens


EXAMPLES = (
    (observation(prompt_tokens=900, cached_tokens=880), 900),
    (observation(prompt_tokens=None), None),
    (observation(failure="timeout"), None),
)

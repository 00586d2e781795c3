"""Decoding speed, as the client sees it."""

from collections.abc import Sequence

from bench.metrics.decode_span import decode_span, decode_spans
from bench.protocols import Array, Columns, Metric
from bench.records.observation import Observation
from bench.records.sketch import observation


class DecodeTokensPerSecond(Metric):
    """(completion tokens − 1) over (last content − first content): the model's speed. A group's value is the ratio of sums.

    Unit: tokens/s. Prompt tokens never count. A token that ends the answer without content is not counted, so that tokens and seconds span the same
    intervals (see `decode_span`). None when the request failed, was not streamed, or had fewer than two tokens. Source: measurement.md §2.
    """

    unit, better, aggregate = "tokens/s", "higher", "ratio"

    def measure(self, seen: Observation) -> Sequence[float] | None:
        """(token intervals, seconds)."""
        return decode_span(seen)

    def measure_all(self, seen: Columns) -> tuple[Array, Array]:
        """Token intervals and seconds."""
        return decode_spans(seen)


EXAMPLES = (
    (observation(token_s=(1.0, 1.5, 2.0), completion_tokens=3, prompt_tokens=500), (2, 1.0)),
    (observation(token_s=(1.0, 1.5, 2.0), completion_tokens=4, finish_reason="stop"), (2, 1.0)),
    (observation(token_s=(1.0, 1.5, 2.0), completion_tokens=9, reasoning_tokens=6), (2, 1.0)),
    (observation(token_s=(1.0, 1.0), completion_tokens=2), None),
    (observation(first_token_s=None), None),
    (observation(failure="timeout"), None),
)

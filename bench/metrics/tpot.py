"""Time per output token."""

from bench.metrics.decode_span import decode_span, decode_spans
from bench.protocols import Array, Columns, Metric
from bench.records.observation import Observation
from bench.records.sketch import observation


class TimePerOutputToken(Metric):
    """(last content − first content) / (completion tokens − 1) of one answer.

    Unit: seconds. A token that ends the answer without content is not counted (see `decode_span`). None when the request failed, was not streamed,
    or had fewer than two tokens. Source: measurement.md §2.
    """

    unit, better, aggregate = "s", "lower", "quantiles"

    def measure(self, seen: Observation) -> float | None:
        """Seconds per token."""
        span = decode_span(seen)
        return None if span is None else span[1] / span[0]

    def measure_all(self, seen: Columns) -> Array:
        """Seconds per token."""
        intervals, spans_s = decode_spans(seen)
        return spans_s / intervals


EXAMPLES = (
    (observation(token_s=(1.0, 1.5, 2.0), completion_tokens=3), 0.5),
    (observation(token_s=(1.0, 2.0), completion_tokens=5), 0.25),
    (observation(token_s=(1.0, 1.5, 2.0), completion_tokens=4, finish_reason="stop"), 0.5),
    (observation(token_s=(1.0,), completion_tokens=1), None),
    (observation(completion_tokens=None), None),
    (observation(failure="timeout"), None),
)

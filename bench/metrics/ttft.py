"""Time to first token."""

from bench.protocols import Array, Columns, Metric
from bench.records.observation import Observation
from bench.records.sketch import observation


class TimeToFirstToken(Metric):
    """Wait from the *scheduled* start to the first chunk with non-empty content or reasoning.

    Unit: seconds. None when the request failed (counted as failed) or was not streamed (counted as not applicable).
    Source: measurement.md §2; counting from the schedule avoids coordinated omission. In a closed loop the schedule is the send.
    """

    unit, better, aggregate = "s", "lower", "quantiles"

    def measure(self, seen: Observation) -> float | None:
        """Seconds."""
        timing = seen.sample.timing
        if seen.completion is None or timing.first_token_s is None:
            return None
        return timing.first_token_s - timing.scheduled_s

    def measure_all(self, seen: Columns) -> Array:
        """Seconds."""
        return seen.first_token_s - seen.scheduled_s


EXAMPLES = (
    (observation(scheduled_s=2.0, first_token_s=2.25), 0.25),
    (observation(scheduled_s=2.0, sent_s=2.5, first_token_s=2.75), 0.75),
    (observation(first_token_s=None), None),
    (observation(failure="timeout"), None),
)

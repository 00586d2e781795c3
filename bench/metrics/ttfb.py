"""Time to the first byte of the response body."""

from bench.protocols import Array, Columns, Metric
from bench.records.observation import Observation
from bench.records.sketch import observation


class TimeToFirstByte(Metric):
    """Wait from the scheduled start to the first byte of the response body, be it an empty role chunk.

    Unit: seconds. None when the request failed, or the provider does not see bytes (an SDK). Source: measurement.md §2.
    """

    unit, better, aggregate = "s", "lower", "quantiles"

    def measure(self, seen: Observation) -> float | None:
        """Seconds."""
        timing = seen.sample.timing
        if seen.completion is None or timing.first_byte_s is None:
            return None
        return timing.first_byte_s - timing.scheduled_s

    def measure_all(self, seen: Columns) -> Array:
        """Seconds."""
        return seen.first_byte_s - seen.scheduled_s


EXAMPLES = (
    (observation(scheduled_s=2.0, first_byte_s=2.125, first_token_s=2.25), 0.125),
    (observation(first_byte_s=None), None),
    (observation(failure="server", first_byte_s=0.1), None),
)

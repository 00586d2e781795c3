"""End-to-end latency."""

from bench.protocols import Array, Columns, Metric
from bench.records.observation import Observation
from bench.records.sketch import observation


class Latency(Metric):
    """From the scheduled start to the end of the answer.

    Unit: seconds. Of the deciding attempt only: earlier attempts and back-off are never part of it. None when the request failed.
    Source: measurement.md §1.4 and §2.
    """

    unit, better, aggregate = "s", "lower", "quantiles"

    def measure(self, seen: Observation) -> float | None:
        """Seconds."""
        if seen.completion is None:
            return None
        return seen.sample.timing.finished_s - seen.sample.timing.scheduled_s

    def measure_all(self, seen: Columns) -> Array:
        """Seconds."""
        return seen.finished_s - seen.scheduled_s


EXAMPLES = (
    (observation(scheduled_s=1.0, sent_s=1.5, finished_s=3.0), 2.0),
    (observation(first_token_s=None, finished_s=3.0), 3.0),
    (observation(failure="timeout", finished_s=60.0), None),
)

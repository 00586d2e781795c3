"""Time to set up a connection."""

from bench.protocols import Array, Columns, Metric
from bench.records.observation import Observation
from bench.records.sketch import observation


class Connect(Metric):
    """From the name's look-up to a connection that is ready, TLS included, of requests for which one was set up. It is part of no latency.

    Unit: seconds. None when the request failed, or went over a kept connection. Source: measurement.md §1 (rule 5).
    """

    unit, better, aggregate = "s", "lower", "quantiles"

    def measure(self, seen: Observation) -> float | None:
        """Seconds."""
        return None if seen.completion is None else seen.sample.timing.connect_s

    def measure_all(self, seen: Columns) -> Array:
        """Seconds."""
        return seen.connect_s


EXAMPLES = (
    (observation(connect_s=0.012), 0.012),
    (observation(), None),
    (observation(failure="timeout", connect_s=0.012), None),
)

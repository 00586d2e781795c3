"""Share of requests without a usable answer."""

from bench.protocols import Array, Columns, Metric
from bench.records.observation import Observation
from bench.records.sketch import observation


class ErrorRate(Metric):
    """1 for a trial that failed after all its attempts, 0 for one that was answered. Trials that were never tried are missing, not failed.

    Unit: share. Source: measurement.md §2 (counts of failed).
    """

    unit, better, aggregate = "share", "lower", "share"

    def measure(self, seen: Observation) -> float | None:
        """Zero or one."""
        return float(seen.completion is None)

    def measure_all(self, seen: Columns) -> Array:
        """Zero or one."""
        return 1.0 - seen.is_answered


EXAMPLES = (
    (observation(), 0.0),
    (observation(attempts=3), 0.0),
    (observation(failure="timeout"), 1.0),
)

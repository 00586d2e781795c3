"""What a metric reads: one trial with everything known about it."""

import msgspec

from bench.records.exchange import Completion
from bench.records.grade import Grade
from bench.records.plan import Trial
from bench.records.sample import Sample


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """One trial, its deciding sample and its grades. `attempts` counts all tries."""

    trial: Trial
    sample: Sample
    attempts: int = 1
    grades: tuple[Grade, ...] = ()

    @property
    def completion(self) -> Completion | None:
        """The answer, or None when the trial failed."""
        return self.sample.outcome if isinstance(self.sample.outcome, Completion) else None

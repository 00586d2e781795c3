"""Inter-token latency: the real gaps."""

from collections.abc import Sequence

from bench.protocols import Array, Columns, Metric
from bench.records.observation import Observation
from bench.records.sketch import observation


class InterTokenLatency(Metric):
    """Gaps between successive arrivals of content, several per answer.

    Unit: seconds. Chunks of one read share its stamp, so a gap may be zero; a chunk may carry several tokens (see `multi_token_chunks`).
    None when the request failed, fewer than two chunks arrived, or only a summary of them was kept (`record: summary`). Source: measurement.md §2.
    """

    unit, better, aggregate = "s", "lower", "quantiles"

    def measure(self, seen: Observation) -> Sequence[float] | None:
        """Seconds, one per gap."""
        gaps_us = seen.sample.timing.gaps_us
        if seen.completion is None or not gaps_us:
            return None
        return [gap_us / 1e6 for gap_us in gaps_us]

    def measure_all(self, seen: Columns) -> tuple[Array, Array]:
        """Seconds, one per gap, and how many gaps each answer has."""
        return seen.gaps_us / 1e6, seen.n_gaps


EXAMPLES = (
    (observation(token_s=(1.0, 1.25, 1.25, 1.75)), [0.25, 0.0, 0.5]),
    (observation(token_s=(1.0,)), None),
    (observation(first_token_s=None), None),
    (observation(failure="protocol", token_s=(1.0, 2.0)), None),
)

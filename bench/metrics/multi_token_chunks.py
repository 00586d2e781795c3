"""How far chunks stand for tokens."""

from collections.abc import Sequence

import numpy as np

from bench.metrics.decode_span import all_arrived_tokens, arrived_tokens
from bench.protocols import Array, Columns, Metric
from bench.records.observation import Observation
from bench.records.sketch import observation


class MultiTokenChunks(Metric):
    """Share of content chunks that carry more than one token; where it is not near zero, `itl` is the gap between chunks, not tokens.

    Unit: share. A stream does not say which chunk carries how many: tokens beyond one per chunk are taken to lie in different chunks, so the share
    is an upper bound. None when the request failed, was not streamed, or nobody counted tokens. Source: measurement.md §2 (`itl`).
    """

    unit, better, aggregate = "share", "neither", "ratio"

    def measure(self, seen: Observation) -> Sequence[float] | None:
        """(chunks with more than one token, chunks)."""
        chunks = seen.sample.timing.chunks
        tokens = arrived_tokens(seen.completion, chunks) if seen.completion else None
        if tokens is None or not chunks:
            return None
        return min(chunks, max(0, tokens - chunks)), chunks

    def measure_all(self, seen: Columns) -> tuple[Array, Array]:
        """Chunks with more than one token, and chunks."""
        chunks = np.where(seen.chunks > 0, seen.chunks, np.nan)
        more = np.minimum(chunks, np.maximum(0.0, all_arrived_tokens(seen) - chunks))
        return more, np.where(np.isnan(more), np.nan, chunks)


EXAMPLES = (
    (observation(token_s=(1.0, 2.0, 3.0, 4.0), completion_tokens=4), (0, 4)),
    (observation(token_s=(1.0, 2.0, 3.0, 4.0), completion_tokens=5, finish_reason="stop"), (0, 4)),
    (observation(token_s=(1.0, 2.0, 3.0, 4.0), completion_tokens=6), (2, 4)),
    (observation(token_s=(1.0, 2.0), completion_tokens=30), (2, 2)),
    (observation(first_token_s=None), None),
    (observation(completion_tokens=None), None),
    (observation(failure="timeout"), None),
)

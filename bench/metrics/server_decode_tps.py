"""Decoding speed, by the server's own clock."""

from collections.abc import Sequence

import numpy as np

from bench.protocols import Array, Columns, Metric
from bench.records.exchange import ServerTimings
from bench.records.observation import Observation
from bench.records.sketch import observation


class ServerDecodeTokensPerSecond(Metric):
    """(predicted_n − 1) over predicted_ms of llama.cpp's `timings`: what `decode_tps` is checked against.

    Unit: tokens/s. llama.cpp starts the clock when the *first* token is sampled and stops it at the last, which may be the token that ends the
    answer: predicted_ms spans predicted_n − 1 intervals. So do Ollama's `eval_count` and `eval_duration`. None when the request
    failed or the server gives no timings.
    Source: llama.cpp `tools/server/server-context.cpp` (`t_start_generation`, `t_token_generation`, `n_decoded`), read and measured 2026-11-22.
    """

    unit, better, aggregate = "tokens/s", "higher", "ratio"

    def measure(self, seen: Observation) -> Sequence[float] | None:
        """(token intervals, seconds)."""
        timings = seen.completion.server_timings if seen.completion else None
        if timings is None or timings.predicted_n is None or timings.predicted_ms is None:
            return None
        if timings.predicted_n < 2 or not timings.predicted_ms > 0:
            return None
        return timings.predicted_n - 1, timings.predicted_ms / 1000

    def measure_all(self, seen: Columns) -> tuple[Array, Array]:
        """Token intervals and seconds."""
        applies = (seen.predicted_n >= 2) & (seen.predicted_ms > 0)
        return np.where(applies, seen.predicted_n - 1, np.nan), np.where(applies, seen.predicted_ms / 1000, np.nan)


EXAMPLES = (
    (observation(server_timings=ServerTimings(predicted_n=101, predicted_ms=2000.0)), (100, 2.0)),
    (observation(server_timings=ServerTimings(predicted_n=1, predicted_ms=0.001)), None),
    (observation(server_timings=ServerTimings(prompt_n=5, prompt_ms=50.0)), None),
    (observation(), None),
    (observation(failure="server"), None),
)

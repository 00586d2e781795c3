"""Speed of reading the prompt, by the server's own clock."""

from collections.abc import Sequence

import numpy as np

from bench.metrics.prefix import all_uncached_tokens, uncached_tokens
from bench.protocols import Array, Columns, Metric
from bench.records.exchange import ServerTimings
from bench.records.observation import Observation
from bench.records.sketch import observation


class PrefillTokensPerSecond(Metric):
    """Uncached prompt tokens over the server's prompt time, for cold prompts. A group's value is the ratio of sums.

    Unit: tokens/s. None when the request failed, the server gives no prompt time, or at least half of the prompt came from the cache. Where no server
    clock is to be had, see `prefill_tps_ttft`; the two are never mixed. Source: measurement.md §2; llama.cpp's `prompt_n` counts exactly the
    tokens read within `prompt_ms`.
    """

    unit, better, aggregate = "tokens/s", "higher", "ratio"

    def measure(self, seen: Observation) -> Sequence[float] | None:
        """(tokens, seconds)."""
        timings = seen.completion.server_timings if seen.completion else None
        uncached = uncached_tokens(seen)
        if timings is None or timings.prompt_ms is None or not timings.prompt_ms > 0 or uncached is None:
            return None
        return (uncached if timings.prompt_n is None else timings.prompt_n), timings.prompt_ms / 1000

    def measure_all(self, seen: Columns) -> tuple[Array, Array]:
        """Tokens and seconds."""
        uncached = all_uncached_tokens(seen)
        applies = (seen.prompt_ms > 0) & ~np.isnan(uncached)
        tokens = np.where(np.isnan(seen.prompt_n), uncached, seen.prompt_n)
        return np.where(applies, tokens, np.nan), np.where(applies, seen.prompt_ms / 1000, np.nan)


EXAMPLES = (
    (observation(prompt_tokens=400, cached_tokens=30, server_timings=ServerTimings(prompt_n=370, prompt_ms=500.0)), (370, 0.5)),
    (observation(prompt_tokens=400, cached_tokens=None, server_timings=ServerTimings(prompt_n=370, prompt_ms=500.0, cache_n=30)), (370, 0.5)),
    (observation(prompt_tokens=400, cached_tokens=399, server_timings=ServerTimings(prompt_n=1, prompt_ms=15.0)), None),
    (observation(prompt_tokens=400), None),
    (observation(failure="server"), None),
)

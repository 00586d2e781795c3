"""Speed of reading the prompt, bounded by the time to first token."""

from collections.abc import Sequence

import numpy as np

from bench.metrics.prefix import all_uncached_tokens, uncached_tokens
from bench.protocols import Array, Columns, Metric
from bench.records.observation import Observation
from bench.records.sketch import observation


class PrefillTokensPerSecondByTtft(Metric):
    """Uncached prompt tokens over TTFT counted from the send, for cold prompts: a lower bound of the reading speed, from any server.

    Unit: tokens/s. TTFT also holds queueing, the network and the first token. None when the request failed, was not streamed, or at least half of the
    prompt came from the cache, or may have (a server that does not say, unless the cache was bypassed). Source: measurement.md §2.
    """

    unit, better, aggregate = "tokens/s", "higher", "ratio"

    def measure(self, seen: Observation) -> Sequence[float] | None:
        """(tokens, seconds)."""
        timing, uncached = seen.sample.timing, uncached_tokens(seen)
        if uncached is None or timing.first_token_s is None or timing.first_token_s <= timing.sent_s:
            return None
        return uncached, timing.first_token_s - timing.sent_s

    def measure_all(self, seen: Columns) -> tuple[Array, Array]:
        """Tokens and seconds."""
        uncached = all_uncached_tokens(seen)
        applies = (seen.first_token_s > seen.sent_s) & ~np.isnan(uncached)
        return np.where(applies, uncached, np.nan), np.where(applies, seen.first_token_s - seen.sent_s, np.nan)


EXAMPLES = (
    (observation(prompt_tokens=400, cached_tokens=0, sent_s=1.0, first_token_s=1.5), (400, 0.5)),
    (observation(prompt_tokens=400, cached_tokens=200), None),
    (observation(prompt_tokens=400, cached_tokens=None), None),
    (observation(prompt_tokens=400, cached_tokens=None, bypass_cache=True, first_token_s=0.5), (400, 0.5)),
    (observation(first_token_s=None), None),
    (observation(failure="timeout"), None),
)

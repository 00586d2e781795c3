"""How much of a prompt the server read anew."""

import numpy as np

from bench.protocols import Array, Columns
from bench.records.observation import Observation


def uncached_tokens(seen: Observation) -> int | None:
    """Prompt tokens that were read, for a cold prompt; None when the answer failed, nobody counted, or at least half came from the cache.

    A warm prompt leaves the server almost nothing to read, so its time says nothing about reading speed. A silent server's prompts count as read
    whole only where the cache was bypassed.
    """
    if seen.completion is None or seen.completion.usage.prompt_tokens is None or seen.prefix == "warm":
        return None
    if seen.cached_tokens is None:
        return seen.completion.usage.prompt_tokens if seen.trial.request.cache == "bypass" else None
    return seen.completion.usage.prompt_tokens - seen.cached_tokens


def all_uncached_tokens(seen: Columns) -> Array:
    """`uncached_tokens` of many trials."""
    from_cache = np.where(np.isnan(seen.cached_tokens) & seen.bypasses_cache, 0.0, seen.cached_tokens)
    return np.where(seen.is_warm, np.nan, seen.prompt_tokens - from_cache)

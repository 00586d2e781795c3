"""How much of a prompt the server read anew."""

from bench.records.exchange import Completion
from bench.records.observation import Observation


def cached_tokens(completion: Completion) -> int | None:
    """Prompt tokens taken from the server's prefix cache: from `usage`, else from llama.cpp's `timings.cache_n`; None when it does not say."""
    timings = completion.server_timings
    if completion.usage.cached_tokens is not None or timings is None:
        return completion.usage.cached_tokens
    return timings.cache_n


def uncached_tokens(seen: Observation) -> int | None:
    """Prompt tokens that were read, for a cold prompt; None when the answer failed, nobody counted, or at least half came from the cache.

    A warm prompt leaves the server almost nothing to read, so its time says nothing about reading speed. A silent server's prompts count as read
    whole only where the cache was bypassed.
    """
    completion = seen.completion
    if completion is None or completion.usage.prompt_tokens is None:
        return None
    cached = cached_tokens(completion)
    if cached is None:
        if seen.trial.request.cache != "bypass":
            return None
        cached = 0
    prompt = completion.usage.prompt_tokens
    return prompt - cached if cached * 2 < prompt else None

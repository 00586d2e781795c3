"""How many token intervals an answer's arrivals span, and how long they took: the base of `tpot` and `decode_tps`."""

import numpy as np

from bench.protocols import Array, Columns
from bench.records.exchange import Completion
from bench.records.observation import Observation


def arrived_tokens(completion: Completion, chunks: int) -> int | None:
    """Completion tokens whose arrival was seen; None when nobody counted them.

    Servers count the token that ends an answer of its own accord, but send no content for it (llama.cpp: eight tokens, seven chunks and
    `finish_reason: stop`), and some count reasoning tokens that they keep to themselves. Such tokens have no arrival.
    """
    usage = completion.usage
    if usage.completion_tokens is None:
        return None
    tokens = usage.completion_tokens - (0 if completion.reasoning else usage.reasoning_tokens or 0)
    return tokens - (completion.finish_reason == "stop" and chunks < tokens)


def all_arrived_tokens(seen: Columns) -> Array:
    """`arrived_tokens` of many answers."""
    hidden = np.where(seen.has_reasoning | np.isnan(seen.reasoning_tokens), 0.0, seen.reasoning_tokens)
    tokens = seen.completion_tokens - hidden
    return tokens - (seen.is_stopped & (seen.chunks < tokens))


def decode_span(seen: Observation) -> tuple[int, float] | None:
    """(arrived tokens − 1, seconds from the first content to the last).

    None when the request failed, was not streamed, nobody counted tokens, fewer than two arrived, or all arrived at once.
    """
    timing, completion = seen.sample.timing, seen.completion
    if completion is None or timing.first_token_s is None or timing.last_token_s is None:
        return None
    tokens = arrived_tokens(completion, timing.chunks)
    span_s = timing.last_token_s - timing.first_token_s
    if tokens is None or tokens < 2 or span_s <= 0:
        return None
    return tokens - 1, span_s


def decode_spans(seen: Columns) -> tuple[Array, Array]:
    """`decode_span` of many trials: token intervals, and seconds."""
    tokens, spans_s = all_arrived_tokens(seen), seen.last_token_s - seen.first_token_s
    applies = (tokens >= 2) & (spans_s > 0)
    return np.where(applies, tokens - 1, np.nan), np.where(applies, spans_s, np.nan)

"""One call to a model, as it was seen from the client: what came back and when."""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Literal

import msgspec

FailureKind = Literal[
    "unreachable", "timeout", "rate_limit", "authentication", "bad_request", "context_length",
    "out_of_memory", "server", "protocol", "empty", "dropped", "cancelled", "extension",
]  # fmt: skip
"""`dropped`: an arrival that found every place taken for longer than the load allows, and was never sent. `extension`: a third party's code broke."""

Transport = Literal["http", "in-process", "other"]
"""How answers come: over HTTP, from a model inside bench's own process, or otherwise (a third party's provider).

Times of different ones say different things, and are never compared."""


class Usage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Token counts of one answer and who counted them. `cached_tokens`: prompt tokens that the server took from its prefix cache."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    counted_by: Literal["server", "tokenizer", "estimate"] = "server"


class ServerTimings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The server's own clock, where it gives one (llama.cpp `timings`, Ollama's durations). Units: `_n` tokens, `_ms` milliseconds.

    `prompt_n` are the tokens read within `prompt_ms`, without cached ones. `load_ms`: what making the model ready for this very request took.
    """

    prompt_n: int | None = None
    prompt_ms: float | None = None
    predicted_n: int | None = None
    predicted_ms: float | None = None
    cache_n: int | None = None
    load_ms: float | None = None


class Completion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="completion"):
    """A whole answer. `reasoning` is what a reasoning model sent apart from the answer."""

    text: str
    reasoning: str = ""
    finish_reason: str | None = None
    usage: Usage = Usage(counted_by="estimate")
    served_model: str | None = None
    server_timings: ServerTimings | None = None


class Failure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="failure"):
    """No usable answer, and why. `retry_after_s` is the server's wish (Retry-After); secrets never stand in `message`."""

    kind: FailureKind
    message: str
    status: int | None = None
    retry_after_s: float | None = None


class Gaps(msgspec.Struct, frozen=True, kw_only=True):
    """The gaps between the arrivals of one answer, where `record: summary` keeps no more of them. Unit: whole microseconds."""

    p50_us: int
    p95_us: int
    p99_us: int
    max_us: int


class Timing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """When things happened. Unit: seconds on the run's monotonic clock (zero at the start of the worker's session).

    `scheduled_s` equals `sent_s` in a closed loop. `first_byte_s` is the first byte of the response body. `chunks` counts the arrivals of chunks with
    non-empty content or reasoning (several chunks of one read share a stamp), 0 when not streamed; `first_token_s` and `last_token_s` are the first
    and the last of them, and `gaps_us` the whole microseconds from each to the next: the sum of the first k never strays more than half a microsecond
    from the clock. With `record: summary` there is `gaps` in the place of `gaps_us`. `connect_s` is the duration of the connection set-up, None on a
    reused connection; it is never part of `sent_s` … `finished_s`.
    """

    scheduled_s: float
    sent_s: float
    finished_s: float
    first_byte_s: float | None = None
    first_token_s: float | None = None
    last_token_s: float | None = None
    chunks: int = 0
    gaps_us: tuple[int, ...] = ()
    gaps: Gaps | None = None
    connect_s: float | None = None
    stamped_by: Literal["kernel", "process"] = "process"

    @property
    def token_s(self) -> tuple[float, ...]:
        """The arrivals themselves, to the microsecond; empty when not streamed, or when only a summary of them was recorded."""
        if self.first_token_s is None or len(self.gaps_us) + 1 != self.chunks:
            return ()
        first_s = self.first_token_s
        last_s = first_s if self.last_token_s is None else self.last_token_s
        between = [min(first_s + offset_us / 1e6, last_s) for offset_us in accumulate(self.gaps_us)]
        return (first_s, *between[:-1], last_s) if between else (first_s,)


def gaps_of(stamps_s: Sequence[float]) -> tuple[int, ...]:
    """`Timing.gaps_us` of arrivals in seconds.

    >>> gaps_of((1.0, 1.25, 1.25, 1.7500004))
    (250000, 0, 500000)
    """
    if not stamps_s:
        return ()
    first_s = stamps_s[0]
    return tuple([later - earlier for earlier, later in pairwise([round((stamp_s - first_s) * 1e6) for stamp_s in stamps_s])])


def gaps_of_ns(stamps_ns: Sequence[int]) -> tuple[int, ...]:
    """`Timing.gaps_us` of arrivals in whole nanoseconds, in whole numbers throughout.

    >>> gaps_of_ns((7_000_000_400, 7_000_001_000, 7_000_010_700))
    (1, 9)
    """
    if not stamps_ns:
        return ()
    zero_ns = stamps_ns[0] - 500
    return tuple([later - earlier for earlier, later in pairwise([(stamp_ns - zero_ns) // 1000 for stamp_ns in stamps_ns])])


def without_gaps(timing: Timing) -> Timing:
    """The timing as `record: summary` keeps it. Quantiles: the smallest gap that at least this share of them do not exceed."""
    if not timing.gaps_us:
        return timing
    ordered = sorted(timing.gaps_us)
    p50_us, p95_us, p99_us = (ordered[-(-len(ordered) * percent // 100) - 1] for percent in (50, 95, 99))
    gaps = Gaps(p50_us=p50_us, p95_us=p95_us, p99_us=p99_us, max_us=ordered[-1])
    return msgspec.structs.replace(timing, gaps_us=(), gaps=gaps)


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider returns for one request."""

    outcome: Completion | Failure
    timing: Timing

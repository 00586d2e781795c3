"""One call to a model, as it was seen from the client: what came back and when."""

from typing import Literal

import msgspec

FailureKind = Literal[
    "unreachable", "timeout", "rate_limit", "authentication", "bad_request", "context_length",
    "out_of_memory", "server", "protocol", "empty", "cancelled",
]  # fmt: skip


class Usage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Token counts of one answer and who counted them. `cached_tokens`: prompt tokens that the server took from its prefix cache."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    counted_by: Literal["server", "tokenizer", "estimate"] = "server"


class ServerTimings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The server's own clock, where it gives one (llama.cpp `timings`). Units: `_n` tokens, `_ms` milliseconds, as sent."""

    prompt_n: int | None = None
    prompt_ms: float | None = None
    predicted_n: int | None = None
    predicted_ms: float | None = None
    cache_n: int | None = None


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


class Timing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """When things happened. Unit: seconds on the run's monotonic clock (zero at the start of the worker's session).

    `scheduled_s` equals `sent_s` in a closed loop. `first_byte_s` is the first byte of the response body. `token_s` are the arrivals of
    chunks with non-empty content or reasoning (several chunks of one read share a stamp); its first and last are `first_token_s` and
    `last_token_s`; empty when not streamed. `connect_s` is the duration of the connection set-up, None on a reused connection; it is
    never part of `sent_s` … `finished_s`.
    """

    scheduled_s: float
    sent_s: float
    finished_s: float
    first_byte_s: float | None = None
    first_token_s: float | None = None
    last_token_s: float | None = None
    token_s: tuple[float, ...] = ()
    connect_s: float | None = None
    stamped_by: Literal["kernel", "process"] = "process"


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider returns for one request."""

    outcome: Completion | Failure
    timing: Timing

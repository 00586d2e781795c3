"""How the mock server answers one request: its timing, its text and its faults, set for all requests or by a tag in the prompt."""

import re
from typing import Any

import msgspec

FAULTS = (
    "429", "500", "503", "400", "401", "context", "memory", "hang", "hang-mid", "disconnect", "disconnect-mid", "rst", "refuse", "garbage", "badjson",
    "empty-choices", "empty-delta", "no-usage", "usage-every", "slow-headers", "no-done", "error-event", "split", "comment", "crlf", "no-chunked",
    "cut", "length", "gzip", "reasoning", "message", "not-streamed",
)  # fmt: skip
_TAG = re.compile(r"\[\[([a-z_]+=[\w.-]+(?: [a-z_]+=[\w.-]+)*)\]\]")
_WORDS = ("the", "minutes", "name", "every", "decision", "and", "who", "does", "what", "until", "when", "–", "naïve", "日本")


class Behaviour(msgspec.Struct, frozen=True, kw_only=True):
    """Content chunk k (from 0) is sent `ttft_ms + k · itl_ms` after the request has come. A tag `[[ttft_ms=5 n=8 fault=429]]` in a prompt overrides.

    `fault_first` n: only the first n requests of the server meet the fault; 0: all do. `role_at_once` sends the empty role chunk at once.
    `text` is the first chunk's content in place of the usual words. `slots`: so many answers at a time, the other requests wait (0: no limit).
    `stall_at` k: when the k-th request comes, the server begins nothing new for `stall_ms`.
    Fault `refuse`: once asked for its models, it listens no longer.
    """

    ttft_ms: float = 0.0
    itl_ms: float = 0.0
    n: int = 8
    fault: str = "none"
    fault_first: int = 0
    retry_after: str = "1"
    slow_ms: float = 200.0
    role_at_once: bool = False
    chunks_per_write: int = 1
    timings: bool = False
    model: str = "mock"
    text: str | None = None
    slots: int = 0
    stall_at: int = 0
    stall_ms: float = 1000.0

    def adjusted(self, body: dict[str, Any]) -> "Behaviour":
        """This behaviour with the tags of a request's messages."""
        found = _TAG.findall(" ".join(str(message.get("content")) for message in body.get("messages", ()) if isinstance(message, dict)))
        settings = dict(pair.split("=", 1) for tag in found for pair in tag.split(" "))
        return msgspec.convert({**msgspec.to_builtins(self), **settings}, Behaviour, strict=False)


def words(n: int) -> list[str]:
    """The n pieces of the text that this server always answers."""
    return [f"{_WORDS[k % len(_WORDS)]} " for k in range(n)]


def error_answer(fault: str) -> tuple[str, dict[str, Any]] | None:
    """Status line and body of the faults that are HTTP errors."""
    answers = {
        "429": ("429 Too Many Requests", "Rate limit reached for requests", "rate_limit_error"),
        "500": ("500 Internal Server Error", "something broke", "server_error"),
        "503": ("503 Service Unavailable", "overloaded", "server_error"),
        "400": ("400 Bad Request", "'temperature' must be a number", "invalid_request_error"),
        "401": ("401 Unauthorized", "Incorrect API key provided", "authentication_error"),
        "context": ("400 Bad Request", "the request exceeds the available context size (2048 tokens)", "exceed_context_size_error"),
        "memory": ("500 Internal Server Error", "CUDA out of memory. Tried to allocate 2.00 GiB", "server_error"),
    }
    if fault not in answers:
        return None
    status, message, kind = answers[fault]
    return status, {"error": {"message": message, "type": kind, "code": int(status[:3])}}


def usage(behaviour: Behaviour, n: int) -> dict[str, Any]:
    """The usage object, and llama.cpp's timings where they are asked for."""
    found: dict[str, Any] = {"usage": {"prompt_tokens": 11, "completion_tokens": n, "total_tokens": 11 + n}}
    if behaviour.timings:
        found["usage"]["prompt_tokens_details"] = {"cached_tokens": 4}
        found["timings"] = {"prompt_n": 7, "prompt_ms": behaviour.ttft_ms, "predicted_n": n, "predicted_ms": behaviour.itl_ms * n, "cache_n": 4}
    return found


def chunk(behaviour: Behaviour, delta: dict[str, Any], finish_reason: str | None = None, **more: Any) -> bytes:
    """One event's JSON."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    if behaviour.fault == "message":
        choice["message"] = delta
    choices = [] if behaviour.fault == "empty-choices" else [choice]
    return msgspec.json.encode({"id": "mock", "object": "chat.completion.chunk", "model": behaviour.model, "choices": choices, **more})


def content_deltas(behaviour: Behaviour) -> list[dict[str, Any]]:
    """The deltas that carry the answer."""
    pieces = words(behaviour.n) if behaviour.text is None else [behaviour.text, *[" "] * (behaviour.n - 1)]
    if behaviour.fault == "empty-delta":
        return [{"content": ""} for _ in pieces]
    if behaviour.fault == "reasoning":
        half = len(pieces) // 2
        return [{"reasoning_content" if k < half else "content": piece} for k, piece in enumerate(pieces)]
    return [{"content": piece} for piece in pieces]


def closing_chunks(behaviour: Behaviour, *, wants_usage: bool) -> list[bytes]:
    """What follows the content: finish reason, usage, `[DONE]`."""
    chunks = [chunk(behaviour, {}, "stop")]
    if wants_usage and behaviour.fault != "no-usage":
        chunks.append(msgspec.json.encode({"id": "mock", "model": behaviour.model, "choices": [], **usage(behaviour, behaviour.n)}))
    if behaviour.fault != "no-done":
        chunks.append(b"[DONE]")
    return chunks


def whole_answer(behaviour: Behaviour) -> bytes:
    """The answer to a request that does not stream."""
    text = "".join(delta.get("content", "") for delta in content_deltas(behaviour))
    reasoning = "".join(delta.get("reasoning_content", "") for delta in content_deltas(behaviour))
    message = {"role": "assistant", "content": text, **({"reasoning_content": reasoning} if reasoning else {})}
    choices = [] if behaviour.fault == "empty-choices" else [{"index": 0, "message": message, "finish_reason": "stop"}]
    counts = {} if behaviour.fault == "no-usage" else usage(behaviour, behaviour.n)
    data = msgspec.json.encode({"id": "mock", "object": "chat.completion", "model": behaviour.model, "choices": choices, **counts})
    return data[: len(data) // 2] if behaviour.fault == "badjson" else data

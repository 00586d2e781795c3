"""A captured chat answer to an `Exchange`: one pass over the events when the answer is complete."""

from bisect import bisect_left
from typing import Any

import msgspec

from bench.providers.failures import clean, from_error_object, from_status
from bench.providers.wire.http1 import FramingError
from bench.providers.wire.received import Body, Received
from bench.providers.wire.sse import events
from bench.records.exchange import Completion, Exchange, Failure, FailureKind, ServerTimings, Timing, Usage


class _Text(msgspec.Struct, gc=False):
    content: str | list[Any] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None


class _Choice(msgspec.Struct, gc=False):
    index: int = 0
    delta: _Text | None = None
    message: _Text | None = None
    finish_reason: str | None = None


class _Details(msgspec.Struct, gc=False):
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None


class _Usage(msgspec.Struct, gc=False):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None


class _Chunk(msgspec.Struct, gc=False):
    """One event of a stream, or a whole answer. Fields that nothing reads are skipped by the decoder."""

    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    timings: ServerTimings | None = None
    model: str | None = None
    error: Any = None


_CHUNK = msgspec.json.Decoder(_Chunk)
_CHUNKS = msgspec.json.Decoder(list[_Chunk])
_KINDS: dict[str, FailureKind] = {
    "timeout": "timeout", "closed": "protocol", "framing": "protocol", "too_large": "protocol",
    "unreachable": "unreachable", "refused": "unreachable",
}  # fmt: skip


class _Reading:
    """What the chunks of one answer add up to."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self.reasoning: list[str] = []
        self.arrivals_ns: list[int] = []
        self.finish_reason: str | None = None
        self.usage: _Usage | None = None
        self.timings: ServerTimings | None = None
        self.model: str | None = None
        self.error: Any = None

    def add(self, chunk: _Chunk, arrival_ns: int) -> None:
        if chunk.error is not None and self.error is None:
            self.error = chunk.error
        if chunk.usage is not None:
            self.usage = chunk.usage
        if chunk.timings is not None:
            self.timings = chunk.timings
        if chunk.model and self.model is None:
            self.model = chunk.model
        for choice in chunk.choices or ():
            if choice.index == 0:
                self._add_choice(choice, arrival_ns)

    def _add_choice(self, choice: _Choice, arrival_ns: int) -> None:
        if choice.finish_reason:
            self.finish_reason = choice.finish_reason
        said = choice.delta
        if said is None:
            # A `message` beside deltas repeats them, whole: it counts only where there are none.
            said = None if self.text or self.reasoning else choice.message
        if said is None:
            return
        content = said.content if isinstance(said.content, str) else _joined(said.content)
        reasoning = said.reasoning_content or said.reasoning or ""
        if content:
            self.text.append(content)
        if reasoning:
            self.reasoning.append(reasoning)
        if content or reasoning:
            self.arrivals_ns.append(arrival_ns)


def _joined(parts: list[Any] | None) -> str:
    """The text of content that comes as a list of parts."""
    texts = (part.get("text") for part in parts or () if isinstance(part, dict))
    return "".join(text for text in texts if isinstance(text, str))


def read_answer(received: Received, *, zero_ns: int, scheduled_s: float | None, credential: str | None) -> Exchange:
    """The outcome and its timing, in seconds since `zero_ns`."""
    try:
        body = received.body()
    except FramingError as error:
        received.end, received.detail = "framing", str(error)
        body = Body(data=b"", ends=[], stamps_ns=[])
    reading = _Reading()
    is_stream = _is_stream(received, body)
    head = received.head
    outcome: Completion | Failure
    if head is not None and head.status != 200 and received.end == "complete":
        outcome = from_status(head.status, head.headers, body.data, credential)
    else:
        problem = _read(body, reading, is_stream=is_stream)
        outcome = _outcome(received, reading, problem, credential, is_stream=is_stream)
    arrivals_ns = reading.arrivals_ns if is_stream else []
    timing = _timing(received, body.first_byte_ns(), arrivals_ns, zero_ns=zero_ns, scheduled_s=scheduled_s)
    return Exchange(outcome=outcome, timing=timing)


def _is_stream(received: Received, body: Body) -> bool:
    kind = received.head.headers.get("content-type", "") if received.head else ""
    return "text/event-stream" in kind.lower() or body.data.lstrip()[:1] != b"{"


def _read(body: Body, reading: _Reading, *, is_stream: bool) -> str | None:
    """Read all chunks; what made that impossible, in words."""
    if not is_stream:
        try:
            reading.add(_CHUNK.decode(body.data), 0)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return f"the answer is no chat completion: {error}"
        return None
    found = [(data, end) for data, end in events(body.data) if data != b"[DONE]"]
    datas = [data for data, _ in found]
    try:
        chunks = _CHUNKS.decode(b"[" + b",".join(datas) + b"]")
        problem = None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        chunks, problem = _one_by_one(datas)
    if problem is None and len(chunks) != len(datas):  # an event that holds two values
        chunks, problem = _one_by_one(datas)
    last = len(body.ends) - 1
    for chunk, (_, end) in zip(chunks, found, strict=False):
        reading.add(chunk, body.stamps_ns[min(bisect_left(body.ends, end), last)])
    return problem


def _one_by_one(datas: list[bytes]) -> tuple[list[_Chunk], str | None]:
    """The chunks up to the first that cannot be read, and what is wrong with that one."""
    chunks = []
    for n, data in enumerate(datas, start=1):
        try:
            chunks.append(_CHUNK.decode(data))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return chunks, f"event {n} of the stream is no chat completion chunk: {error}"
    return chunks, None


def _outcome(received: Received, reading: _Reading, problem: str | None, credential: str | None, *, is_stream: bool) -> Completion | Failure:
    head = received.head
    status = head.status if head else None
    if reading.error is not None:
        return from_error_object(reading.error, credential)
    if received.end != "complete":
        return Failure(kind=_KINDS[received.end], message=clean(received.detail, credential), status=status)
    if problem is not None:
        return Failure(kind="protocol", message=clean(problem, credential), status=status)
    if is_stream and head is not None and head.ends_with_connection and reading.finish_reason is None and not _said_done(received):
        return Failure(kind="protocol", message="the connection ended before a finish reason or [DONE]: the answer is cut off", status=status)
    if not reading.text and not reading.reasoning:
        reason = f" (finish reason {clean(reading.finish_reason, credential)!r})" if reading.finish_reason else ""
        return Failure(kind="empty", message=f"the server answered without any text{reason}", status=status)
    return Completion(
        text="".join(reading.text), reasoning="".join(reading.reasoning), finish_reason=reading.finish_reason,
        usage=_usage(reading, is_stream=is_stream),
        served_model=reading.model, server_timings=reading.timings,
    )  # fmt: skip


def _said_done(received: Received) -> bool:
    return received.raw.rstrip().endswith(b"[DONE]")


def _usage(reading: _Reading, *, is_stream: bool) -> Usage:
    """The server's counts; without them an estimate: a streamed answer has at least one token per chunk, other texts one per four characters."""
    usage, timings = reading.usage, reading.timings
    cached = timings.cache_n if timings else None
    if usage is None or usage.completion_tokens is None:
        if timings is not None and timings.predicted_n is not None:
            read = timings.prompt_n + (cached or 0) if timings.prompt_n is not None else None
            return Usage(prompt_tokens=read, completion_tokens=timings.predicted_n, cached_tokens=cached, counted_by="server")
        letters = sum(map(len, reading.text)) + sum(map(len, reading.reasoning))
        estimate = len(reading.arrivals_ns) if is_stream else (letters + 3) // 4
        return Usage(prompt_tokens=usage.prompt_tokens if usage else None, completion_tokens=estimate, cached_tokens=cached, counted_by="estimate")
    prompt, completion = usage.prompt_tokens_details, usage.completion_tokens_details
    if prompt is not None and prompt.cached_tokens is not None:
        cached = prompt.cached_tokens
    return Usage(
        prompt_tokens=usage.prompt_tokens, completion_tokens=usage.completion_tokens, cached_tokens=cached,
        reasoning_tokens=completion.reasoning_tokens if completion else None, counted_by="server",
    )  # fmt: skip


def _timing(received: Received, first_byte_ns: int | None, arrivals_ns: list[int], *, zero_ns: int, scheduled_s: float | None) -> Timing:
    def seconds(stamp_ns: int) -> float:
        return (stamp_ns - zero_ns) * 1e-9

    tokens = tuple([seconds(stamp) for stamp in arrivals_ns])
    sent = seconds(received.sent_ns)
    return Timing(
        scheduled_s=sent if scheduled_s is None else scheduled_s,
        sent_s=sent,
        finished_s=seconds(received.finished_ns),
        first_byte_s=None if first_byte_ns is None else seconds(first_byte_ns),
        first_token_s=tokens[0] if tokens else None,
        last_token_s=tokens[-1] if tokens else None,
        token_s=tokens,
        connect_s=None if received.connect_ns is None else received.connect_ns * 1e-9,
        stamped_by=received.stamped_by,
    )

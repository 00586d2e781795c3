"""A captured answer of Ollama's own chat API to an `Exchange`: one pass over its lines when it is complete."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from bench.providers.chat_answer import KINDS, timing_of
from bench.providers.chat_chunks import Reading
from bench.providers.failures import clean, from_status
from bench.providers.ollama_lines import Line, add_lines
from bench.providers.wire.http1 import FramingError, Head
from bench.providers.wire.lines import lines, one_line_per_chunk
from bench.providers.wire.received import Body, Received
from bench.records.exchange import Completion, Exchange, Failure

_LINE = msgspec.json.Decoder(Line)
_LINES = msgspec.json.Decoder(list[Line])
_UNREADABLE = (msgspec.DecodeError, ValueError, RecursionError)


class _Read(NamedTuple):
    """What the lines of an answer add up to: whether the last one is among them, what made reading them impossible, and how many they are."""

    reading: Reading
    is_done: bool
    problem: str | None
    n: int


def read_lines(received: Received, *, zero_ns: int, scheduled_s: float | None, credential: str | None, is_streamed: bool) -> Exchange:
    """The outcome and its timing, in seconds since `zero_ns`. `is_streamed`: whether a stream was asked for."""
    head = received.head
    is_usual = is_streamed and received.end == "complete" and head is not None and head.status == 200 and head.is_chunked
    usual = one_line_per_chunk(received.raw, received.body_start) if is_usual else None
    if usual is None:
        return _read_unusual(received, zero_ns=zero_ns, scheduled_s=scheduled_s, credential=credential, is_streamed=is_streamed)
    found, ends = usual
    read = _read(found, ends)
    first_byte_ns = received.stamp_behind(ends[0] - len(found[0]) - 1)
    outcome = _outcome(received, read, credential, is_stream=True)
    arrivals = received.arrivals_of(read.reading.marks)
    return Exchange(outcome=outcome, timing=timing_of(received, first_byte_ns, arrivals, zero_ns=zero_ns, scheduled_s=scheduled_s))


def _read_unusual(received: Received, *, zero_ns: int, scheduled_s: float | None, credential: str | None, is_streamed: bool) -> Exchange:
    """The same for any framing, and for what is no stream."""
    try:
        body = received.body()
    except FramingError as error:
        received.end, received.detail = "framing", str(error)
        body = Body(data=b"", ends=[], stamps_ns=[])
    head, arrivals = received.head, None
    outcome: Completion | Failure
    if head is not None and head.status != 200 and received.end == "complete":
        outcome = from_status(head.status, head.headers, body.data, credential)
    else:
        read = _read_body(body, is_streamed=is_streamed)
        is_stream = is_streamed and (read.n > 1 or _says_lines(head))
        outcome = _outcome(received, read, credential, is_stream=is_stream)
        arrivals = body.arrivals_of(read.reading.marks) if is_stream else None
    return Exchange(outcome=outcome, timing=timing_of(received, body.first_byte_ns(), arrivals, zero_ns=zero_ns, scheduled_s=scheduled_s))


def _says_lines(head: Head | None) -> bool:
    return head is not None and "ndjson" in head.headers.get("content-type", "").lower()


def _read_body(body: Body, *, is_streamed: bool) -> _Read:
    if not is_streamed:
        return _read([body.data], [len(body.data)]) if body.data.strip() else _Read(Reading(), False, None, 0)
    try:
        every = lines(body.data)
    except FramingError as error:
        return _Read(Reading(), False, str(error), 0)
    return _read([line for line, _ in every], [end for _, end in every])


def _read(found: Sequence[bytes], ends: Sequence[int]) -> _Read:
    try:
        decoded, problem = _LINES.decode(b"[" + b",".join(found) + b"]"), None
    except _UNREADABLE:
        decoded, problem = _one_by_one(found)
    if problem is None and len(decoded) != len(found):  # a line that holds two values
        decoded, problem = _one_by_one(found)
    reading = Reading()
    return _Read(reading, add_lines(reading, decoded, ends), problem, len(found))


def _one_by_one(found: Sequence[bytes]) -> tuple[list[Line], str | None]:
    """The lines up to the first that cannot be read, and what is wrong with that one."""
    read = []
    for n, line in enumerate(found, start=1):
        try:
            read.append(_LINE.decode(line))
        except _UNREADABLE as error:
            return read, f"line {n} of the answer is none of Ollama's chat API: {error}; it begins with {line[:60]!r}"
    return read, None


def _outcome(received: Received, read: _Read, credential: str | None, *, is_stream: bool) -> Completion | Failure:
    status = received.head.status if received.head else None
    if read.reading.error is None:
        if received.end != "complete":
            return Failure(kind=KINDS[received.end], message=clean(received.detail, credential), status=status)
        if read.problem is not None:
            return Failure(kind="protocol", message=clean(read.problem, credential), status=status)
        if not read.is_done:
            return Failure(kind="protocol", message="the answer ended before its last line (`done`): it is cut off", status=status)
    return read.reading.outcome(credential, status=status, is_stream=is_stream)

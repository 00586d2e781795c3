"""A captured chat answer to an `Exchange`: one pass over the events when the answer is complete."""

from collections.abc import Sequence

import msgspec

from bench.providers.chat_chunks import Chunk, Reading
from bench.providers.chat_envelope import DONE, read_in_runs
from bench.providers.failures import clean, from_status
from bench.providers.odd_chunks import read_odd
from bench.providers.wire.http1 import FramingError, Head
from bench.providers.wire.received import Arrivals, Body, Received
from bench.providers.wire.sse import events, one_event_per_chunk
from bench.records.exchange import Completion, Exchange, Failure, FailureKind, Timing

_CHUNK = msgspec.json.Decoder(Chunk)
_CHUNKS = msgspec.json.Decoder(list[Chunk])
_UNREADABLE = (msgspec.DecodeError, ValueError, RecursionError)
_FIELDS = (b":", b"data", b"event", b"id", b"retry")
KINDS: dict[str, FailureKind] = {
    "timeout": "timeout", "closed": "protocol", "framing": "protocol", "too_large": "protocol",
    "unreachable": "unreachable", "refused": "unreachable",
}  # fmt: skip


def read_answer(received: Received, *, zero_ns: int, scheduled_s: float | None, credential: str | None) -> Exchange:
    """The outcome and its timing, in seconds since `zero_ns`."""
    head = received.head
    is_good = received.end == "complete" and head is not None and head.status == 200
    if is_good and head is not None and (reading := _read_plain(received, head)) is not None:
        begins = received.body_start
        outcome = _outcome(received, reading, None, credential, is_stream=False)
        timing = timing_of(received, received.stamp_behind(begins), None, zero_ns=zero_ns, scheduled_s=scheduled_s)
        return Exchange(outcome=outcome, timing=timing)
    is_usual = is_good and head is not None and head.is_chunked
    found = read_in_runs(received.raw, received.body_start) if is_usual else None
    problem = None
    if found is not None:
        reading, begins = found.reading, found.begins
    elif is_usual and (usual := one_event_per_chunk(received.raw, received.body_start)) is not None:
        datas, ends = usual
        reading, begins = Reading(), ends[0] - len(datas[0]) - len(b"data: \n\n")
        problem = _read_events(datas, ends, reading)
    else:
        return read_unusual(received, zero_ns=zero_ns, scheduled_s=scheduled_s, credential=credential)
    outcome = _outcome(received, reading, problem, credential, is_stream=True)
    first_byte_ns = received.stamp_behind(begins)
    arrivals = received.arrivals_of(reading.marks)
    return Exchange(outcome=outcome, timing=timing_of(received, first_byte_ns, arrivals, zero_ns=zero_ns, scheduled_s=scheduled_s))


def _read_plain(received: Received, head: Head) -> Reading | None:
    """What a whole answer of known length says; None for what is no JSON object, or an odd one."""
    if head.length is None or head.is_event_stream:
        return None
    body = received.raw[received.body_start : received.body_start + head.length]
    reading = Reading()
    try:
        reading.add(_CHUNK.decode(body), head.length)
    except _UNREADABLE:
        return None
    return reading


def read_unusual(received: Received, *, zero_ns: int, scheduled_s: float | None, credential: str | None) -> Exchange:
    """The same for any framing, and for what is no stream: slower, and exact about everything."""
    try:
        body = received.body()
    except FramingError as error:
        received.end, received.detail = "framing", str(error)
        body = Body(data=b"", ends=[], stamps_ns=[])
    reading = Reading()
    is_stream = _is_stream(received, body)
    head = received.head
    outcome: Completion | Failure
    if head is not None and head.status != 200 and received.end == "complete":
        outcome = from_status(head.status, head.headers, body.data, credential)
    else:
        problem = _read(body, reading, is_stream=is_stream)
        outcome = _outcome(received, reading, problem, credential, is_stream=is_stream)
    arrivals = body.arrivals_of(reading.marks) if is_stream else None
    timing = timing_of(received, body.first_byte_ns(), arrivals, zero_ns=zero_ns, scheduled_s=scheduled_s)
    return Exchange(outcome=outcome, timing=timing)


def _is_stream(received: Received, body: Body) -> bool:
    return (received.head is not None and received.head.is_event_stream) or body.data.lstrip()[:1] != b"{"


def _read(body: Body, reading: Reading, *, is_stream: bool) -> str | None:
    """Read all chunks; what made that impossible, in words."""
    if not is_stream:
        try:
            reading.add(_one(body.data), len(body.data))
        except _UNREADABLE as error:
            return f"the answer is no chat completion: {error}"
        return None
    try:
        every = events(body.data)
    except FramingError as error:
        return str(error)
    if not every and body.data.strip() and not body.data.lstrip(b"\xef\xbb\xbf \r\n").startswith(_FIELDS):
        return f"the answer is neither JSON nor an event stream, it begins with {body.data.strip()[:60]!r}"
    return _read_events([data for data, _ in every], [end for _, end in every], reading)


def _read_events(datas: Sequence[bytes], ends: Sequence[int], reading: Reading) -> str | None:
    """Read the chunks that these events hold; what made that impossible, in words."""
    n_done = datas.count(DONE)
    if n_done == 1 and datas[-1] == DONE:
        datas, ends = datas[:-1], ends[:-1]
    elif n_done:
        kept = [(data, end) for data, end in zip(datas, ends, strict=True) if data != DONE]
        datas, ends = [data for data, _ in kept], [end for _, end in kept]
    try:
        chunks = _CHUNKS.decode(b"[" + b",".join(datas) + b"]")
        problem = None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        chunks, problem = _one_by_one(datas)
    if problem is None and len(chunks) != len(datas):  # an event that holds two values
        chunks, problem = _one_by_one(datas)
    reading.add_all(chunks, ends)
    return problem


def _one_by_one(datas: Sequence[bytes]) -> tuple[list[Chunk], str | None]:
    """The chunks up to the first that cannot be read, and what is wrong with that one."""
    chunks = []
    for n, data in enumerate(datas, start=1):
        try:
            chunks.append(_one(data))
        except _UNREADABLE as error:
            return chunks, f"event {n} of the stream is no chat completion chunk: {error}"
    return chunks, None


def _one(data: bytes) -> Chunk:
    """One chunk, also an odd one. Raises: one of `_UNREADABLE`, about the chunk as it came."""
    try:
        return _CHUNK.decode(data)
    except _UNREADABLE as error:
        try:
            return read_odd(data)
        except _UNREADABLE:
            raise error from None


def _outcome(received: Received, reading: Reading, problem: str | None, credential: str | None, *, is_stream: bool) -> Completion | Failure:
    head = received.head
    status = head.status if head else None
    if reading.error is not None:
        return reading.outcome(credential, status=status, is_stream=is_stream)
    if received.end != "complete":
        return Failure(kind=KINDS[received.end], message=clean(received.detail, credential), status=status)
    if problem is not None:
        return Failure(kind="protocol", message=clean(problem, credential), status=status)
    if is_stream and head is not None and head.ends_with_connection and reading.finish_reason is None and not _said_done(received):
        return Failure(kind="protocol", message="the connection ended before a finish reason or [DONE]: the answer is cut off", status=status)
    return reading.outcome(credential, status=status, is_stream=is_stream)


def _said_done(received: Received) -> bool:
    return received.raw.rstrip().endswith(b"[DONE]")


def timing_of(received: Received, first_byte_ns: int | None, arrivals: Arrivals | None, *, zero_ns: int, scheduled_s: float | None) -> Timing:
    """The timing of an answer whose body and texts arrived so."""
    sent_s = (received.sent_ns - zero_ns) * 1e-9
    return Timing(
        scheduled_s=sent_s if scheduled_s is None else scheduled_s,
        sent_s=sent_s,
        finished_s=(received.finished_ns - zero_ns) * 1e-9,
        first_byte_s=None if first_byte_ns is None else (first_byte_ns - zero_ns) * 1e-9,
        first_token_s=None if arrivals is None else (arrivals.first_ns - zero_ns) * 1e-9,
        last_token_s=None if arrivals is None else (arrivals.last_ns - zero_ns) * 1e-9,
        chunks=0 if arrivals is None else len(arrivals.gaps_us) + 1,
        gaps_us=() if arrivals is None else arrivals.gaps_us,
        connect_s=None if received.connect_ns is None else received.connect_ns * 1e-9,
        stamped_by=received.stamped_by,
    )

"""Reads a streamed answer in runs of chunks that share an envelope: the JSON around a piece of text is decoded once, not once per chunk.

The envelope is taken from a chunk that was decoded exactly, and proven by decoding it around another text: whatever JSON string stands there, the
chunk is read in the same way. What does not fit is left to the exact reader, which says the same, only later.
"""

import re
from typing import Literal

import msgspec

from bench.providers.chat_chunks import Chunk, Reading
from bench.providers.wire import sse
from bench.providers.wire.runs import LAST_CHUNK, one_event, run_of_events

DONE = b"[DONE]"
_CHUNK = msgspec.json.Decoder(Chunk)
_STRINGS = msgspec.json.Decoder(list[str])
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_TEXT = re.compile(rb'"(?:content|reasoning_content|reasoning)"[ \t]*:[ \t]*"((?:[^"\\]|\\.)+)"')
_PROBE = "another text"
_PLAIN = re.compile(rb"[ !#-\[\]-~]*")  # printable ASCII that means itself inside a JSON string
# Beyond these, runs are too short to be worth their search, or the answer too long to search it several times.
_MOST_STEPS, _MOST_MISSES, _MOST_BYTES = 64, 2, 4 * 2**20

Kind = Literal["text", "reasoning"]


class Envelope(msgspec.Struct, frozen=True):
    """The bytes before and behind the text of a chunk that says nothing but this text, as a part of its answer or of its reasoning."""

    prefix: bytes
    suffix: bytes
    kind: Kind


class InRuns(msgspec.Struct, frozen=True):
    """What an answer's chunks add up to, and the raw offset at which its first event begins."""

    reading: Reading
    begins: int


def read_in_runs(raw: bytes, start: int) -> InRuns | None:
    """An answer whose chunked body begins at `start`; None where anything asks for the exact reader."""
    stop = len(raw) - len(LAST_CHUNK)
    if not raw.endswith(LAST_CHUNK) or len(raw) > _MOST_BYTES or (first := one_event(raw, start)) is None:
        return None
    reading = Reading()
    at, misses, n_events = start, 0, 0
    for _ in range(_MOST_STEPS):
        one = one_event(raw, at)
        if one is None:
            return None
        at = one.after
        n_events += 1
        if one.data != DONE:
            try:
                chunk = _CHUNK.decode(one.data)
            except _UNREADABLE:
                return None
            reading.add(chunk, one.end)
            envelope = envelope_of(one.data, chunk)
            if envelope is not None and at < stop:
                n, at = _read_run(raw, at, envelope, reading)
                misses += n == 0
                n_events += n
        if at >= stop or misses > _MOST_MISSES:
            break
    return InRuns(reading, first.end - len(first.data) - len(b"data: \n\n")) if at == stop and n_events <= sse.MOST_EVENTS else None


def _read_run(raw: bytes, at: int, envelope: Envelope, reading: Reading) -> tuple[int, int]:
    """Read the run that begins at this offset; returns how many events it has, and where it ends."""
    run = run_of_events(raw, at, envelope.prefix, envelope.suffix)
    texts = None if run is None else texts_of(run.inner)
    if run is None or texts is None:
        return 0, at
    into = reading.text if envelope.kind == "text" else reading.reasoning
    into += texts
    reading.marks += run.ends if b"" not in run.inner else [end for inner, end in zip(run.inner, run.ends, strict=True) if inner]
    return len(run.inner), run.after


def envelope_of(data: bytes, chunk: Chunk) -> Envelope | None:
    """The envelope of a chunk; None when it says more than a piece of text, or when the text cannot be told from what is around it."""
    kind = _says(chunk)
    if kind is None:
        return None
    for found in _TEXT.finditer(data):
        prefix, suffix = data[: found.start(1)], data[found.end(1) :]
        try:
            other = _CHUNK.decode(prefix + _PROBE.encode() + suffix)
        except _UNREADABLE:
            return None
        if _says(other) == kind and _text(other, kind) == _PROBE and other.model == chunk.model:
            return Envelope(prefix, suffix, kind)
    return None


def _says(chunk: Chunk) -> Kind | None:
    """What kind of text this chunk is a piece of, if that and its model's name are all that `Reading.add` takes from it."""
    choices = chunk.choices
    if choices is None or len(choices) != 1 or chunk.usage is not None or chunk.timings is not None or chunk.error is not None:
        return None
    choice = choices[0]
    delta = choice.delta
    if delta is None or choice.index != 0 or choice.finish_reason or isinstance(delta.content, list):
        return None
    reasons = bool(delta.reasoning_content or delta.reasoning)
    if bool(delta.content) == reasons:
        return None
    return "reasoning" if reasons else "text"


def _text(chunk: Chunk, kind: Kind) -> object:
    delta = chunk.choices[0].delta if chunk.choices else None
    if delta is None:
        return None
    return delta.content if kind == "text" else delta.reasoning_content or delta.reasoning


def texts_of(inner: list[bytes]) -> list[str] | None:
    r"""The texts that the insides of JSON strings stand for, or all of them in one piece; None when one is no inside of a string.

    >>> texts_of([b"plain ", b"text"]), texts_of([b"a \\n", b"line"]), texts_of([b'"']), texts_of([b"\\", b"n"])
    (['plain text'], ['a \n', 'line'], None, None)
    """
    joined = b"".join(inner)
    if _PLAIN.fullmatch(joined):
        return [joined.decode("ascii")]
    if b"\\" in joined or b'"' in joined:  # a quote must be escaped within its own string, and so must be what follows a backslash
        bare = b"\0".join([*inner, b""]).replace(b"\\\\", b"").replace(b'\\"', b"")
        if b'"' in bare or b"\\\0" in bare:
            return None
    try:
        return _STRINGS.decode(b'["' + b'","'.join(inner) + b'"]')
    except _UNREADABLE:
        return None

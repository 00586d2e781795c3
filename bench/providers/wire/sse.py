"""Server-sent events: a body's bytes to the data of its events and where each event ended.

Source: WHATWG HTML, §9.2.6 (interpreting an event stream), read 2026-11-22. An event is complete at its blank line; unlike the standard, a last
event without one is kept, because some servers end that way.
"""

import re
from collections.abc import Sequence
from itertools import accumulate

from bench.providers.wire.http1 import FramingError

_LINE = rb"(?:\r\n|\r(?!\n)|\n)"
_BLANK = re.compile(_LINE + _LINE + b"+")
_LINES = re.compile(_LINE)
MOST_EVENTS = 2**19  # twice the tokens of the longest answers that models give
_BOM = b"\xef\xbb\xbf"
# The usual framing: every chunk of a chunked body is one event of one line. Around size and data there are 12 bytes, 8 of them in the chunk.
_BETWEEN, _BEHIND, _LAST_CHUNK = b"\r\ndata: ", b"\n\n\r\n", b"0\r\n\r\n"
_SIZE = re.compile(rb"[0-9A-Fa-f]{1,8}")


def one_event_per_chunk(raw: bytes, start: int) -> tuple[Sequence[bytes], list[int]] | None:
    """The data of all events of a chunked body that is framed in the usual way, with the offsets in `raw` behind their blank lines.

    None when anything is otherwise. Each piece has its size, its data and the line ends around them; where no size is wrong and there are no more
    line ends than these, nothing else can be hidden in it.
    """
    if not raw.endswith(_BEHIND + _LAST_CHUNK):
        return None
    pieces = raw[start : -len(_BEHIND + _LAST_CHUNK)].split(_BEHIND)
    sizes, betweens, datas = zip(*[piece.partition(_BETWEEN) for piece in pieces], strict=True)
    n = len(pieces)
    if n > MOST_EVENTS or b"" in betweens or raw.count(b"\n", start) != 4 * n + 2 or raw.count(b"\r", start) != 2 * n + 2:
        return None
    lengths = list(map(len, datas))
    for size, length in set(zip(sizes, lengths, strict=True)):
        if _SIZE.fullmatch(size) is None or int(size, 16) != length + 8:
            return None
    behind = list(accumulate([len(piece) + 4 for piece in pieces], initial=start - 2))
    return datas, behind[1:]


def events(body: bytes) -> list[tuple[bytes, int]]:
    """The data of every event that has some, with the offset behind the event's blank line.

    Raises: FramingError when there are too many events.
    """
    if b"\r" in body or body.startswith((_BOM, b"\n")) or b"\n\n\n" in body:
        return _slow(body)
    found = []
    end = 0
    pieces = body.split(b"\n\n", MOST_EVENTS)
    if len(pieces) > MOST_EVENTS:
        raise FramingError(f"the answer has more than {MOST_EVENTS} events")
    for event in pieces:
        end += len(event) + 2
        if event.startswith(b"data: ") and b"\n" not in event:
            found.append((event[6:], min(end, len(body))))
        elif (data := _data(event.split(b"\n"))) is not None:
            found.append((data, min(end, len(body))))
    return found


def _slow(body: bytes) -> list[tuple[bytes, int]]:
    """Any line ends, a byte order mark, extra blank lines."""
    found = []
    start = len(_BOM) if body.startswith(_BOM) else 0
    n_events = 0
    while start < len(body):
        n_events += 1
        if n_events > MOST_EVENTS:
            raise FramingError(f"the answer has more than {MOST_EVENTS} events")
        blank = _BLANK.search(body, start)
        stop, after = (blank.start(), blank.end()) if blank else (len(body), len(body))
        if (data := _data(_LINES.split(body[start:stop]))) is not None:
            found.append((data, _first_blank(body, stop, after)))
        start = after
    return found


def _first_blank(body: bytes, stop: int, after: int) -> int:
    """The offset behind the first blank line of a run of them, so that further blank lines do not delay the event."""
    offset = stop
    for _ in range(2):
        line = _LINES.match(body, offset, after)
        offset = line.end() if line else after
    return offset


def _data(lines: list[bytes]) -> bytes | None:
    """The event's data: its `data` fields joined by line feeds; None when it has none (a comment, a ping)."""
    values = []
    for line in lines:
        if line.startswith(b"data:"):
            value = line[5:]
            values.append(value[1:] if value.startswith(b" ") else value)
        elif line == b"data":
            values.append(b"")
    return b"\n".join(values) if values else None

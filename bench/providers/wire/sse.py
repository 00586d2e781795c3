"""Server-sent events: a body's bytes to the data of its events and where each event ended.

Source: WHATWG HTML, §9.2.6 (interpreting an event stream), read 2026-11-22. An event is complete at its blank line; unlike the standard, a last
event without one is kept, because some servers end that way.
"""

import re

from bench.providers.wire.http1 import FramingError

_LINE = rb"(?:\r\n|\r(?!\n)|\n)"
_BLANK = re.compile(_LINE + _LINE + b"+")
_LINES = re.compile(_LINE)
MOST_EVENTS = 2**19  # twice the tokens of the longest answers that models give
_BOM = b"\xef\xbb\xbf"


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

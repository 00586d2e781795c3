"""Runs of events that differ in one place only: found, checked and taken apart by a few passes over their bytes instead of a step per event.

Most of a streamed answer is the same envelope again and again around a few new bytes. Where every chunk of a chunked body is one event of one line,
and the text before and behind those bytes is known, a run is split and put together again by a few calls.
"""

import re
from itertools import accumulate
from typing import NamedTuple

# A chunk that holds one event of one line. Not more of it is looked at than that line.
_ONE = re.compile(rb"([0-9A-Fa-f]{1,8})\r\ndata: ([^\r\n]*)\n\n\r\n")
LAST_CHUNK = b"0\r\n\r\n"
_BLANK_LINE = len(b"\n\n")


class One(NamedTuple):
    """An event by itself: its data, the raw offset behind its blank line, and where the next chunk begins."""

    data: bytes
    end: int
    after: int


class Run(NamedTuple):
    """What stands inside the envelope of each event of a run, the raw offsets behind the events' blank lines, and where the next chunk begins."""

    inner: list[bytes]
    ends: list[int]
    after: int


def one_event(raw: bytes, at: int) -> One | None:
    """The event of the chunk that begins at this offset; None when it is framed otherwise."""
    found = _ONE.match(raw, at)
    if found is None:
        return None
    size, data = found.groups()
    after = found.end()
    return One(data, after - 2, after) if int(size, 16) == len(data) + len(b"data: ") + _BLANK_LINE else None


def run_of_events(raw: bytes, at: int, prefix: bytes, suffix: bytes) -> Run | None:
    """The chunks from this offset on up to the last one whose data is `prefix … suffix`, if each between them is such an event; None otherwise.

    The insides are cut out as if all were well; then the run is put together again from them, and must be the very bytes that came. The suffix holds
    no line end; what stands inside holds none either, and all else about it is for the caller to judge.
    """
    opens, closes = b"\ndata: " + prefix, suffix + b"\n\n"
    lines = raw[at:].split(b"\r")[1::2]
    n = len(lines)
    while n and not (lines[n - 1].startswith(opens) and lines[n - 1].endswith(closes)):
        n -= 1
    begin, stop, least = len(opens), -len(closes), len(opens) + len(closes)
    inner = [line[begin:stop] for line in lines[:n]]
    lengths = list(map(len, inner))
    before_of = {length: b"%x\r%b" % (length + least - 1, opens) for length in set(lengths)}
    behind = closes + b"\r\n"
    parts = [behind] * (3 * n)
    parts[::3] = map(before_of.__getitem__, lengths)
    parts[1::3] = inner
    if not n or not raw.startswith(b"".join(parts), at):
        return None
    chunk_of = {length: len(before) + length + len(behind) for length, before in before_of.items()}
    ends = list(accumulate(map(chunk_of.__getitem__, lengths), initial=at - 2))
    return Run(inner, ends[1:], ends[-1] + 2)

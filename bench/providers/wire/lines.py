"""Lines of JSON (NDJSON): a body's bytes to its lines and where each ended.

A line is complete with its line feed; a last one without is kept, since the body's end ends it, too.
"""

from collections.abc import Sequence
from itertools import accumulate

from bench.providers.wire.http1 import FramingError
from bench.providers.wire.sse import MOST_EVENTS

# The usual framing: every chunk of a chunked body is one line. Around size and line there are 5 bytes, one of them in the chunk.
_BETWEEN, _BEHIND, _LAST_CHUNK = b"\r\n", b"\n\r\n", b"0\r\n\r\n"
_HEX = frozenset(b"0123456789abcdefABCDEF")


def one_line_per_chunk(raw: bytes, start: int) -> tuple[Sequence[bytes], list[int]] | None:
    """The lines of a chunked body that is framed in the usual way, with the offsets in `raw` behind their line feeds.

    None when anything is otherwise. Where no size is wrong and there are no more line ends than these, nothing else can be hidden in it.
    """
    if not raw.endswith(_BEHIND + _LAST_CHUNK):
        return None
    pieces = raw[start : -len(_BEHIND + _LAST_CHUNK)].split(_BEHIND)
    n = len(pieces)
    if n > MOST_EVENTS or raw.count(b"\n", start) != 3 * n + 2 or raw.count(b"\r", start) != 2 * n + 2:
        return None
    sizes, _, found = zip(*[piece.partition(_BETWEEN) for piece in pieces], strict=True)
    for size, length in set(zip(sizes, map(len, found), strict=True)):
        if not 0 < len(size) <= 8 or not _HEX.issuperset(size) or not length or int(size, 16) != length + 1:
            return None
    behind = list(accumulate([len(piece) + 3 for piece in pieces], initial=start - 2))
    return found, behind[1:]


def lines(body: bytes) -> list[tuple[bytes, int]]:
    """Every line with something in it, with the offset behind its line feed.

    Raises: FramingError when there are too many.
    """
    pieces = body.split(b"\n", MOST_EVENTS)
    if len(pieces) > MOST_EVENTS:
        raise FramingError(f"the answer has more than {MOST_EVENTS} lines")
    ends = accumulate(len(piece) + 1 for piece in pieces)
    return [(line, min(end, len(body))) for piece, end in zip(pieces, ends, strict=True) if (line := piece.strip())]

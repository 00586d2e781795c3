"""HTTP/1.1 framing: heads, and the end of bodies that are chunked, of known length, or ended by closing."""

import functools
import re
from bisect import bisect_right

import msgspec

HEAD_LIMIT_BYTES = 64 * 1024
_CHUNK_LINE_LIMIT_BYTES = 4096
MOST_CHUNKS = 2**19  # twice the tokens of the longest answers that models give
_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?")


class FramingError(Exception):
    """What came is no HTTP/1.1 answer that can be read. The message says what was wrong."""


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """Status and headers of a response. `length` None: not told; then the body is chunked or ends with the connection."""

    status: int
    headers: dict[str, str]
    is_chunked: bool
    length: int | None
    keeps_alive: bool
    is_event_stream: bool

    @property
    def ends_with_connection(self) -> bool:
        """Whether only the end of the connection ends the body."""
        return not self.is_chunked and self.length is None


def not_http1(start: bytes) -> str:
    """What an answer is that does not begin as HTTP/1.1 does; an HTTP/2 server begins with a SETTINGS frame on stream 0."""
    if len(start) >= 9 and start[3] == 4 and start[5:9] == bytes(4):
        return "the server speaks HTTP/2 only, and this client HTTP/1.1: put a server or proxy before it that speaks HTTP/1.1"
    return f"expected an HTTP/1.1 status line, found {start!r}"


@functools.lru_cache(maxsize=256)  # a server's heads are alike but for their date
def parse_head(data: bytes) -> Head:
    """The head from its bytes, without the blank line. Do not change its headers: the record is shared.

    Raises: FramingError when it is none, or announces a body that this client does not read (compressed, unknown transfer coding).
    """
    first, *lines = data.decode("latin-1").replace("\r\n", "\n").split("\n")
    version, _, rest = first.partition(" ")
    status = rest[:3]
    if version not in {"HTTP/1.1", "HTTP/1.0"} or not (status.isascii() and status.isdigit()):
        raise FramingError(f"expected an HTTP/1.1 status line, found {first[:80]!r}")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise FramingError(f"expected `name: value` in the response's head, found {line[:80]!r}")
        key = name.lower()
        headers[key] = f"{headers[key]}, {value.strip()}" if key in headers else value.strip()
    coding = headers.get("content-encoding", "identity").lower()
    if coding not in {"identity", ""}:
        raise FramingError(f"the body is compressed ({coding[:40]}) although `Accept-Encoding: identity` was asked for; its bytes cannot be timed")
    transfer = headers.get("transfer-encoding", "").lower()
    if transfer not in {"", "identity", "chunked"}:
        raise FramingError(f"transfer coding {transfer[:40]!r} is not `chunked`")
    connection = headers.get("connection", "").lower()
    keeps = "close" not in connection and (version == "HTTP/1.1" or "keep-alive" in connection)
    chunked = transfer == "chunked"
    length = _length(int(status), headers, is_chunked=chunked)
    streams = "text/event-stream" in headers.get("content-type", "").lower()
    return Head(status=int(status), headers=headers, is_chunked=chunked, length=length, keeps_alive=keeps, is_event_stream=streams)


def _length(status: int, headers: dict[str, str], *, is_chunked: bool) -> int | None:
    if status in {204, 304}:
        return 0
    if is_chunked or "content-length" not in headers:
        return None
    values = {value.strip() for value in headers["content-length"].split(",")}
    value = values.pop()
    if values or not (value.isascii() and value.isdigit() and len(value) < 19):
        raise FramingError(f"Content-Length {headers['content-length'][:40]!r} is no length")
    return int(value)


class ChunkWalker:
    """Finds the end of a chunked body, and where its data lies. Fed with the raw bytes in order; linear in their number.

    `pieces` are the (start, end) of the data in the fed bytes; `end` is the offset behind the last byte of the body, once it is known.
    """

    def __init__(self, start: int) -> None:
        """Begin at this offset of the raw bytes."""
        self.pieces: list[tuple[int, int]] = []
        self.end: int | None = None
        self._next = start  # where the next size line begins
        self._in_trailer = False

    def walk(self, raw: bytes | bytearray) -> bool:
        """Go as far as the bytes reach (all that came so far, from the first one on). True when the body is complete.

        Raises: FramingError when the framing is broken.
        """
        while self.end is None:
            line_end = raw.find(b"\r\n", self._next)
            if line_end < 0:
                if len(raw) - self._next > _CHUNK_LINE_LIMIT_BYTES:
                    raise FramingError("a chunk's size line is longer than 4096 bytes")
                return False
            if self._in_trailer:
                if line_end == self._next:
                    self.end = line_end + 2
                self._next = line_end + 2
            elif not self._chunk(raw, line_end):
                return False
        return True

    def _chunk(self, raw: bytes | bytearray, line_end: int) -> bool:
        size = _CHUNK_SIZE.fullmatch(raw, self._next, line_end)
        if size is None:
            raise FramingError(f"expected a chunk's size, found {bytes(raw[self._next : line_end])[:40]!r}")
        n = int(size.group(1), 16)
        start = line_end + 2
        if n == 0:
            self._in_trailer = True
            self._next = start
            return True
        if len(raw) < start + n + 2:
            return False
        if raw[start + n : start + n + 2] != b"\r\n":
            raise FramingError("a chunk does not end where its size says")
        if len(self.pieces) >= MOST_CHUNKS:
            raise FramingError(f"the answer has more than {MOST_CHUNKS} chunks")
        self.pieces.append((start, start + n))
        self._next = start + n + 2
        return True

    def rest(self, raw_length: int, raw: bytes | bytearray) -> tuple[int, int] | None:
        """The data of a chunk that was cut off, for reading what there is of a broken answer."""
        line_end = raw.find(b"\r\n", self._next)
        if self.end is not None or self._in_trailer or line_end < 0 or line_end + 2 >= raw_length:
            return None
        return line_end + 2, raw_length


def body_ends(pieces: list[tuple[int, int]], read_ends: list[int]) -> list[int]:
    """For each read, given by the raw offset behind it, how many bytes of the body had come with it and those before."""
    starts = [start for start, _ in pieces]
    before = [0]
    for start, end in pieces:
        before.append(before[-1] + end - start)
    found = []
    for read_end in read_ends:
        index = bisect_right(starts, read_end) - 1
        if index < 0:
            found.append(0)
        else:
            start, end = pieces[index]
            found.append(before[index] + min(read_end, end) - start)
    return found

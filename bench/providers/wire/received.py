"""What came back for one request: bytes, when each read arrived, and how it ended."""

from typing import Literal

import msgspec

from bench.providers.wire.http1 import ChunkWalker, Head, body_ends

# `complete`: the body's framing says that it is all there. All others are ends of another kind; `Received.detail` has the words.
End = Literal["complete", "timeout", "closed", "framing", "too_large", "unreachable", "refused"]


class Received(msgspec.Struct, kw_only=True):
    """One answer as captured. Times are readings of `perf_counter_ns`.

    `read_ends[i]` is the offset in `raw` behind the bytes that arrived at `stamps_ns[i]`. `connect_ns` is a duration, None on a reused connection.
    """

    sent_ns: int
    finished_ns: int
    end: End
    detail: str = ""
    connect_ns: int | None = None
    raw: bytes = b""
    read_ends: list[int] = msgspec.field(default_factory=list)
    stamps_ns: list[int] = msgspec.field(default_factory=list)
    stamped_by: Literal["kernel", "process"] = "process"
    head: Head | None = None
    body_start: int = 0

    def body(self) -> "Body":
        """The body without its framing; of a broken answer, as much as came."""
        start = self.body_start
        if self.head is None:
            return Body(data=b"", ends=[], stamps_ns=[])
        if self.head.is_chunked:
            walker = ChunkWalker(start)
            if self.end != "framing":
                walker.walk(self.raw)
            pieces = walker.pieces
            if self.end != "complete" and (cut := walker.rest(len(self.raw), self.raw)) is not None:
                pieces = [*pieces, cut]
        else:
            stop = len(self.raw) if self.head.length is None else min(len(self.raw), start + self.head.length)
            pieces = [(start, stop)] if stop > start else []
        data = b"".join([self.raw[begin:stop] for begin, stop in pieces])
        return Body(data=data, ends=body_ends(pieces, self.read_ends), stamps_ns=self.stamps_ns)


class Body(msgspec.Struct, kw_only=True):
    """A body's bytes; `ends[i]` is how many of them had arrived at `stamps_ns[i]`."""

    data: bytes
    ends: list[int]
    stamps_ns: list[int]

    def first_byte_ns(self) -> int | None:
        """When the first byte of the body arrived."""
        return next((stamp for end, stamp in zip(self.ends, self.stamps_ns, strict=True) if end > 0), None)

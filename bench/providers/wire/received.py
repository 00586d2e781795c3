"""What came back for one request: bytes, when each read arrived, and how it ended."""

from bisect import bisect_right
from typing import Literal, NamedTuple

import msgspec

from bench.providers.wire.http1 import ChunkWalker, FramingError, Head, body_ends

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

    def arrivals_of(self, ends: list[int]) -> "Arrivals | None":
        """When the bytes before each of these rising raw offsets had arrived; None without any."""
        return _arrivals_of(ends, self.read_ends, self.stamps_ns)

    def stamp_behind(self, offset: int) -> int | None:
        """When the byte at this raw offset arrived."""
        place = bisect_right(self.read_ends, offset)
        return self.stamps_ns[place] if place < len(self.stamps_ns) else None

    def body(self) -> "Body":
        """The body without its framing; of a broken answer, as much as came.

        Raises: FramingError when a chunked body is framed wrongly.
        """
        start = self.body_start
        if self.head is None:
            return Body(data=b"", ends=[], stamps_ns=[])
        if self.head.is_chunked:
            walker = ChunkWalker(start)
            if self.end != "framing" and not walker.walk(self.raw) and self.end == "complete":
                raise FramingError("what looked like the end of the answer stands inside a chunk")
            pieces = walker.pieces
            if self.end != "complete" and (cut := walker.rest(len(self.raw), self.raw)) is not None:
                pieces = [*pieces, cut]
        else:
            stop = len(self.raw) if self.head.length is None else min(len(self.raw), start + self.head.length)
            if stop > start and self.end == "complete":  # the usual plain answer: nothing stands between its bytes
                return Body(data=self.raw[start:stop], ends=[max(0, min(end, stop) - start) for end in self.read_ends], stamps_ns=self.stamps_ns)
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

    def arrivals_of(self, ends: list[int]) -> "Arrivals | None":
        """When the body's bytes before each of these rising offsets had arrived; None without any."""
        return _arrivals_of(ends, self.ends, self.stamps_ns)


class Arrivals(NamedTuple):
    """The first and the last of some arrivals, and the gaps between them as `Timing.gaps_us` has them."""

    first_ns: int
    last_ns: int
    gaps_us: tuple[int, ...]


def _arrivals_of(ends: list[int], read_ends: list[int], stamps_ns: list[int]) -> Arrivals | None:
    """One step per read, not per offset: what came in one read arrived together. Offsets behind all reads came with the last one."""
    if not ends or not stamps_ns:
        return None
    gaps_us: list[int] = []
    n = zero_ns = last_us = last_ns = 0
    for read_end, stamp_ns in zip(read_ends, stamps_ns, strict=True):
        behind = bisect_right(ends, read_end, n)
        if behind > n:
            if not n:
                zero_ns = stamp_ns - 500  # as `gaps_of_ns` rounds
            last_ns = stamp_ns
            us = (stamp_ns - zero_ns) // 1000
            gaps_us.append(us - last_us)
            last_us = us
            if behind - n > 1:
                gaps_us += [0] * (behind - n - 1)
            n = behind
    if n < len(ends):
        last_ns = stamps_ns[-1]
        zero_ns = zero_ns if n else last_ns - 500
        gaps_us += [(last_ns - zero_ns) // 1000 - last_us, *[0] * (len(ends) - n - 1)]
    return Arrivals(zero_ns + 500, last_ns, tuple(gaps_us[1:]))

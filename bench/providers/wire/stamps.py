"""When bytes arrived: the kernel's receive time where the system gives one, else the time right after the read."""

import socket
import struct
import sys
import time
from collections.abc import Iterable
from operator import sub
from typing import NamedTuple

# <asm-generic/socket.h>: SO_TIMESTAMPNS_OLD; Python has no name for it. On 64-bit Linux it carries a `struct timespec` of two 64-bit integers.
_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("=qq")
ANCILLARY_BYTES = socket.CMSG_SPACE(_TIMESPEC.size) if hasattr(socket, "CMSG_SPACE") else 0
# A stamp further in the past is not believed: a read is never delayed that long by a client that still runs.
_LONGEST_DELAY_NS = 1_000_000_000
# NTP slews the wall clock by at most 500 ppm (adjtimex), so that an offset of this age is wrong by at most 50 µs, and usually by nanoseconds.
_OFFSET_LIFE_NS = 100_000_000
_SLEW, _SLEW_NS = 0.001, 100_000  # a wall clock that moved farther than this against the other was set, not slewed
_NEGLIGIBLE_NS = 1000
_AHEAD_NS = 100_000  # a stamp that lies so little in the future is the offset's own error
_S = 1_000_000_000


class Offset(NamedTuple):
    """What the wall clock is ahead of `perf_counter_ns`, and when that was measured."""

    ahead_ns: int
    measured_ns: int


class KernelClock:
    """Turns the kernel's wall-clock stamps into readings of `perf_counter_ns`, by an offset that is measured again and again."""

    def __init__(self) -> None:
        """Measure the offset for the first time."""
        self.offset = Offset(0, 0)
        self.measure()

    def measure(self) -> None:
        """Take the offset from the narrowest of three bracketed readings."""
        narrowest = None
        ahead_ns = 0
        for _ in range(3):
            before = time.perf_counter_ns()
            wall = time.clock_gettime_ns(time.CLOCK_REALTIME)
            after = time.perf_counter_ns()
            if narrowest is None or after - before < narrowest:
                narrowest = after - before
                ahead_ns = wall - (before + after) // 2
        self.offset = Offset(ahead_ns, time.perf_counter_ns())

    def refresh(self, now_ns: int) -> None:
        """Measure again when the offset is old. Called before a request is sent."""
        if now_ns - self.offset.measured_ns > _OFFSET_LIFE_NS:
            self.measure()

    def arrivals_ns(self, marks: list[bytes], read_ns: list[int], before: Offset) -> tuple[list[int], bool]:
        """The arrivals of an answer's reads, and whether the kernel's stamp gave all of them; the time right after a read stands in for one.

        `marks`: each read's stamp as it came; `before`: the offset when the request was sent. In a long answer the clocks drift apart, so the
        offset is taken again, and what lies between is interpolated.
        """
        if len(marks) == 1:  # a plain answer: nothing lies between
            arrival_ns = self._plausible_ns(marks[0], read_ns[0])
            return ([arrival_ns], True) if arrival_ns is not None else (read_ns, False)
        self.refresh(read_ns[-1])
        drift_ns = self.offset.ahead_ns - before.ahead_ns
        between_ns = self.offset.measured_ns - before.measured_ns
        if abs(drift_ns) > _SLEW_NS + _SLEW * between_ns:
            return read_ns, False
        joined = b"".join(marks)
        if len(joined) == _TIMESPEC.size * len(marks):
            zero_ns = before.ahead_ns
            stamps = [seconds * _S + ns - zero_ns for seconds, ns in _TIMESPEC.iter_unpack(joined)]
            if abs(drift_ns) > _NEGLIGIBLE_NS:
                begin_ns, wall_ns = before.measured_ns, between_ns + drift_ns
                stamps = [begin_ns + (stamp - begin_ns) * between_ns // wall_ns for stamp in stamps]
            waits = list(map(sub, read_ns, stamps))
            if min(waits) >= 0 and max(waits) < _LONGEST_DELAY_NS:
                return stamps, True
        found = [self._plausible_ns(mark, now_ns) for mark, now_ns in zip(marks, read_ns, strict=True)]
        return [now_ns if at_ns is None else at_ns for at_ns, now_ns in zip(found, read_ns, strict=True)], None not in found

    def _plausible_ns(self, mark: bytes, now_ns: int) -> int | None:
        """One arrival, by the offset as it is now; None for a mark that is none, or that cannot be."""
        if len(mark) != _TIMESPEC.size:
            return None
        seconds, ns = _TIMESPEC.unpack(mark)
        stamp: int = seconds * _S + ns - self.offset.ahead_ns
        if stamp > now_ns:  # the offset's own error, or a step of the wall clock
            return now_ns if stamp - now_ns < _AHEAD_NS else None
        return stamp if now_ns - stamp < _LONGEST_DELAY_NS else None

    def arrival_ns(self, ancillary: Iterable[tuple[int, int, bytes]], now_ns: int) -> int | None:
        """The arrival on the scale of `perf_counter_ns`; None when the kernel gave none, or one that cannot be."""
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
                return self._plausible_ns(data, now_ns)
        return None


def ask_for_stamps(sock: socket.socket) -> bool:
    """Whether this socket's reads will carry kernel stamps."""
    if not sys.platform.startswith("linux") or sys.maxsize < 2**63 - 1:
        return False
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    except OSError:
        return False
    return True

"""When bytes arrived: the kernel's receive time where the system gives one, else the time right after the read."""

import socket
import struct
import sys
import time
from collections.abc import Iterable

# <asm-generic/socket.h>: SO_TIMESTAMPNS_OLD; Python has no name for it. On 64-bit Linux it carries a `struct timespec` of two 64-bit integers.
_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("=qq")
ANCILLARY_BYTES = socket.CMSG_SPACE(_TIMESPEC.size) if hasattr(socket, "CMSG_SPACE") else 0
# A stamp further in the past is not believed: a read is never delayed that long by a client that still runs.
_LONGEST_DELAY_NS = 1_000_000_000
# NTP slews the wall clock by at most 500 ppm (adjtimex), so that an offset of this age is wrong by at most 50 µs, and usually by nanoseconds.
_OFFSET_LIFE_NS = 100_000_000


class KernelClock:
    """Turns the kernel's wall-clock stamps into readings of `perf_counter_ns`, by an offset that is measured again and again."""

    def __init__(self) -> None:
        """Measure the offset for the first time."""
        self._offset_ns = 0
        self._measured_ns = 0
        self.measure()

    def measure(self) -> None:
        """Take the offset from the narrowest of three bracketed readings."""
        narrowest = None
        for _ in range(3):
            before = time.perf_counter_ns()
            wall = time.clock_gettime_ns(time.CLOCK_REALTIME)
            after = time.perf_counter_ns()
            if narrowest is None or after - before < narrowest:
                narrowest = after - before
                self._offset_ns = wall - (before + after) // 2
        self._measured_ns = time.perf_counter_ns()

    def refresh(self, now_ns: int) -> None:
        """Measure again when the offset is old. Called before a request is sent."""
        if now_ns - self._measured_ns > _OFFSET_LIFE_NS:
            self.measure()

    def arrival_ns(self, ancillary: Iterable[tuple[int, int, bytes]], now_ns: int) -> int | None:
        """The arrival on the scale of `perf_counter_ns`; None when the kernel gave none, or one that cannot be."""
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(data) == _TIMESPEC.size:
                seconds, nanoseconds = _TIMESPEC.unpack(data)
                stamp: int = seconds * 1_000_000_000 + nanoseconds - self._offset_ns
                if stamp > now_ns:  # the offset's own error, or a step of the wall clock
                    return now_ns if stamp - now_ns < 100_000 else None
                return stamp if now_ns - stamp < _LONGEST_DELAY_NS else None
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

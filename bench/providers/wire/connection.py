"""One connection: sends a request, captures bytes and their arrival, knows when the answer is complete. Parses nothing but the framing.

The read callback is the measured path: one system call, one stamp, two appends, and the cheapest test that can see an answer's end.
"""

import asyncio
import socket
import time
from collections.abc import Callable
from itertools import accumulate
from typing import Literal, Protocol, runtime_checkable

from bench.providers.wire.http1 import HEAD_LIMIT_BYTES, ChunkWalker, FramingError, Head, not_http1, parse_head
from bench.providers.wire.received import End, Received
from bench.providers.wire.stamps import ANCILLARY_BYTES, KernelClock
from bench.providers.wire.tls import TlsLayer

_READ_BYTES = 64 * 1024
BODY_LIMIT_BYTES = 64 * 1024 * 1024  # 64 MiB: far above any answer of a model, far below what would hurt the measuring machine
MOST_READS = 2**20  # each costs memory beside its bytes
_NO_HEAD_YET = -1
# How the usual stream ends. Taken for the end without going through all chunks; what decodes the answer does, and finds out about a server that
# plants this text inside a chunk (which a JSON text cannot hold).
_USUAL_END = b"data: [DONE]\n\n\r\n0\r\n\r\n"
_LOOK_S = 1.0  # how often a waiting exchange is looked at


@runtime_checkable
class WatchingLoop(Protocol):
    """An event loop that calls what reads a socket without a detour through its queue."""

    def watch(self, file: int, read: Callable[[], bool]) -> None:
        """Call `read` whenever there is something to read; it says whether the loop has something to do now."""

    def unwatch(self, file: int) -> None:
        """Do so no more."""


class Connection:
    """A connected socket. At most one request at a time."""

    def __init__(self, sock: socket.socket, kernel: KernelClock | None, tls: TlsLayer | None) -> None:
        """Take over a connected, non-blocking socket. `kernel`: its reads carry kernel stamps."""
        self._sock = sock
        self._kernel = kernel
        self._tls = tls
        self._loop = asyncio.get_running_loop()
        self._unsent = b""
        self._done: asyncio.Future[None] | None = None
        self._is_waiting = False  # for an answer, or for more of one
        self._deadline_ns = 0
        self._timeout_s = 0.0
        self._timer: asyncio.TimerHandle | None = None  # outlives its request: one a second is enough
        self.is_open = True
        self._begin()
        read = self._on_readable if kernel is None or tls is not None else self._on_stamped
        if isinstance(self._loop, WatchingLoop):
            self._loop.watch(sock.fileno(), read)
        else:
            self._loop.add_reader(sock.fileno(), read)

    def _begin(self) -> None:
        self._reads: list[bytes] = []
        self._read_ns: list[int] = []
        self._marks: list[bytes] = []  # the kernel's stamps as they came, one per read
        self._size = 0
        self._size_before = -1  # when the timer looked last
        self._head: Head | None = None
        self._body_start = _NO_HEAD_YET
        self._head_from = 0  # where the head begins: behind the interim responses
        self._raw = bytearray()  # what was joined so far, where the framing had to be looked at
        self._joined = 0
        self._walker: ChunkWalker | None = None
        self._has_usual_end = False
        self._end: End = "complete"
        self._detail = ""
        self._sent_ns = 0

    async def exchange(self, request: bytes, timeout_s: float) -> Received:
        """Send, and wait until the answer is complete or broken. Never raises for what the other side does. Closes itself when it is of no more use.

        Raises: CancelledError, after closing.
        """
        done = self._done = self._loop.create_future()
        self._is_waiting = True
        data = self._tls.encrypt(request) if self._tls else request
        now_ns = time.perf_counter_ns()
        self._timeout_s = timeout_s
        self._deadline_ns = now_ns + round(timeout_s * 1e9)
        if self._timer is None or timeout_s < _LOOK_S:
            self._set_timer(min(timeout_s, _LOOK_S))
        if self._kernel is not None:
            self._kernel.refresh(now_ns)
            self._offset = self._kernel.offset
        try:
            self._sent_ns = time.perf_counter_ns()
            self._send(data)
            await done
        except BaseException:
            self.close()
            raise
        finally:
            self._is_waiting = False
        return self._received()

    def _set_timer(self, in_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(in_s, self._on_timer)

    def _on_timer(self) -> None:
        """End an exchange whose time is over, and one whose end came in one read with bytes that do not belong to it: then nothing more comes."""
        self._timer = None
        if not self._is_waiting:
            return
        left_s = (self._deadline_ns - time.perf_counter_ns()) * 1e-9
        if self._size == self._size_before and self._is_over_already():
            self._finish("complete", "")
        elif left_s <= 1e-6:
            self._finish("timeout", f"no complete answer within {self._timeout_s:g} s")
        else:
            self._size_before = self._size
            self._set_timer(min(left_s, _LOOK_S))

    def _is_over_already(self) -> bool:
        try:
            return self._walker is not None and self._walker.walk(self._join())
        except FramingError as error:
            self._finish("framing", str(error))
            return False

    def _received(self) -> Received:
        reads = self._reads
        if len(reads) == 1:
            raw, ends = reads[0], [len(reads[0])]
        else:
            raw, ends = b"".join(reads), list(accumulate(map(len, reads)))
        stamps, by_kernel = self._read_ns, False
        if self._kernel is not None and stamps:
            stamps, by_kernel = self._kernel.arrivals_ns(self._marks, stamps, self._offset)
        by: Literal["kernel", "process"] = "kernel" if by_kernel else "process"
        is_complete, head = self._end == "complete", self._head
        if not is_complete or head is None or not head.keeps_alive or head.ends_with_connection or self._has_surplus(len(raw)):
            self.close()
        received = Received(
            sent_ns=self._sent_ns, finished_ns=stamps[-1] if is_complete and stamps else time.perf_counter_ns(), end=self._end, detail=self._detail,
            raw=raw, read_ends=ends, stamps_ns=stamps, stamped_by=by, head=head, body_start=max(self._body_start, 0),
        )  # fmt: skip
        self._begin()
        return received

    def _has_surplus(self, size: int) -> bool:
        if self._head is None:
            return True
        if self._has_usual_end:
            return False
        end = self._walker.end if self._walker else self._body_start + (self._head.length or 0)
        return end is None or size > end

    def _send(self, data: bytes) -> None:
        try:
            n = self._sock.send(data)
        except BlockingIOError:
            n = 0
        except OSError as error:
            self._finish("closed", f"the connection broke while sending: {error.strerror or type(error).__name__}")
            return
        if n < len(data):
            self._unsent = data[n:]
            self._loop.add_writer(self._sock.fileno(), self._on_writable)

    def _on_writable(self) -> None:
        data, self._unsent = self._unsent, b""
        self._loop.remove_writer(self._sock.fileno())
        self._send(data)

    def _on_stamped(self) -> bool:
        """Read plain bytes with the kernel's stamp: the usual way, and the shortest. Whether nothing more is waited for."""
        try:
            data, ancillary, _, _ = self._sock.recvmsg(_READ_BYTES, ANCILLARY_BYTES)
        except OSError as error:
            return self._on_error(error)
        self._read_ns.append(time.perf_counter_ns())
        self._marks.append(ancillary[0][2] if ancillary else b"")
        return self._take(data)

    def _on_readable(self) -> bool:
        """Read bytes that come without a stamp, or encrypted. Whether nothing more is waited for."""
        mark = b""
        try:
            if self._kernel is None:
                data = self._sock.recv(_READ_BYTES)
            else:
                data, ancillary, _, _ = self._sock.recvmsg(_READ_BYTES, ANCILLARY_BYTES)
                mark = ancillary[0][2] if ancillary else b""
            now_ns = time.perf_counter_ns()
            if data and self._tls is not None:
                data, is_over = self._tls.decrypt(data)
                self._flush_tls()
                if not data and not is_over:
                    return not self._is_waiting  # what the session itself had to send may have found the connection broken
        except OSError as error:
            return self._on_error(error)
        self._read_ns.append(now_ns)
        self._marks.append(mark)
        return self._take(data)

    def _on_error(self, error: OSError) -> bool:
        if not isinstance(error, BlockingIOError | InterruptedError):
            self._on_eof(f"the connection broke: {error.strerror or type(error).__name__}", is_reset=True)
        return not self._is_waiting

    def _take(self, data: bytes) -> bool:
        """Keep what was read; its stamps are kept already. Whether nothing more is waited for."""
        if not data:
            self._read_ns.pop()
            self._marks.pop()
            self._on_eof("the server closed the connection", is_reset=False)
            return True
        if not self._is_waiting:
            self.close()  # nobody asked: whatever it is, this connection cannot be trusted any more
            return True
        reads = self._reads
        reads.append(data)
        self._size += len(data)
        if (
            self._walker is not None
            and len(data) >= 4
            and not data.endswith(b"\r\n\r\n")
            and self._size <= BODY_LIMIT_BYTES
            and len(reads) < MOST_READS
        ):
            return False  # a chunked body always ends in an empty line (RFC 9112, §7.1)
        self._look(data)
        return not self._is_waiting

    def _flush_tls(self) -> None:
        if self._tls is not None and (answer := self._tls.pending()):
            self._send(answer)

    def _look(self, data: bytes) -> None:
        """Find out whether the answer is complete with this read."""
        try:
            if self._head is None and not self._find_head():
                return
            if self._size > BODY_LIMIT_BYTES:
                self._finish("too_large", f"the answer is larger than {BODY_LIMIT_BYTES} bytes")
            elif len(self._reads) >= MOST_READS:
                self._finish("too_large", f"the answer came in more than {MOST_READS} pieces")
            elif self._is_complete(data):
                self._finish("complete", "")
        except FramingError as error:
            self._finish("framing", str(error))

    def _join(self) -> bytearray:
        for read in self._reads[self._joined :]:
            self._raw += read
        self._joined = len(self._reads)
        return self._raw

    def _find_head(self) -> bool:
        raw = self._join() if len(self._reads) > 1 else self._reads[0]
        while True:
            start = self._head_from
            end = raw.find(b"\r\n\r\n", start)
            if (end if end >= 0 else len(raw)) > HEAD_LIMIT_BYTES:
                raise FramingError(f"the response's head is larger than {HEAD_LIMIT_BYTES} bytes")
            if end < 0:
                if not b"HTTP/1.".startswith(bytes(raw[start : start + 7])):
                    raise FramingError(not_http1(bytes(raw[start : start + 40])))
                if raw.find(b"\n\n", start) >= 0:
                    raise FramingError("the response's head has line ends without CR: expected CRLF")
                return False
            head = parse_head(bytes(raw[start:end]))
            self._head_from = end + 4
            if head.status >= 200 or head.status == 101:
                break
        self._head = head
        self._body_start = self._head_from
        if head.is_chunked:
            self._walker = ChunkWalker(self._body_start)
        return True

    def _is_complete(self, data: bytes) -> bool:
        head = self._head
        if head is None:
            return False
        if self._walker is not None:
            if data.endswith(_USUAL_END):
                self._has_usual_end = True
                return True
            tail = data if len(data) >= 4 else b"".join(self._reads[-4:])
            return tail.endswith(b"\r\n\r\n") and self._walker.walk(self._join())
        return head.length is not None and self._size - self._body_start >= head.length

    def _on_eof(self, detail: str, *, is_reset: bool) -> None:
        head = self._head
        if (head is not None and head.ends_with_connection and not is_reset) or self._is_over_already():
            self._finish("complete", "")
        else:
            where = "before it answered" if not self._size else f"in the middle of its answer, after {self._size} bytes"
            self._finish("closed", f"{detail} {where}")
        self.close()

    def _finish(self, end: End, detail: str) -> None:
        if self._is_waiting and self._done is not None:
            self._is_waiting = False
            self._end, self._detail = end, detail
            if not self._done.done():  # cancelled meanwhile
                self._done.set_result(None)

    def close(self) -> None:
        """Close at once. May be called twice."""
        if self.is_open:
            self.is_open = False
            self._finish("closed", "the connection was closed by the client")
            if self._timer is not None:
                self._timer.cancel()
            if isinstance(self._loop, WatchingLoop):
                self._loop.unwatch(self._sock.fileno())
            else:
                self._loop.remove_reader(self._sock.fileno())
            self._loop.remove_writer(self._sock.fileno())
            self._sock.close()

"""The ground truth of the self-test: a small chat server in a process of its own that notes when it really sent each chunk.

`python -m bench.providers.truth_server --ttft-ms 20 --itl-ms 5 --n 16` prints one JSON line with its base URL and serves on loopback until its
standard input ends, so that it never outlives the process that started it. `GET …/truth` tells what happened.

Each stamp is taken just before its write, on the scale of `time.perf_counter_ns`, which processes of one machine share. When a request came is the
kernel's receive time where there is one: the delay of this server's own reading is no part of it.
"""

import argparse
import contextlib
import heapq
import json
import os
import re
import selectors
import socket
import sys
import threading
import time
from collections.abc import Mapping

from bench.providers.wire.stamps import ANCILLARY_BYTES, KernelClock, ask_for_stamps

_NUMBER = re.compile(rb"self-test (\d+)")
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_STREAMED = re.compile(rb'"stream": ?true')
_READ_BYTES = 64 * 1024
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\n%b\r\n\r\n"


class Plan:
    """When chunks are due, and the bytes of everything: made once, so that sending costs as little as it can."""

    def __init__(self, ttft_ms: float, itl_ms: float, n: int) -> None:
        """Content chunk k is due `ttft_ms + k · itl_ms` after the request."""
        self.due_ns = [round((ttft_ms + k * itl_ms) * 1e6) for k in range(n)]
        self.head = _HEAD % (b"text/event-stream", b"Transfer-Encoding: chunked")
        self.chunk = _framed({"choices": [{"index": 0, "delta": {"content": "truth "}, "finish_reason": None}]})
        usage = {"prompt_tokens": 2, "completion_tokens": n, "total_tokens": n + 2}
        end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": usage}
        self.end = _framed(end) + _chunked(b"data: [DONE]\n\n") + b"0\r\n\r\n"
        message = {"index": 0, "message": {"role": "assistant", "content": "truth " * n}, "finish_reason": "stop"}
        whole = json.dumps({"model": "truth", "choices": [message], "usage": usage}).encode()
        self.whole = _json_answer(whole)


def _chunked(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _framed(event: Mapping[str, object]) -> bytes:
    return _chunked(b"data: " + json.dumps({"model": "truth", **event}).encode() + b"\n\n")


def _json_answer(body: bytes) -> bytes:
    return _HEAD % (b"application/json", b"Content-Length: %d" % len(body)) + body


class _Line:
    """One connection and the request it is answering."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.has_stamps = ask_for_stamps(sock)
        self.raw = b""
        self.number = -1
        self.came_ns = 0
        self.is_streamed = True
        self.sent = 0


class TruthServer:
    """Serves in one thread, one readiness loop and one heap of due writes."""

    def __init__(self, plan: Plan) -> None:
        """Listen on a free port of the loopback."""
        self._plan = plan
        self._clock = KernelClock() if sys.platform.startswith("linux") else None
        self._selector = selectors.DefaultSelector()
        self._due: list[tuple[int, int, _Line]] = []
        self._n_due = 0
        self._truth: dict[int, dict[str, object]] = {}
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self.port = self._listener.getsockname()[1]

    def serve(self) -> None:
        """For ever."""
        while True:
            self._turn()

    def _turn(self) -> None:
        """Wait for what comes next, and do it."""
        wait_s = (self._due[0][0] - time.perf_counter_ns()) * 1e-9 if self._due else None
        for key, _ in self._selector.select(None if wait_s is None else max(0.0, wait_s)):
            if key.fileobj is self._listener:
                self._accept()
            else:
                self._read(key.data)
        while self._due and self._due[0][0] <= time.perf_counter_ns():
            self._write(heapq.heappop(self._due)[2])

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError):  # the client left before it was taken
            sock, _ = self._listener.accept()
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._selector.register(sock, selectors.EVENT_READ, _Line(sock))

    def _read(self, line: _Line) -> None:
        try:
            data, ancillary, _, _ = line.sock.recvmsg(_READ_BYTES, ANCILLARY_BYTES) if line.has_stamps else (line.sock.recv(_READ_BYTES), [], 0, 0)
        except BlockingIOError:
            return
        except OSError:
            data, ancillary = b"", []
        now = time.perf_counter_ns()
        if not data:
            self._selector.unregister(line.sock)
            line.sock.close()
            return
        line.raw += data
        head, blank, body = line.raw.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not blank or len(body) < (int(length[1]) if length else 0):
            return
        line.raw = b""
        if self._clock is not None:
            self._clock.refresh(now)
            now = self._clock.arrival_ns(ancillary, now) or now
        self._begin(line, head, body, now)

    def _begin(self, line: _Line, head: bytes, body: bytes, came_ns: int) -> None:
        found = _NUMBER.search(body)
        if found is None:
            answer = {"truth": self._truth} if b"/truth " in head else {"object": "list", "data": [{"id": "truth", "object": "model"}]}
            line.sock.setblocking(True)
            line.sock.sendall(_json_answer(json.dumps(answer).encode()))
            line.sock.setblocking(False)
            return
        line.number, line.came_ns, line.sent = int(found[1]), came_ns, 0
        line.is_streamed = _STREAMED.search(body) is not None
        self._truth[line.number] = {"came_ns": came_ns, "sends_ns": [], "end_ns": 0}
        if line.is_streamed:
            self._send(line, self._plan.head)
        self._plan_next(line)

    def _plan_next(self, line: _Line) -> None:
        self._n_due += 1  # earlier planned, earlier sent
        due_ns = self._plan.due_ns[line.sent if line.is_streamed else -1]
        heapq.heappush(self._due, (line.came_ns + due_ns, self._n_due, line))

    def _write(self, line: _Line) -> None:
        """Send the next chunk, or the whole answer: stamp first, then write."""
        truth = self._truth[line.number]
        sends = truth["sends_ns"]
        data = self._plan.chunk if line.is_streamed else self._plan.whole
        if isinstance(sends, list):
            sends.append(time.perf_counter_ns())
        self._send(line, data)
        line.sent += 1
        if line.is_streamed and line.sent < len(self._plan.due_ns):
            self._plan_next(line)
            return
        if line.is_streamed:
            truth["end_ns"] = time.perf_counter_ns()
            self._send(line, self._plan.end)
        elif isinstance(sends, list):
            truth["end_ns"] = sends[-1]

    @staticmethod
    def _send(line: _Line, data: bytes) -> None:
        """An answer fits into the socket's buffer; a client that does not read, or that has left, loses it."""
        with contextlib.suppress(OSError):
            line.sock.send(data)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.providers.truth_server", description="The self-test's ground truth.")
    parser.add_argument("--ttft-ms", type=float, default=20.0)
    parser.add_argument("--itl-ms", type=float, default=5.0)
    parser.add_argument("--n", type=int, default=16)
    return parser.parse_args()


def main() -> None:
    """Serve until standard input ends."""
    asked = _arguments()
    server = TruthServer(Plan(asked.ttft_ms, asked.itl_ms, asked.n))
    sys.stdout.write(json.dumps({"base_url": f"http://127.0.0.1:{server.port}/v1"}) + "\n")
    sys.stdout.flush()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with contextlib.suppress(KeyboardInterrupt):
        server.serve()


def _end_with_parent() -> None:
    """Wait for the end of standard input: the parent has closed it, or is gone."""
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main()

"""A server that sends whatever bytes a test wants: plain sockets, a thread for each connection.

with raw_server(lambda send, request, n: send(b"HTTP/1.1 200 OK\r\n…")) as base_url:
"""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

MODELS = b'{"data":[{"id":"m"}]}'


def plain(body: bytes, *headers: str, status: str = "200 OK", kind: str = "application/json") -> bytes:
    """A whole answer of known length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def chunk(data: bytes, extension: bytes = b"") -> bytes:
    """One chunk of a chunked body; the empty one ends it."""
    return b"%x%b\r\n%b\r\n" % (len(data), extension, data)


STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def event(content: str = "x") -> bytes:
    """One event of a chat stream."""
    return b'data: {"choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n' % content.encode()


@contextlib.contextmanager
def raw_server(say: Callable[[Callable[[bytes], None], bytes, int], object], *, models: bytes = plain(MODELS)) -> Iterator[str]:
    """The base URL of a server that calls `say(send, request, n)` for the n-th chat request of a connection (from 0).

    `say` returns True to keep the connection, anything else to close it. It stops, by an OSError in `send`, when the client has gone. A GET is
    answered with `models`.
    """
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(20)
            n = 0
            while request := _request(connection):
                if request.startswith(b"GET"):
                    connection.sendall(models)
                    return
                if say(connection.sendall, request, n) is not True:
                    return
                n += 1

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join(5)


def _request(connection: socket.socket) -> bytes:
    """One whole request; empty when the client has closed."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(line.partition(b":")[2]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        more = connection.recv(65536)
        if not more:
            return b""
        body += more
    return head + b"\r\n\r\n" + body

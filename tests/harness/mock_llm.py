"""A mock chat server for tests: real sockets on loopback, its own thread and event loop.

with mock_llm(fault="429", fault_first=1) as server:
    ... server.endpoint() ... server.log ...
"""

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator

from bench.providers.mock_behaviour import Behaviour
from bench.providers.mock_server import MockServer, Truth
from bench.records.serving import Endpoint


class RunningMock:
    """A running mock server. `close()` ends it early, as a crash would."""

    def __init__(self, server: MockServer, loop: asyncio.AbstractEventLoop) -> None:
        self._server = server
        self._loop = loop

    @property
    def base_url(self) -> str:
        return self._server.base_url

    @property
    def log(self) -> list[Truth]:
        return self._server.log

    @property
    def most_in_flight(self) -> int:
        return self._server.most_in_flight

    @property
    def n_connections(self) -> int:
        return self._server.n_connections

    def endpoint(self, *, owned: bool = False) -> Endpoint:
        return Endpoint(base_url=self.base_url, served_model="mock", owned=owned)

    def behave(self, **settings) -> None:
        self._server.behaviour = Behaviour(**settings)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._server.close(), self._loop).result(5)


@contextlib.contextmanager
def mock_llm(tls: ssl.SSLContext | None = None, **settings) -> Iterator[RunningMock]:
    """Serve with this `Behaviour` (`ttft_ms`, `itl_ms`, `n`, `fault`, `fault_first`, …) until the block ends."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="mock-llm", daemon=True)
    thread.start()
    server = MockServer(Behaviour(**settings), tls)
    asyncio.run_coroutine_threadsafe(server.start(), loop).result(5)
    running = RunningMock(server, loop)
    try:
        yield running
    finally:
        running.close()
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


def refusing_endpoint() -> Endpoint:
    """An address where nothing listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    return Endpoint(base_url=f"http://127.0.0.1:{port}/v1", served_model="mock", owned=False)

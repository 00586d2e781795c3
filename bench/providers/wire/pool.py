"""Connections to one address, kept alive between requests, and the requests that go over them."""

import asyncio
import contextlib
import errno
import socket
import ssl
import time
from urllib.parse import urlsplit

import msgspec

from bench.providers.wire.connection import Connection
from bench.providers.wire.received import End, Received
from bench.providers.wire.stamps import KernelClock, ask_for_stamps
from bench.providers.wire.tls import TlsLayer, client_context

# RFC 6298 sends a lost SYN again after 1, 3 and 7 s: a connection that takes longer than this will not come.
_CONNECT_TIMEOUT_S = 10.0


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where requests go: the parts of a base URL. `path` has no trailing slash."""

    host: str
    port: int
    is_tls: bool
    path: str

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.is_tls else 80) else f"{host}:{self.port}"


def parse_origin(base_url: str) -> Origin:
    """The origin of a base URL.

    Raises: ValueError when it is none, or holds a user name or password.
    """
    parts = urlsplit(base_url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("expected a base URL like http://127.0.0.1:8080/v1 or https://host/v1")
    if parts.username is not None or parts.password is not None:
        raise ValueError("a base URL holds no user name and no password; name the key's environment variable as `api_key`")
    is_tls = parts.scheme == "https"
    return Origin(host=parts.hostname, port=parts.port or (443 if is_tls else 80), is_tls=is_tls, path=parts.path.rstrip("/"))


class _ConnectFailed(Exception):
    def __init__(self, end: End, detail: str) -> None:
        super().__init__(detail)
        self.end = end
        self.detail = detail


class Pool:
    """Keep-alive connections to one origin. The last one used is the first one reused, so that few stay open."""

    def __init__(self, origin: Origin, *, context: ssl.SSLContext | None = None, kernel_stamps: bool = True) -> None:
        """Open nothing yet. `context`: TLS settings in place of the system's trust."""
        self._origin = origin
        self._context = context
        self._idle: list[Connection] = []
        self._all: set[Connection] = set()  # also those with a request in flight
        self._addresses: list[tuple[socket.AddressFamily, tuple[object, ...]]] = []
        self._resolving = asyncio.Lock()
        self._kernel = KernelClock() if kernel_stamps else None
        self._is_closed = False
        self.n_opened = 0

    async def exchange(self, request: bytes, timeout_s: float) -> Received:
        """One request over a kept or a new connection. The time for connecting is no part of the answer's.

        A kept connection that turns out to be closed before a single byte came, or that only says that its server has waited too long (408), is
        replaced, with a fresh start of the clock.
        """
        started_ns = time.perf_counter_ns()
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_open:
                self._all.discard(connection)
            else:
                received = await connection.exchange(request, timeout_s)
                if connection.is_open:
                    self._idle.append(connection)
                else:
                    self._all.discard(connection)
                head = received.head
                is_stale = (received.end == "closed" and not received.raw) or (head is not None and head.status == 408)
                if not is_stale:
                    return received
        try:
            async with asyncio.timeout(min(timeout_s, _CONNECT_TIMEOUT_S)):  # and no task: nearby, a connection is there at once
                connection = await self._connect()
        except TimeoutError:
            return self._no_connection(
                started_ns, "timeout", f"no connection to {self._origin.authority} within {min(timeout_s, _CONNECT_TIMEOUT_S):g} s"
            )
        except _ConnectFailed as failed:
            return self._no_connection(started_ns, failed.end, failed.detail)
        if self._is_closed:  # while connecting
            connection.close()
            return self._no_connection(started_ns, "closed", "the connection was closed by the client")
        connect_ns = time.perf_counter_ns() - started_ns
        self._all.add(connection)
        received = await connection.exchange(request, timeout_s)
        if connection.is_open:
            self._idle.append(connection)
        else:
            self._all.discard(connection)
        received.connect_ns = connect_ns
        return received

    @staticmethod
    def _no_connection(started_ns: int, end: End, detail: str) -> Received:
        return Received(sent_ns=started_ns, finished_ns=time.perf_counter_ns(), end=end, detail=detail)

    async def _connect(self) -> Connection:
        """A new connection, to the first address that takes it.

        Raises: _ConnectFailed with the reason of the last address.
        """
        loop = asyncio.get_running_loop()
        origin = self._origin
        await self._resolve(loop)
        failed = _ConnectFailed("unreachable", f"{origin.host!r} has no address")
        for family, address in self._addresses:
            sock = socket.socket(family, socket.SOCK_STREAM)
            try:
                return await self._open(loop, sock, address)
            except OSError as error:
                sock.close()
                failed = _reason(origin, error)
            except BaseException:
                sock.close()
                raise
        raise failed

    async def _resolve(self, loop: asyncio.AbstractEventLoop) -> None:
        """Find the addresses, once for all connections.

        Raises: _ConnectFailed when the name has none.
        """
        if self._addresses:
            return
        host, port, kind = self._origin.host, self._origin.port, socket.SOCK_STREAM
        with contextlib.suppress(OSError):  # an address needs no looking up, and no thread for it
            self._addresses = [(found[0], found[4]) for found in socket.getaddrinfo(host, port, type=kind, flags=socket.AI_NUMERICHOST)]
        async with self._resolving:
            if self._addresses:
                return
            try:
                self._addresses = [(found[0], found[4]) for found in await loop.getaddrinfo(host, port, type=kind)]
            except OSError as error:
                raise _ConnectFailed("unreachable", f"the name {host!r} cannot be resolved: {error.strerror}") from error

    async def _open(self, loop: asyncio.AbstractEventLoop, sock: socket.socket, address: tuple[object, ...]) -> Connection:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        kernel = self._kernel if self._kernel is not None and ask_for_stamps(sock) else None
        await loop.sock_connect(sock, address)
        tls = None
        if self._origin.is_tls:
            tls = TlsLayer(self._context or client_context(), self._origin.host)
            await tls.handshake(sock)
        self.n_opened += 1
        return Connection(sock, kernel, tls)

    def close(self) -> None:
        """Close every connection, also those that are being made. What is in flight ends as closed."""
        self._is_closed = True
        for connection in tuple(self._all):
            connection.close()
        self._all.clear()
        self._idle.clear()


def _reason(origin: Origin, error: OSError) -> _ConnectFailed:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _ConnectFailed("unreachable", f"the certificate of {origin.authority} is not trusted: {error.verify_message}")
    if isinstance(error, ssl.SSLError):
        return _ConnectFailed("unreachable", f"no TLS connection to {origin.authority}: {error.reason or 'handshake failed'}")
    if error.errno == errno.ECONNREFUSED or isinstance(error, ConnectionRefusedError):
        return _ConnectFailed("refused", f"{origin.authority} refused the connection: nothing listens there")
    return _ConnectFailed("unreachable", f"{origin.authority} cannot be reached: {error.strerror or error}")

"""TLS over memory, so that the arrival stamp still belongs to the read from the network."""

import asyncio
import functools
import socket
import ssl

_READ_BYTES = 64 * 1024


@functools.cache
def client_context() -> ssl.SSLContext:
    """The system's trust store, certificates and host names checked; HTTP/1.1 only. `SSL_CERT_FILE` is honoured by OpenSSL."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


class TlsLayer:
    """One TLS session over a socket that somebody else reads and writes."""

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        """Prepare a client session for this host name."""
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._session = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)

    async def handshake(self, sock: socket.socket) -> None:
        """Shake hands over a connected, non-blocking socket.

        Raises: OSError (also ssl.SSLError) when it fails.
        """
        loop = asyncio.get_running_loop()
        while True:
            try:
                self._session.do_handshake()
            except ssl.SSLWantReadError:
                await self._send_pending(loop, sock)
                data = await loop.sock_recv(sock, _READ_BYTES)
                if not data:
                    raise ConnectionResetError("the server closed the connection during the TLS handshake") from None
                self._incoming.write(data)
            except ssl.SSLError:
                await self._send_pending(loop, sock)  # the alert, so that the server can log it
                raise
            else:
                await self._send_pending(loop, sock)
                return

    async def _send_pending(self, loop: asyncio.AbstractEventLoop, sock: socket.socket) -> None:
        if data := self.pending():
            await loop.sock_sendall(sock, data)

    def encrypt(self, data: bytes) -> bytes:
        """The records that carry this data."""
        self._session.write(data)
        return self._outgoing.read()

    def pending(self) -> bytes:
        """What the session itself wants to send."""
        return self._outgoing.read()

    def decrypt(self, data: bytes) -> tuple[bytes, bool]:
        """What these records complete, and whether the other side said that nothing follows.

        Raises: ssl.SSLError (an OSError) when they are no valid records.
        """
        self._incoming.write(data)
        parts: list[bytes] = []
        while True:
            try:
                part = self._session.read(_READ_BYTES)
            except ssl.SSLWantReadError:
                return b"".join(parts), False
            except ssl.SSLZeroReturnError:
                return b"".join(parts), True
            if not part:
                return b"".join(parts), True
            parts.append(part)

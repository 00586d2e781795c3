"""A chat server with known send times and every fault a client meets: for correctness tests, and to measure the ruler.

In its own process: `python -m bench.providers.mock_server --set ttft_ms=20`; it prints one JSON line with its base URL and serves until ended.
Stamps are taken just before each write, on the scale of `time.perf_counter_ns`.
"""

import argparse
import asyncio
import contextlib
import ssl
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from bench.providers.mock_behaviour import Behaviour, chunk, closing_chunks, content_deltas, error_answer, usage, whole_answer

_LONG_S = 3600.0


class Truth(msgspec.Struct, kw_only=True):
    """What really happened with one request. `begun_ns`: when it had a slot. `sends_ns`: one stamp per write that carries content."""

    connection: int
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    received_ns: int
    begun_ns: int = 0
    sends_ns: list[int] = msgspec.field(default_factory=list)
    end_ns: int | None = None


class MockServer:
    """Serves on loopback inside the running event loop. `log` has the truth of every chat request, in order of arrival."""

    def __init__(self, behaviour: Behaviour, tls: ssl.SSLContext | None = None) -> None:
        """Open nothing yet."""
        self.behaviour = behaviour
        self.log: list[Truth] = []
        self.in_flight = 0
        self.most_in_flight = 0
        self.n_connections = 0
        self.port = 0
        self._tls = tls
        self._slots: dict[int, asyncio.Semaphore] = {}
        self._stalled_until_ns = 0
        self._server: asyncio.Server | None = None
        self._handlers: set[asyncio.Task[None]] = set()

    @property
    def base_url(self) -> str:
        """Where it answers."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/v1"

    async def start(self, host: str = "127.0.0.1") -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._connected, host, 0, ssl=self._tls, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """End everything at once."""
        if self._server is not None:
            self._server.close()
        for task in tuple(self._handlers):
            task.cancel()
        await asyncio.gather(*self._handlers, return_exceptions=True)
        await asyncio.sleep(0.01)  # transports close in later turns of the loop

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._handlers.add(task)
            task.add_done_callback(self._handlers.discard)
        self.n_connections += 1
        number = self.n_connections
        try:
            while await self._serve_one(reader, writer, number):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            return  # the client left, or the server ends
        finally:
            writer.close()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int) -> bool:
        """Answer one request; False when the connection ends with it."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        data = await reader.readexactly(int(headers.get("content-length", "0")))
        if method == "GET":
            if self.behaviour.fault == "refuse" and self._server is not None:
                self._server.close()
            writer.write(_plain("200 OK", self._information(path)))
            return True
        body = msgspec.json.decode(data)
        truth = Truth(connection=connection, path=path, headers=headers, body=body, received_ns=time.perf_counter_ns())
        self.log.append(truth)
        behaviour = self.behaviour.adjusted(body)
        if behaviour.fault_first and len(self.log) > behaviour.fault_first:
            behaviour = msgspec.structs.replace(behaviour, fault="none")
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            async with self._slot(behaviour):
                truth.begun_ns = time.perf_counter_ns()
                return await _Answer(behaviour, writer, truth).give()
        finally:
            self.in_flight -= 1
            truth.end_ns = time.perf_counter_ns()

    @contextlib.asynccontextmanager
    async def _slot(self, behaviour: Behaviour) -> AsyncIterator[None]:
        """A place among the answers that are made at a time, after a stall if there is one."""
        if behaviour.stall_at and len(self.log) == behaviour.stall_at:
            self._stalled_until_ns = time.perf_counter_ns() + round(behaviour.stall_ms * 1e6)
        await asyncio.sleep(max(0, self._stalled_until_ns - time.perf_counter_ns()) * 1e-9)
        if not behaviour.slots:
            yield
            return
        async with self._slots.setdefault(behaviour.slots, asyncio.Semaphore(behaviour.slots)):
            yield

    def _information(self, path: str) -> bytes:
        if path.endswith("/models"):
            return msgspec.json.encode({"object": "list", "data": [{"id": self.behaviour.model, "object": "model"}]})
        return msgspec.json.encode({"status": "ok"})


def _plain(status: str, body: bytes, *more: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", *more]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class _Answer:
    """One answer, with its fault."""

    def __init__(self, behaviour: Behaviour, writer: asyncio.StreamWriter, truth: Truth) -> None:
        self._behaviour = behaviour
        self._writer = writer
        self._truth = truth
        self._newline = b"\r\n" if behaviour.fault == "crlf" else b"\n"
        self._is_chunked = behaviour.fault not in {"no-chunked", "cut"}

    async def give(self) -> bool:
        """Send it all; False when the connection ends with it."""
        fault = self._behaviour.fault
        if (error := error_answer(fault)) is not None:
            more = (f"Retry-After: {self._behaviour.retry_after}",) if fault == "429" else ()
            self._writer.write(_plain(error[0], msgspec.json.encode(error[1]), *more))
            return True
        if fault in {"disconnect", "rst", "garbage", "gzip", "hang"}:
            return await self._break_at_once(fault)
        if not self._truth.body.get("stream") or fault in {"not-streamed", "length"}:
            return await self._whole(fault)
        return await self._stream(fault)

    async def _break_at_once(self, fault: str) -> bool:
        if fault == "hang":
            await asyncio.sleep(_LONG_S)
        elif fault == "rst":
            self._writer.transport.abort()
        elif fault == "garbage":
            self._writer.write(b"220 mail.example ESMTP\r\n\r\n")
        elif fault == "gzip":
            self._writer.write(_plain("200 OK", b"\x1f\x8b\x08\x00", "Content-Encoding: gzip"))
        return False

    async def _whole(self, fault: str) -> bool:
        behaviour = self._behaviour
        await self._until(behaviour.ttft_ms + max(behaviour.n - 1, 0) * behaviour.itl_ms)
        data = _plain("200 OK", whole_answer(behaviour))
        self._truth.sends_ns.append(time.perf_counter_ns())
        if fault in {"length", "hang-mid", "disconnect-mid"}:
            self._writer.write(data[:-5])
            await self._writer.drain()
            if fault == "hang-mid":
                await asyncio.sleep(_LONG_S)
            return False
        self._writer.write(data)
        return True

    async def _stream(self, fault: str) -> bool:
        behaviour = self._behaviour
        await self._head(fault)
        if behaviour.role_at_once:
            self._event(chunk(behaviour, {"role": "assistant", "content": None}))
        await self._until(behaviour.ttft_ms)
        if not behaviour.role_at_once:
            self._event(chunk(behaviour, {"role": "assistant", "content": ""}))
        deltas = content_deltas(behaviour)
        for k, delta in enumerate(deltas):
            if fault in {"hang-mid", "disconnect-mid", "badjson", "error-event", "cut"} and k == len(deltas) // 2:
                if not await self._break_in_the_middle(fault):
                    return False
                continue
            await self._until(behaviour.ttft_ms + (k - k % behaviour.chunks_per_write) * behaviour.itl_ms)
            more = usage(behaviour, k + 1) if fault == "usage-every" else {}
            await self._content(chunk(behaviour, delta, **more), fault)
        for data in closing_chunks(behaviour, wants_usage=bool(self._truth.body.get("stream_options", {}).get("include_usage"))):
            self._event(data)
        if self._is_chunked:
            self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()
        return self._is_chunked

    async def _head(self, fault: str) -> None:
        framing = "Transfer-Encoding: chunked" if self._is_chunked else "Connection: close"
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n{framing}\r\n\r\n".encode()
        if fault != "slow-headers":
            self._writer.write(head)
            return
        for k in range(len(head)):
            self._writer.write(head[k : k + 1])
            await asyncio.sleep(self._behaviour.slow_ms / 1000 / len(head))

    async def _break_in_the_middle(self, fault: str) -> bool:
        if fault in {"badjson", "error-event"}:
            error = {"error": {"message": "the slot was lost", "type": "server_error", "code": 500}}
            self._event(b'{"choices":[{"delta":{"content":' if fault == "badjson" else msgspec.json.encode(error))
            return True
        await self._writer.drain()
        if fault == "hang-mid":
            await asyncio.sleep(_LONG_S)
        return False

    async def _content(self, data: bytes, fault: str) -> None:
        self._truth.sends_ns.append(time.perf_counter_ns())
        if fault == "comment":
            self._write(b": ping" + self._newline * 2)
        if fault == "split":
            event = b"data: " + data + self._newline * 2
            middle = len(event) // 2
            self._write(event[:middle])
            await self._writer.drain()
            await asyncio.sleep(0.001)
            self._write(event[middle:])
        else:
            self._event(data)
        await self._writer.drain()

    def _event(self, data: bytes) -> None:
        self._write(b"data: " + data + self._newline * 2)

    def _write(self, data: bytes) -> None:
        self._writer.write(b"%x\r\n%b\r\n" % (len(data), data) if self._is_chunked else data)

    async def _until(self, after_ms: float) -> None:
        """Wait for a moment of the schedule, which counts from the request (from its slot), so that delays do not add up."""
        begun_ns = self._truth.begun_ns if self._behaviour.slots or self._behaviour.stall_at else self._truth.received_ns
        wait_s = begun_ns * 1e-9 + after_ms / 1000 - time.perf_counter_ns() * 1e-9
        if wait_s > 0:
            await asyncio.sleep(wait_s)


async def _serve(behaviour: Behaviour) -> None:
    server = MockServer(behaviour)
    await server.start()
    sys.stdout.write(msgspec.json.encode({"base_url": server.base_url}).decode() + "\n")
    sys.stdout.flush()
    await asyncio.sleep(_LONG_S)


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(prog="python -m bench.providers.mock_server", description="A chat server with known send times and faults.")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a field of Behaviour, e.g. ttft_ms=20")
    settings = dict(pair.split("=", 1) for pair in parser.parse_args().set)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(msgspec.convert(settings, Behaviour, strict=False)))


if __name__ == "__main__":
    main()

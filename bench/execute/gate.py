"""Lets measured requests pass, or one other request alone."""

import asyncio
import contextlib
from collections.abc import AsyncIterator


class Gate:
    """Counts the measured requests in flight. While it is held exclusively, none is in flight and none starts."""

    def __init__(self) -> None:
        """Start open, with nothing in flight."""
        self.in_flight = 0
        self.most_in_flight = 0
        self._open = asyncio.Event()
        self._open.set()
        self._empty = asyncio.Event()
        self._empty.set()

    async def enter(self) -> None:
        """Wait until measured requests may start, and count one more in flight."""
        while not self.enter_now():
            await self._open.wait()

    def enter_now(self) -> bool:
        """The same without waiting; False when measured requests may not start."""
        if not self._open.is_set():
            return False
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        self._empty.clear()
        return True

    def leave(self) -> None:
        """Count one less in flight."""
        self.in_flight -= 1
        if self.in_flight == 0:
            self._empty.set()

    @contextlib.asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Hold new requests back, wait for those in flight, and open again afterwards."""
        self._open.clear()
        try:
            while self.in_flight:
                await self._empty.wait()
            yield
        finally:
            self._open.set()

"""Lets measured requests pass, or one other request alone."""

import asyncio
import contextlib
from collections.abc import AsyncIterator


class Gate:
    """Counts the measured requests in flight. While it is held exclusively, none is in flight and none starts."""

    def __init__(self) -> None:
        """Start open, with nothing in flight."""
        self.in_flight = 0
        self._is_open = True
        self._opened = asyncio.Event()
        self._empty = asyncio.Event()
        self._alone = asyncio.Lock()

    async def enter(self) -> None:
        """Wait until measured requests may start, and count one more in flight."""
        while not self.enter_now():
            await self._opened.wait()

    def enter_now(self) -> bool:
        """The same without waiting; False when measured requests may not start."""
        if self._is_open:
            self.in_flight += 1
        return self._is_open

    def leave(self) -> None:
        """Count one less in flight."""
        self.in_flight -= 1
        if not self._is_open and self.in_flight == 0:
            self._empty.set()

    @contextlib.asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Hold new requests back, wait for those in flight and for others that want to be alone, and open again afterwards."""
        async with self._alone:
            self._is_open = False
            self._opened.clear()
            self._empty.clear()
            try:
                while self.in_flight:
                    await self._empty.wait()
                yield
            finally:
                self._is_open = True
                self._opened.set()

"""Asks a judge's server again where it is out of reach, busy or broken, and has it started anew when its own errors last."""

import asyncio
from collections.abc import Awaitable, Callable

from bench.records.judging import Reply

_AGAIN = ("unreachable", "rate_limit", "server", "timeout", "protocol")
_LONGEST_WAIT_S = 60.0
_FIRST_WAIT_S = 0.5
_BROKEN_IN_A_ROW = 2


class Patience:
    """Of one judge. Made inside the event loop."""

    def __init__(self, retries: int, restart: Callable[[str], bool] | None) -> None:
        """`restart(why)` starts the judge's server again at the same address: done when its own errors last for two tries of a question."""
        self._retries = retries
        self._restart = restart
        self._restarting = asyncio.Lock()
        self._n_broken = 0

    async def ask(self, send: Callable[[], Awaitable[Reply]]) -> Reply:
        """The reply, or the last of the failures."""
        for turn in range(self._retries + 1):
            reply = await send()
            await self._mend(reply)
            if reply.failure is None or reply.failure.kind not in _AGAIN or turn == self._retries:
                break
            await asyncio.sleep(min(reply.failure.retry_after_s or _FIRST_WAIT_S * 2**turn, _LONGEST_WAIT_S))
        return reply

    async def _mend(self, reply: Reply) -> None:
        """Start a server again that goes on answering with errors of its own."""
        if reply.failure is None or reply.failure.kind != "server" or self._restart is None:
            self._n_broken = 0
            return
        self._n_broken += 1
        if self._n_broken >= _BROKEN_IN_A_ROW:
            async with self._restarting:
                if self._n_broken:  # nobody else has done it meanwhile
                    self._n_broken = 0
                    await asyncio.to_thread(self._restart, reply.failure.message)

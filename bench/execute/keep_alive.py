"""A light prompt for endpoints that wait, so that their next answer is not a cold one. Never beside a measured request."""

import asyncio
from collections.abc import Callable, Mapping

from bench.execute.gate import Gate
from bench.execute.progress import KeptAlive, Progress
from bench.execute.seat import Seat
from bench.protocols import Provider
from bench.records.exchange import Failure
from bench.records.plan import Request, ServingKey
from bench.records.spec import Generation, Message

# One token is enough to keep a model resident; streaming would only add chunks.
LIGHT_REQUEST = Request(messages=(Message(role="user", content="Hi"),), generation=Generation(max_tokens=1, temperature=0.0, stream=False))
_LONGEST_ANSWER_S = 30.0


class KeepAlive:
    """Watches the seats of one block. `n_sent` counts what it sent."""

    def __init__(self, seats: Mapping[ServingKey, Seat], providers: Mapping[ServingKey, Provider], gate: Gate, progress: Progress) -> None:
        """Watch nothing yet."""
        self._seats = seats
        self._providers = providers
        self._gate = gate
        self._progress = progress
        self.n_sent = 0

    async def run(self, every_s: float, request: Request, is_wanted: Callable[[ServingKey], bool]) -> None:
        """Until cancelled: whenever a wanted seat has been idle for `every_s`, hold new sends, wait for those in flight, and ask it for a word."""
        loop = asyncio.get_running_loop()
        while True:
            waiting = [key for key, seat in self._seats.items() if seat.died is None and is_wanted(key)]
            due = {key: self._seats[key].last_active_s + every_s for key in waiting if not self._seats[key].in_flight}
            late = [key for key, due_s in due.items() if due_s <= loop.time()]
            if not late:
                await asyncio.sleep(min((due_s - loop.time() for due_s in due.values()), default=every_s))
                continue
            async with self._gate.alone():
                for key in late:
                    if self._seats[key].last_active_s + every_s <= loop.time():  # nothing was in flight to it meanwhile
                        await self._send(key, request)
            await asyncio.sleep(every_s / 2)  # however slow the light answers are, measured requests have their turn

    async def _send(self, key: ServingKey, request: Request) -> None:
        seat = self._seats[key]
        capture = await self._providers[key].call(request, seed=None, timeout_s=_LONGEST_ANSWER_S)
        seat.last_active_s = asyncio.get_running_loop().time()
        self.n_sent += 1
        outcome = capture.decode().outcome
        failure = outcome if isinstance(outcome, Failure) and outcome.kind != "empty" else None
        self._progress.notify(KeptAlive(model_id=key[0], treatment_digest=key[1], failure=failure))

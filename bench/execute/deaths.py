"""Notices that a serving process has ended, so that its trials are not tried one by one for a timeout each."""

import asyncio
from collections.abc import Callable, Mapping

import msgspec

from bench.execute.progress import Progress, SeatDied
from bench.execute.seat import Seat
from bench.protocols import Provider
from bench.records.exchange import Exchange, Failure, FailureKind
from bench.records.plan import ServingKey

_WATCH_S = 0.25
# A process whose connections broke is dead, but its parent may learn that a moment later: looked for 0.5 s.
_LOOKS, _LOOK_S = 20, 0.025
_SUSPICIOUS: frozenset[FailureKind] = frozenset({"unreachable", "protocol", "server", "timeout"})


def _none_left(_key: ServingKey) -> int:
    return 0


class Deaths:
    """Watches the seats of one block. `left_of(key)` counts the trials that a death leaves untried."""

    def __init__(self, seats: Mapping[ServingKey, Seat], providers: Mapping[ServingKey, Provider], progress: Progress) -> None:
        """Watch nothing yet."""
        self._seats = seats
        self._providers = providers
        self._progress = progress
        self.left_of: Callable[[ServingKey], int] = _none_left

    def is_dead(self, key: ServingKey) -> bool:
        """Whether a death was noticed."""
        return self._seats[key].died is not None

    def look(self, key: ServingKey) -> bool:
        """Ask the seat whether its server has died, and tell of it once."""
        seat = self._seats[key]
        reason = seat.death() if seat.died is None else None
        if reason is not None:
            seat.died = reason
            self._progress.notify(SeatDied(model_id=key[0], treatment_digest=key[1], reason=reason, not_tried=self.left_of(key)))
        return seat.died is not None

    async def watch(self) -> None:
        """Until cancelled: give up what is in flight to a server that has died, even if nothing closed the connection."""
        while True:
            await asyncio.sleep(_WATCH_S)
            for key, seat in self._seats.items():
                if seat.died is None and self.look(key):
                    await self._providers[key].close()

    async def with_cause(self, key: ServingKey, exchange: Exchange) -> Exchange:
        """The failed exchange, with the death of its server as the cause if that is what it was."""
        failure = exchange.outcome
        if not isinstance(failure, Failure) or failure.kind not in _SUSPICIOUS:
            return exchange
        if self._seats[key].endpoint.owned and failure.kind in {"unreachable", "protocol"}:
            for _ in range(_LOOKS):
                if self.look(key):
                    break
                await asyncio.sleep(_LOOK_S)
        if not self.look(key):
            return exchange
        reason = self._seats[key].died or ""
        kind: FailureKind = "out_of_memory" if "memory" in reason.lower() else "server"
        return msgspec.structs.replace(exchange, outcome=Failure(kind=kind, message=f"the server died: {reason}"))

"""Starts a server again that answers with errors of its own, where its runtime can do that; never beside a measured request.

A server may go wrong after some answers and stay so until it is started again (Foundry Local: microsoft/foundry-local#494). One such answer is tried
again as any; the second in a row is taken for a state that only a fresh start ends. The restart is in no latency: nothing is sent while it lasts.
"""

import asyncio
from collections.abc import Mapping

from bench.clock import Clock
from bench.execute.gate import Gate
from bench.execute.progress import Progress, Restarted
from bench.execute.seat import Seat
from bench.records.exchange import Exchange, Failure
from bench.records.plan import ServingKey

_IN_A_ROW = 2


class Mending:
    """Watches the answers of one block."""

    def __init__(self, seats: Mapping[ServingKey, Seat], gate: Gate, progress: Progress, clock: Clock) -> None:
        """Nothing went wrong yet."""
        self._seats = seats
        self._gate = gate
        self._progress = progress
        self._clock = clock

    async def heed(self, key: ServingKey, exchange: Exchange) -> None:
        """Take note of an answer; start its server again if that is due. Returns when it is up again, or given up."""
        seat, outcome = self._seats[key], exchange.outcome
        if not isinstance(outcome, Failure):
            seat.n_broken = 0
            return
        if seat.restart is None or seat.died is not None or outcome.kind != "server" or exchange.timing.sent_s < seat.restarted_s:
            return  # what was sent before the last restart says nothing of the server as it is now
        seat.n_broken += 1
        if seat.n_broken < _IN_A_ROW:
            return
        async with self._gate.alone():
            is_up = await asyncio.to_thread(seat.restart, outcome.message)
            seat.n_broken, seat.n_sent = 0, 0  # its next answer is the first after a load
            seat.restarted_s = self._clock.now_s()
        self._progress.notify(Restarted(model_id=key[0], treatment_digest=key[1], reason=outcome.message, is_up=is_up))

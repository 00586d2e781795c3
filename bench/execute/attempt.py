"""One attempt: waits for its moment, sends, and brings the captured answer."""

import asyncio
from collections.abc import Mapping

import msgspec

from bench.clock import Clock
from bench.execute.gate import Gate
from bench.execute.keep_alive import LIGHT_REQUEST
from bench.execute.load.closed import Closed
from bench.execute.seat import Seat
from bench.execute.work import Job
from bench.protocols import Capture, LoadShape, Provider
from bench.records.plan import Request, ServingKey
from bench.records.spec import Load


class ExecutionSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How the trials are sent. `timeout_s` is for each attempt's whole answer; `keep_alive_s` None sends no light prompts; `seed` draws arrivals."""

    load: LoadShape = Closed(Load())
    retries: int = 2
    timeout_s: float = 60.0
    keep_alive_s: float | None = None
    warm_request: Request = LIGHT_REQUEST
    seed: int = 0


class Attempts:
    """Makes the attempts of one block."""

    def __init__(
        self, seats: Mapping[ServingKey, Seat], providers: Mapping[ServingKey, Provider], gate: Gate, settings: ExecutionSettings, clock: Clock
    ) -> None:
        """Seats and their providers, by `Trial.key`."""
        self._seats = seats
        self._providers = providers
        self._gate = gate
        self._settings = settings
        self._clock = clock

    async def make(self, job: Job) -> tuple[Capture, bool] | None:
        """The answer, and whether it was the first since the model was loaded; None when the seat died before it was asked."""
        key = job.trial.key
        seat = self._seats[key]
        if job.arrival_s is not None and (early_s := job.arrival_s - self._clock.now_s()) > 0:
            await asyncio.sleep(early_s)
        await _until_released(seat)
        await self._gate.enter()
        try:
            if seat.died is not None:
                return None
            is_first = seat.n_sent == 0 and seat.endpoint.owned
            seat.n_sent += 1
            seat.in_flight += 1
            try:
                call = self._providers[key].call
                capture = await call(job.trial.request, seed=job.trial.seed, timeout_s=self._settings.timeout_s, scheduled_s=job.arrival_s)
            finally:
                seat.in_flight -= 1
                seat.last_active_s = asyncio.get_running_loop().time()
        finally:
            self._gate.leave()
        return capture, is_first


async def _until_released(seat: Seat) -> None:
    """Wait until the time that the server asked for is over; it may be moved while one waits."""
    while True:
        hold_s = seat.held_until_s - asyncio.get_running_loop().time()
        if hold_s <= 0:
            return
        await asyncio.sleep(hold_s)

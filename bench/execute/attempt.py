"""One attempt: waits for its moment, sends, and brings the captured answer."""

import asyncio
from collections.abc import Mapping

import msgspec

from bench.clock import Clock
from bench.execute.gate import Gate
from bench.execute.keep_alive import LIGHT_REQUEST
from bench.execute.load.closed import Closed
from bench.execute.seat import Seat
from bench.execute.stages import max_wait_s
from bench.execute.work import Job
from bench.protocols import Capture, LoadShape, Provider
from bench.records.exchange import Exchange, Failure, Timing
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


class Dropped:
    """An arrival that waited too long for a place: it was never sent, and counts as a failed request."""

    def __init__(self, arrival_s: float, now_s: float, max_wait_s: float) -> None:
        """When it was due, when it was given up, and what was allowed."""
        self._arrival_s, self._now_s, self._max_wait_s = arrival_s, now_s, max_wait_s

    def decode(self) -> Exchange:
        """The failure; it took no time of the server."""
        waited_s = self._now_s - self._arrival_s
        message = f"not sent: no place was free within {self._max_wait_s:g} s of its arrival (load.max_wait); it waited {waited_s:.3g} s"
        timing = Timing(scheduled_s=self._arrival_s, sent_s=self._now_s, finished_s=self._now_s)
        return Exchange(outcome=Failure(kind="dropped", message=message), timing=timing)


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
        self._loop_time = asyncio.get_running_loop().time
        self._max_wait_s = max_wait_s(settings.load)

    async def make(self, job: Job) -> tuple[Capture, bool] | None:
        """The answer, and whether it was the first since the model was loaded; None when the seat died before it was asked."""
        key = job.trial.key
        seat = self._seats[key]
        if seat.held_until_s:
            await _until_released(seat)
        if not self._gate.enter_now():
            await self._gate.enter()
        try:
            if seat.died is not None:
                return None
            if job.arrival_s is not None and self._max_wait_s is not None and (now_s := self._clock.now_s()) - job.arrival_s > self._max_wait_s:
                return Dropped(job.arrival_s, now_s, self._max_wait_s), False
            is_first = seat.n_sent == 0 and seat.endpoint.owned
            seat.n_sent += 1
            seat.in_flight += 1
            try:
                call = self._providers[key].call
                capture = await call(job.trial.request, seed=job.trial.seed, timeout_s=self._settings.timeout_s, scheduled_s=job.arrival_s)
            finally:
                seat.in_flight -= 1
                seat.last_active_s = self._loop_time()
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

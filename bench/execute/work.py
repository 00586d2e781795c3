"""The jobs of one phase of a block: what is to be sent next, and when nothing is left."""

import asyncio
import contextlib
import heapq
from collections import Counter
from collections.abc import Callable, Iterable

import msgspec

from bench.clock import Clock
from bench.records.plan import ServingKey, Trial

TIMER_S = 0.001  # the resolution of epoll's timeout, by which the loop's timers may be late


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt to be made. `arrival_s`: when it is due on the run's clock (open loop); None: as soon as a place is free."""

    trial: Trial
    attempt: int = 1
    arrival_s: float | None = None


class Work:
    """Fresh jobs in order, each made when it is its turn; retries when they are due. Every trial stays open until it is decided or given up."""

    def __init__(
        self,
        jobs: Iterable[Job],
        n_jobs: Counter[ServingKey],
        is_dead: Callable[[ServingKey], bool],
        is_over: Callable[[], bool],
        clock: Clock,
    ) -> None:
        """`n_jobs`: how many there are of what is served. `is_dead(key)`: jobs of what is not served any more are given up.

        `is_over()`: nothing more is handed out.
        """
        self._jobs = iter(jobs)
        self._fresh = next(self._jobs, None)
        self._n_fresh = n_jobs
        self._retries: list[tuple[float, int, Job]] = []
        self._is_dead = is_dead
        self._is_over = is_over
        self._open = n_jobs.total()
        self._n_retries = 0
        self._changed = asyncio.Event()
        self._finished = asyncio.Event()
        self._turn = asyncio.Lock()
        self._clock = clock

    def take_now(self) -> Job | None:
        """The next job, if it is to be sent as soon as a place is free and nothing stands before it; else None, and `take` knows more."""
        job = self._fresh
        if job is None or job.arrival_s is not None or self._retries or self._turn.locked() or self._is_over():
            return None
        key = job.trial.key
        if self._is_dead(key):
            return None
        self._fresh = next(self._jobs, None)
        self._n_fresh[key] -= 1
        return job

    async def take(self) -> Job | None:
        """The next job, as soon as it is due; None when nothing is left.

        One taker waits for the next moment, the others for their turn: a thousand free places cost no thousand timers.
        """
        async with self._turn:
            while not self._is_over():
                now_s = asyncio.get_running_loop().time()
                if self._retries and self._retries[0][0] <= now_s:
                    job = heapq.heappop(self._retries)[2]
                    key = job.trial.key
                elif self._fresh is not None and (early_s := self._early_s(self._fresh)) <= 0:
                    job, self._fresh = self._fresh, next(self._jobs, None)
                    key = job.trial.key
                    self._n_fresh[key] -= 1
                elif self._open == 0:
                    return None
                else:
                    waits = [early_s] if self._fresh is not None else []
                    waits += [self._retries[0][0] - now_s] if self._retries else []
                    await self._wait(min(waits, default=None))
                    continue
                if not self._is_dead(key):
                    return job
                self.close()
            return None

    def _early_s(self, job: Job) -> float:
        """Seconds until a fresh job is due."""
        return 0.0 if job.arrival_s is None else job.arrival_s - self._clock.now_s()

    async def _wait(self, timeout_s: float | None) -> None:
        """Until something changes or the time is over. The last moment is spent turning, since timers of the loop may be a millisecond late."""
        if timeout_s is not None:
            if timeout_s <= TIMER_S:
                await asyncio.sleep(0)
                return
            timeout_s -= TIMER_S
        self._changed.clear()
        try:
            await asyncio.wait_for(self._changed.wait(), timeout_s)
        except TimeoutError:
            return

    def again(self, job: Job, delay_s: float) -> None:
        """Try once more, after a back-off."""
        self._n_retries += 1
        heapq.heappush(self._retries, (asyncio.get_running_loop().time() + delay_s, self._n_retries, job))
        self._changed.set()

    def close(self) -> None:
        """One trial is decided or given up."""
        self._open -= 1
        self._changed.set()
        if self._open == 0:
            self._finished.set()

    async def is_finished_within(self, wait_s: float) -> bool:
        """Wait so long, or until every job is decided; whether it is."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._finished.wait(), wait_s)
        return self._open == 0

    def left_of(self, key: ServingKey) -> int:
        """How many jobs of a treatment wait."""
        return self._n_fresh[key] + sum(job.trial.key == key for _, _, job in self._retries)

"""The jobs of one phase of a block: what is to be sent next, and when nothing is left."""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Iterable

import msgspec

from bench.records.plan import ServingKey, Trial


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt to be made. `arrival_s`: when it is due on the run's clock (open loop); None: as soon as a place is free."""

    trial: Trial
    attempt: int = 1
    arrival_s: float | None = None


class Work:
    """Fresh jobs in order; retries when they are due. Every trial stays open until it is decided or given up."""

    def __init__(self, jobs: Iterable[Job], is_dead: Callable[[ServingKey], bool], is_over: Callable[[], bool]) -> None:
        """`is_dead(key)`: jobs of what is not served any more are given up. `is_over()`: nothing more is handed out."""
        self._fresh = deque(jobs)
        self._retries: list[tuple[float, int, Job]] = []
        self._is_dead = is_dead
        self._is_over = is_over
        self._open = len(self._fresh)
        self._n_retries = 0
        self._changed = asyncio.Event()

    async def take(self) -> Job | None:
        """The next job, as soon as there is one; None when nothing is left."""
        while not self._is_over():
            now_s = asyncio.get_running_loop().time()
            if self._retries and self._retries[0][0] <= now_s:
                job = heapq.heappop(self._retries)[2]
            elif self._fresh:
                job = self._fresh.popleft()
            elif self._open == 0:
                return None
            else:
                await self._wait(self._retries[0][0] - now_s if self._retries else None)
                continue
            if not self._is_dead(job.trial.key):
                return job
            self.close()
        return None

    async def _wait(self, timeout_s: float | None) -> None:
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

    def left_of(self, key: ServingKey) -> int:
        """How many jobs of a treatment wait."""
        waiting = [*self._fresh, *(job for _, _, job in self._retries)]
        return sum(job.trial.key == key for job in waiting)

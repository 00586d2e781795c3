"""How well the measuring process keeps up: the event loop's lateness and the share of a core it uses."""

import asyncio
import time

from bench.clock import Clock
from bench.execute.readings import Readings
from bench.records.machine import ClientHealth

_PERIOD_S = 0.01  # measurement.md §1.3


class LoopLag:
    """Asks the loop for a call every 10 ms and notes how late each comes. Unit: s."""

    def __init__(self, clock: Clock) -> None:
        """Start at once, inside a running loop."""
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._late = Readings()
        self._started_s = clock.now_s()
        self._cpu_s = time.process_time()
        self._wall_s = time.perf_counter()
        self._due = self._loop.time() + _PERIOD_S
        self._timer = self._loop.call_at(self._due, self._tick)

    def _tick(self) -> None:
        now = self._loop.time()
        self._late.add(max(0.0, now - self._due))
        self._due = now + _PERIOD_S
        self._timer = self._loop.call_at(self._due, self._tick)

    def finish(self, *, worker: str, treatment_digests: tuple[str, ...], keep_alive_requests: int, stopped_by: str | None) -> ClientHealth:
        """Stop, and say how it went."""
        self._timer.cancel()
        overdue = self._loop.time() - self._due
        if overdue > 0:  # the loop was blocked at the end
            self._late.add(overdue)
        p50_s, p99_s = self._late.quantiles(0.5, 0.99)
        wall = time.perf_counter() - self._wall_s
        return ClientHealth(
            worker=worker,
            treatment_digests=treatment_digests,
            started_s=self._started_s,
            finished_s=self._clock.now_s(),
            lag_p50_s=p50_s,
            lag_p99_s=p99_s,
            lag_max_s=self._late.largest,
            cpu_share=(time.process_time() - self._cpu_s) / wall if wall > 0 else 0.0,
            keep_alive_requests=keep_alive_requests,
            stopped_by=stopped_by,
            clock_zero_ns=self._clock.zero_ns,
        )

"""How well the measuring process keeps up: the event loop's lateness and the share of a core it uses."""

import asyncio
import time
from array import array

from bench.clock import Clock
from bench.records.machine import ClientHealth

_PERIOD_S = 0.01  # measurement.md §1.3


class LoopLag:
    """Asks the loop for a call every 10 ms and notes how late each comes. Unit: s. Eight bytes per reading."""

    def __init__(self, clock: Clock) -> None:
        """Start at once, inside a running loop."""
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._late = array("d")
        self._started_s = clock.now_s()
        self._cpu_s = time.process_time()
        self._wall_s = time.perf_counter()
        self._due = self._loop.time() + _PERIOD_S
        self._timer = self._loop.call_at(self._due, self._tick)

    def _tick(self) -> None:
        now = self._loop.time()
        self._late.append(max(0.0, now - self._due))
        self._due = now + _PERIOD_S
        self._timer = self._loop.call_at(self._due, self._tick)

    def finish(self, *, worker: str, treatment_digests: tuple[str, ...], keep_alive_requests: int, stopped_by: str | None) -> ClientHealth:
        """Stop, and say how it went."""
        self._timer.cancel()
        overdue = self._loop.time() - self._due
        if overdue > 0:  # the loop was blocked at the end
            self._late.append(overdue)
        ordered = sorted(self._late)
        wall = time.perf_counter() - self._wall_s
        return ClientHealth(
            worker=worker,
            treatment_digests=treatment_digests,
            started_s=self._started_s,
            finished_s=self._clock.now_s(),
            lag_p50_s=quantile(ordered, 0.5),
            lag_p99_s=quantile(ordered, 0.99),
            lag_max_s=ordered[-1] if ordered else 0.0,
            cpu_share=(time.process_time() - self._cpu_s) / wall if wall > 0 else 0.0,
            keep_alive_requests=keep_alive_requests,
            stopped_by=stopped_by,
            clock_zero_ns=self._clock.zero_ns,
        )


def quantile(ordered: list[float], level: float) -> float:
    """Linear interpolation between order statistics (numpy's `linear`); 0 without readings."""
    if not ordered:
        return 0.0
    place = level * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)

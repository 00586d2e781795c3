"""Whether the load that was asked for was really put on: requests in flight, rate, delay of sends, connections, and waiting for a processor."""

from collections import deque
from contextlib import suppress
from pathlib import Path

import msgspec

from bench.execute.readings import Readings
from bench.records.machine import ClientHealth
from bench.records.sample import Sample

# Time on the processor, time waiting for one (ns), and slices of it, of the thread that reads (Linux, Documentation/scheduler/sched-stats.rst).
_SCHEDSTAT = Path("/proc/thread-self/schedstat")
# Answers are settled a little out of order: at most so many places' worth of them (see the engine's bound of unsettled answers).
_UNSETTLED = 5


class Delivered:
    """Adds up one block's samples as they come, in memory that does not grow with them.

    `asked_in_flight`: the constant number of requests that a closed loop keeps in flight; None for every other load. Begin and end it in the thread
    that measures.
    """

    def __init__(self, asked_in_flight: int | None, warmups: frozenset[str]) -> None:
        """Start now. `warmups`: ids of the trials that do not count."""
        self._asked = asked_in_flight
        self._warmups = warmups
        self._requests = 0
        self._connected = 0
        self._process_stamped = 0
        self._first_sent_s = self._last_sent_s = 0.0
        self._first_due_s = self._last_due_s = 0.0
        self._in_flight_s = 0.0
        self._latest: deque[tuple[float, float]] = deque(maxlen=_UNSETTLED * (asked_in_flight or 0) + 1)
        self._delays = Readings()
        self._processor_ns, self._waited_ns = _processor()

    def observe(self, sample: Sample) -> None:
        """Take one attempt into account."""
        timing = sample.timing
        if sample.trial_id in self._warmups or timing.finished_s <= timing.sent_s:  # the latter was never sent
            return
        sent_s, due_s = timing.sent_s, timing.scheduled_s
        if not self._requests:
            self._first_sent_s = self._last_sent_s = sent_s
            self._first_due_s = self._last_due_s = due_s
        self._requests += 1
        self._connected += timing.connect_s is not None
        self._process_stamped += timing.stamped_by == "process" and timing.first_byte_s is not None
        self._first_sent_s, self._last_sent_s = min(self._first_sent_s, sent_s), max(self._last_sent_s, sent_s)
        self._in_flight_s += timing.finished_s - sent_s
        self._latest.append((sent_s, timing.finished_s))
        if due_s != sent_s and sample.attempt == 1:
            self._first_due_s, self._last_due_s = min(self._first_due_s, due_s), max(self._last_due_s, due_s)
            self._delays.add(sent_s - due_s)

    def told(self, health: ClientHealth) -> ClientHealth:
        """The health record with what was delivered."""
        processor_ns, waited_ns = _processor()
        wanted_ns = processor_ns - self._processor_ns + waited_ns - self._waited_ns
        p50_s, p99_s = self._delays.quantiles(0.5, 0.99)
        n = len(self._delays)
        asked_s, sent_s = self._last_due_s - self._first_due_s, self._last_sent_s - self._first_sent_s
        is_paced = n > 1 and asked_s > 0 and sent_s > 0
        return msgspec.structs.replace(
            health,
            requests=self._requests,
            new_connections=self._connected,
            process_stamped=self._process_stamped,
            asked_in_flight=self._asked,
            in_flight=self._in_flight(),
            asked_per_s=(n - 1) / asked_s if is_paced else None,
            sent_per_s=(n - 1) / sent_s if is_paced else None,
            send_delay_p50_s=p50_s if n else None,
            send_delay_p99_s=p99_s if n else None,
            cpu_wait_share=(waited_ns - self._waited_ns) / wanted_ns if wanted_ns > 0 and processor_ns else None,
        )

    def _in_flight(self) -> float | None:
        """Mean number in flight from the first send to the last, while there was always another one to send; None for too few requests."""
        span_s = self._last_sent_s - self._first_sent_s
        if self._asked is None or self._requests < 2 * self._asked or self._requests < 2 or span_s <= 0:
            return None
        after_s = sum(finished_s - max(sent_s, self._last_sent_s) for sent_s, finished_s in self._latest if finished_s > self._last_sent_s)
        return (self._in_flight_s - after_s) / span_s


def _processor() -> tuple[int, int]:
    """Nanoseconds that this thread has had a processor, and has waited for one; zeros where the system does not say."""
    with suppress(OSError, ValueError):
        had_ns, waited_ns, *_ = map(int, _SCHEDSTAT.read_text(encoding="ascii").split())
        return had_ns, waited_ns
    return 0, 0

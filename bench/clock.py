"""The run's clock: monotonic for durations, UTC for people. `time.time()` never measures."""

import datetime
import time


class Clock:
    """Seconds since this clock was made, and the date. Source of the monotonic reading: `time.perf_counter_ns`."""

    def __init__(self) -> None:
        """Start at zero."""
        self.zero_ns = time.perf_counter_ns()

    def now_s(self) -> float:
        """Seconds since the clock was made, monotonic."""
        return (time.perf_counter_ns() - self.zero_ns) * 1e-9

    def utc(self) -> datetime.datetime:
        """The date and time in UTC, for people and folder names."""
        return datetime.datetime.now(datetime.UTC)


class FakeClock(Clock):
    """A clock that moves only when told; for tests and studies."""

    def __init__(self, start: datetime.datetime | None = None) -> None:
        """Start at zero, on a fixed date."""
        super().__init__()
        self.elapsed_s = 0.0
        self.start = start or datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)

    def now_s(self) -> float:
        """The time that was told."""
        return self.elapsed_s

    def utc(self) -> datetime.datetime:
        """The fixed date plus the time that was told."""
        return self.start + datetime.timedelta(seconds=self.elapsed_s)

    def advance(self, by_s: float) -> None:
        """Move on by so many seconds."""
        self.elapsed_s += by_s

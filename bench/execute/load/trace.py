"""A trace: arrivals as they were recorded somewhere."""

from collections.abc import Iterator
from math import isfinite

import msgspec

from bench.execute.load.settings import Duration, max_wait_s, positive, read
from bench.records.spec import Load

LEAST = 2


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """`arrivals`: seconds, none before the one above it; `file` in a spec is replaced by what the file holds. `speed`: 2 plays it twice as fast.

    `max_wait`: how long an arrival may wait for a free place.
    """

    arrivals: tuple[float, ...]
    speed: float = 1.0
    max_wait: Duration | None = None


class Trace:
    """Open loop. The first arrival is at 0 s. A trace that is too short for the plan starts over, one mean gap after its end."""

    def __init__(self, load: Load) -> None:
        """Made with the spec's load. Raises: ValueError when it makes no sense."""
        settings = read(load, Settings)
        given = settings.arrivals
        if len(given) < LEAST:
            raise ValueError(f"the trace has {len(given)} arrivals; expected at least {LEAST}")
        for place, at_s in enumerate(given, start=1):
            if not isfinite(at_s) or at_s < 0:
                raise ValueError(f"arrival {place} of the trace is {at_s:g}; expected seconds from 0")
            if place > 1 and at_s < given[place - 2]:
                raise ValueError(f"arrival {place} of the trace ({at_s:g} s) is before arrival {place - 1} ({given[place - 2]:g} s); sort it")
        speed = positive(settings.speed, "speed")
        self.concurrency = load.concurrency
        self.max_wait_s = max_wait_s(settings.max_wait)
        self._at_s = tuple((at_s - given[0]) / speed for at_s in given)

    def arrivals(self, n: int, seed: int) -> Iterator[float | None]:  # noqa: ARG002 - nothing is drawn
        """The trace, over and over."""
        size, span_s = len(self._at_s), self._at_s[-1]
        period_s = span_s * size / (size - 1)
        return (k // size * period_s + self._at_s[k % size] for k in range(n))


EXAMPLES = (
    (Load(kind="trace", concurrency=64, settings={"arrivals": [5.0, 5.0, 6.0]}), (0.0, 0.0, 1.0)),
    (Load(kind="trace", concurrency=64, settings={"arrivals": [0, 4], "speed": 2}), (0.0, 2.0, 4.0)),
)

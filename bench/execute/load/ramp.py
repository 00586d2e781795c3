"""A rise: rate or concurrency grows linearly, and stays where it ends."""

import math
from collections.abc import Iterator
from itertools import repeat
from typing import Literal

import msgspec

from bench.execute.load.settings import Duration, duration_s, max_wait_s, positive, read
from bench.records.spec import Load


class Settings(msgspec.Struct, frozen=True, kw_only=True, rename={"start": "from"}):
    """`of`: what rises, `rate` (requests per second) or `concurrency`. `from`, `to`: its first and last value. `over`: how long it takes.

    `max_wait`: how long an arrival may wait for a free place; for a ramp of the rate.
    """

    start: float
    to: float
    over: Duration
    of: Literal["rate", "concurrency"] = "rate"
    max_wait: Duration | None = None


class Ramp:
    """Of the rate: open loop, the rate at time t is from + (to − from) · t / over. Of concurrency: closed loop whose places open one by one."""

    def __init__(self, load: Load) -> None:
        """Made with the spec's load. Raises: ValueError when it makes no sense."""
        settings = read(load, Settings)
        self._from, self._to = positive(settings.start, "from"), positive(settings.to, "to")
        self._over_s = duration_s(settings.over, "over")
        self.max_wait_s = max_wait_s(settings.max_wait)
        self.concurrency = load.concurrency
        self._is_of_rate = settings.of == "rate"
        if not self._is_of_rate:
            if self._from % 1 or self._to % 1 or self._to < self._from:
                raise ValueError(f"a ramp of concurrency goes from one whole number up to another; it is {self._from:g} to {self._to:g}")
            if self.max_wait_s is not None:
                raise ValueError("a ramp of concurrency has no arrivals that wait; remove `max_wait`")
            self.concurrency = int(self._to)

    def arrivals(self, n: int, seed: int) -> Iterator[float | None]:  # noqa: ARG002 - nothing is drawn
        """The k-th (from 0) when the integral of the rate reaches k; of concurrency: as soon as a place is free."""
        return (self._reached_s(k) for k in range(n)) if self._is_of_rate else repeat(None, n)

    def opens(self) -> Iterator[float]:
        """For each place the second from which on it is used. Concurrency at time t is from + floor((to − from) · t / over)."""
        if self._is_of_rate:
            yield from repeat(0.0, self.concurrency)
            return
        first, last = int(self._from), int(self._to)
        yield from repeat(0.0, first)
        yield from (self._over_s * k / (last - first) for k in range(1, last - first + 1))

    def _reached_s(self, k: int) -> float:
        within = (self._from + self._to) / 2 * self._over_s
        if k > within:
            return self._over_s + (k - within) / self._to
        slope = (self._to - self._from) / self._over_s
        # The root of from·t + slope·t²/2 = k, in the form that does not cancel and holds for slope 0.
        return 2 * k / (self._from + math.sqrt(max(0.0, self._from**2 + 2 * slope * k)))


EXAMPLES = (
    (Load(kind="ramp", concurrency=256, settings={"from": 1, "to": 3, "over": "2 s"}), (0.0, 0.7320508, 1.2360680)),
    (Load(kind="ramp", settings={"of": "concurrency", "from": 1, "to": 8, "over": "30 s"}), (None, None, None)),
)

"""Poisson arrivals: what many users who do not know of each other look like."""

import math
import random
from collections.abc import Iterator

import msgspec

from bench.execute.load.settings import Duration, max_wait_s, positive, read
from bench.records.spec import Load


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """`rate`: mean requests per second. `max_wait`: how long an arrival may wait for a free place before it is dropped."""

    rate: float
    max_wait: Duration | None = None


class Poisson:
    """Open loop with independent gaps, exponential with mean 1 / rate. The same seed gives the same arrivals on every machine."""

    def __init__(self, load: Load) -> None:
        """Made with the spec's load. Raises: ValueError when it makes no sense."""
        settings = read(load, Settings)
        self.concurrency = load.concurrency
        self.max_wait_s = max_wait_s(settings.max_wait)
        self._rate = positive(settings.rate, "rate")

    def arrivals(self, n: int, seed: int) -> Iterator[float | None]:
        """A Poisson process from 0 s on: gaps by inversion, −ln(1 − u) / rate."""
        draw = random.Random(f"poisson:{seed}").random  # noqa: S311 - spreads arrivals, protects nothing
        at_s = 0.0
        for _ in range(n):
            at_s -= math.log(1.0 - draw()) / self._rate
            yield at_s


EXAMPLES = (
    (Load(kind="poisson", concurrency=256, settings={"rate": 20}), 20.0),
    (Load(kind="poisson", concurrency=256, settings={"rate": 0.25, "max_wait": "30 s"}), 0.25),
)

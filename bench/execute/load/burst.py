"""Bursts: so many requests at one moment, again and again."""

from collections.abc import Iterator

import msgspec

from bench.execute.load.settings import Duration, duration_s, max_wait_s, read
from bench.records.spec import Load


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """`size`: requests of one burst. `every`: from burst to burst. `max_wait`: how long an arrival may wait for a free place."""

    size: int
    every: Duration
    max_wait: Duration | None = None


class Burst:
    """Open loop: all requests of a burst are due at the same moment. The next burst comes whether or not the last one is answered."""

    def __init__(self, load: Load) -> None:
        """Made with the spec's load. Raises: ValueError when it makes no sense."""
        settings = read(load, Settings)
        if settings.size < 1:
            raise ValueError(f"`size` is {settings.size}; expected at least 1")
        if settings.size > load.concurrency:
            raise ValueError(f"a burst of {settings.size} needs `concurrency` of at least {settings.size}; it is {load.concurrency}")
        self.concurrency = load.concurrency
        self.max_wait_s = max_wait_s(settings.max_wait)
        self._size, self._every_s = settings.size, duration_s(settings.every, "every")

    def arrivals(self, n: int, seed: int) -> Iterator[float | None]:  # noqa: ARG002 - nothing is drawn
        """Burst b at b · every seconds."""
        return (k // self._size * self._every_s for k in range(n))


EXAMPLES = (
    (Load(kind="burst", concurrency=64, settings={"size": 2, "every": "10 s"}), (0.0, 0.0, 10.0)),
    (Load(kind="burst", concurrency=1, settings={"size": 1, "every": "500 ms"}), (0.0, 0.5, 1.0)),
)

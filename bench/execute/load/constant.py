"""Constant rate: one arrival every 1 / rate seconds, whatever the server does."""

from collections.abc import Iterator

import msgspec

from bench.execute.load.settings import Duration, max_wait_s, positive, read
from bench.records.spec import Load


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """`rate`: requests per second. `max_wait`: how long an arrival may wait for a free place before it is dropped; unset: as long as it takes."""

    rate: float
    max_wait: Duration | None = None


class Constant:
    """Open loop, evenly spaced. Latency counts from the arrival, so a server that cannot keep up shows in every percentile."""

    def __init__(self, load: Load) -> None:
        """Made with the spec's load. Raises: ValueError when it makes no sense."""
        settings = read(load, Settings)
        self.concurrency = load.concurrency
        self.max_wait_s = max_wait_s(settings.max_wait)
        self._rate = positive(settings.rate, "rate")

    def arrivals(self, n: int, seed: int) -> Iterator[float | None]:  # noqa: ARG002 - nothing is drawn
        """The k-th (from 0) at k / rate seconds."""
        return (k / self._rate for k in range(n))


EXAMPLES = (
    (Load(kind="constant", concurrency=64, settings={"rate": 10}), (0.0, 0.1, 0.2)),
    (Load(kind="constant", concurrency=64, settings={"rate": 0.5, "max_wait": "10 s"}), (0.0, 2.0, 4.0)),
)

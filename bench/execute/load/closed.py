"""Closed loop: a fixed number of requests in flight, the next one sent when one is answered."""

from collections.abc import Iterator
from itertools import repeat

import msgspec

from bench.execute.load.settings import read
from bench.records.spec import Load


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing but `concurrency`."""


class Closed:
    """`concurrency` requests in flight, as long as there are any. A slow server is asked less often: read latency, not capacity, from it."""

    def __init__(self, load: Load) -> None:
        """Made with the spec's load.

        Raises: ValueError when the load makes no sense.
        """
        read(load, Settings)
        self.concurrency = load.concurrency

    def arrivals(self, n: int, seed: int) -> Iterator[float | None]:  # noqa: ARG002 - a closed loop draws nothing
        """As soon as a place is free, n times."""
        return repeat(None, n)


EXAMPLES = ((Load(), 1), (Load(concurrency=4), 4))

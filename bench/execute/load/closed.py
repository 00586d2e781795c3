"""Closed loop: a fixed number of requests in flight, the next one sent when one is answered."""

from collections.abc import Iterator
from itertools import repeat

from bench.records.spec import Load


class Closed:
    """`concurrency` requests in flight, as long as there are any. A slow server is asked less often: read latency, not capacity, from it."""

    def __init__(self, load: Load) -> None:
        """Made with the spec's load.

        Raises: ValueError when the load makes no sense.
        """
        if load.concurrency < 1:
            raise ValueError(f"concurrency is {load.concurrency}; expected at least 1")
        if load.settings:
            raise ValueError(f"load `closed` takes only `concurrency`; it does not know {', '.join(sorted(load.settings))}")
        self.concurrency = load.concurrency

    def arrivals(self, n: int, seed: int) -> Iterator[float | None]:  # noqa: ARG002 - a closed loop draws nothing
        """As soon as a place is free, n times."""
        return repeat(None, n)


EXAMPLES = ((Load(), 1), (Load(concurrency=4), 4))

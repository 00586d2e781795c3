"""A load shape: `load: {kind: pairs, settings: {every: 0.05}}` sends two requests at a time."""

from collections.abc import Iterator

from bench.records.spec import Load


class Pairs:
    """Two requests at once, and the next two so many seconds later."""

    def __init__(self, load: Load) -> None:
        """Take the load as it is written. Raises: ValueError when it makes no sense."""
        every = load.settings.get("every", 0.1)
        if not isinstance(every, int | float) or every <= 0:
            raise ValueError(f"`every` is a time in seconds, found {every!r}")
        self._every_s = float(every)
        self.concurrency = max(2, load.concurrency)

    def arrivals(self, n: int, seed: int) -> Iterator[float | None]:
        """When each of n requests is due, in seconds from the start."""
        return (k // 2 * self._every_s for k in range(n))

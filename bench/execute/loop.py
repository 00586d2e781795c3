"""The event loop that the wire needs: one that can watch sockets, and takes no detour to those that are read all the time.

Windows' own default cannot watch sockets, so a selector loop is asked for everywhere. What is lost there: `select` takes at most 512 sockets, and no
subprocess can be watched by the loop (none is: servers are watched by threads).
"""

import asyncio
import select
import selectors
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

Result = TypeVar("Result")
_MOST_READY = 1024  # in one turn of the loop


class _DirectSelector(selectors.BaseSelector):
    """Tells asyncio of its own files, and calls what reads the others itself: no key, no handle and no context for each read."""

    def __init__(self) -> None:
        self._others = selectors.EpollSelector()
        self._epoll = select.epoll()
        self._others_file = self._others.fileno()
        self._epoll.register(self._others_file, select.EPOLLIN)
        self._reads: dict[int, Callable[[], bool]] = {}

    def watch(self, file: int, read: Callable[[], bool]) -> None:
        self._epoll.register(file, select.EPOLLIN)
        self._reads[file] = read

    def unwatch(self, file: int) -> None:
        del self._reads[file]
        self._epoll.unregister(file)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Poll and read until asyncio has something to do, or the time is over."""
        ready: list[tuple[selectors.SelectorKey, int]] = []
        reads, poll = self._reads, self._epoll.poll
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            events = poll(timeout, _MOST_READY)
            is_done = not events
            for file, _ in events:
                read = reads.get(file)
                if read is not None:
                    is_done |= read()
                elif file == self._others_file:  # any other was closed in this very turn
                    ready = self._others.select(0)
                    is_done = True
            if is_done:
                return ready
            if until is not None:
                timeout = until - time.monotonic()
                if timeout <= 0:
                    return ready

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._others.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._others.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._others.modify(fileobj, events, data)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._others.get_map()

    def close(self) -> None:
        self._others.close()
        self._epoll.close()


class DirectLoop(asyncio.SelectorEventLoop):
    """A selector loop that calls what reads a watched socket from its very poll (Linux)."""

    def __init__(self) -> None:
        """Watch nothing yet."""
        self._direct = _DirectSelector()
        super().__init__(self._direct)

    def watch(self, file: int, read: Callable[[], bool]) -> None:
        """Call `read` whenever there is something to read. It says whether the loop has something to do now, and must not raise."""
        self._direct.watch(file, read)

    def unwatch(self, file: int) -> None:
        """Do so no more."""
        self._direct.unwatch(file)


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run this to its end, as `asyncio.run` does."""
    with asyncio.Runner(loop_factory=DirectLoop if hasattr(select, "epoll") else asyncio.SelectorEventLoop) as runner:
        return runner.run(work)

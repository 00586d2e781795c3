"""Threads that an adapter runs in."""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from bench.errors import ExtensionBroke


class Threads:
    """Daemon threads that do what they are given, in order: one that hangs does not keep the program from ending."""

    def __init__(self, n: int, name: str) -> None:
        """Start n of them."""
        self._work: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        self._n = n
        for place in range(n):
            threading.Thread(target=self._run, name=f"{name}-{place}", daemon=True).start()

    def do(self, work: Callable[[], Any]) -> Future[Any]:
        """Its result, when there is one. `work` raises nothing but `ExtensionBroke`."""
        done: Future[Any] = Future()
        self._work.put((done, work))
        return done

    def end(self) -> None:
        """Let each end after what it does now."""
        for _ in range(self._n):
            self._work.put(None)

    def _run(self) -> None:
        while (given := self._work.get()) is not None:
            done, work = given
            if not done.set_running_or_notify_cancel():
                continue
            try:
                done.set_result(work())
            except ExtensionBroke as broke:
                done.set_exception(broke)

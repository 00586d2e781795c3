"""Ctrl-C and SIGTERM: the first asks for a clean end, a second one insists. Part of the program (`pipeline.py`)."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self

from bench.execute.stop import StopRules

_entered: "list[Interrupts]" = []


def ask_all() -> bool:
    """Ask whatever runs in this process for a clean end; whether anything does."""
    for each in _entered:
        each.ask()
    return bool(_entered)


class Interrupts:
    """While entered, signals become a stop rule: what is in flight is put away, everything answered is kept.

    While a model is coming up (`raising`) there is nothing to put away but the model, so the signal raises KeyboardInterrupt at once.
    """

    def __init__(self, stop: StopRules) -> None:
        """Nothing is changed before it is entered."""
        self._stop = stop
        self._is_raising = False
        self._count = 0
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():  # no other is told of signals; `ask` is for those who have another do the work
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._on_signal)
        _entered.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        _entered.remove(self)
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def ask(self) -> None:
        """Ask for a clean end, from any thread."""
        self._count += 1
        self._stop.interrupt()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.ask()
        if self._is_raising or self._count > 1:
            raise KeyboardInterrupt

    @contextmanager
    def raising(self) -> Iterator[None]:
        """A stretch in which a signal raises KeyboardInterrupt; one that came before raises at once."""
        self._is_raising = True
        try:
            if self._count:
                raise KeyboardInterrupt
            yield
        finally:
            self._is_raising = False

"""Ctrl-C and SIGTERM: the first asks for a clean end, a second one insists. Part of the program (`pipeline.py`)."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self

from bench.execute.stop import StopRules


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
        for number in (signal.SIGINT, signal.SIGTERM):
            self._previous[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._count += 1
        self._stop.interrupt()
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

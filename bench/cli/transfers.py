"""Progress of downloads on standard error: bars on a terminal, a few plain lines elsewhere."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bench.cli.console import line, plain

Report = Callable[[str, int, int | None], None]
_SLOW_S = 2.0  # what is over sooner needs no more words than that it began


@contextmanager
def transfer_progress() -> Iterator[Report]:
    """A function `report(what, done_bytes, total_bytes)` that may be called from any thread, as long as the block lasts."""
    if not sys.stderr.isatty():
        yield PlainLines()
        return
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs it
    from rich.markup import escape  # noqa: PLC0415
    from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn, TransferSpeedColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, TaskID] = {}
        lock = threading.Lock()

        def report(what: str, done: int, total: int | None) -> None:
            with lock:
                if what not in tasks:
                    tasks[what] = bars.add_task(escape(plain(what)), total=total)
                bars.update(tasks[what], completed=done, total=total)

        yield report


class PlainLines:
    """At most three lines for each transfer: when it begins, at its half, and when it is done; only the first where it is over in a moment."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        """Nothing was said yet."""
        self._now_s = now_s
        self._running: dict[str, tuple[float, int]] = {}  # since when, and how many lines were said
        self._over: set[str] = set()
        self._lock = threading.Lock()

    def __call__(self, what: str, done: int, total: int | None) -> None:
        """Say it, if it is new."""
        with self._lock:
            is_over = total is not None and done >= total
            if is_over and what in self._over:
                return
            now_s = self._now_s()
            since_s, said = self._running.get(what, (now_s, 0))
            is_slow = now_s - since_s >= _SLOW_S
            if said == 0 or (is_slow and (is_over or (said == 1 and total is not None and 2 * done >= total))):
                line(f"{what}: {done / 1e6:.0f} of {total / 1e6:.0f} MB" if total else what)
                said += 1
            if is_over:
                self._over.add(what)
                self._running.pop(what, None)
            else:
                self._over.discard(what)  # the same again is another transfer
                self._running[what] = since_s, said

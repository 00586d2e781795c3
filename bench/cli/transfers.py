"""Progress of downloads on standard error: bars on a terminal, a few plain lines elsewhere."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bench.cli.console import plain

Report = Callable[[str, int, int | None], None]


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
    """A line when something begins, at each quarter, and when it is done."""

    def __init__(self) -> None:
        """Nothing was said yet."""
        self._said: dict[str, int] = {}
        self._lock = threading.Lock()

    def __call__(self, what: str, done: int, total: int | None) -> None:
        """Say it, if it is new."""
        quarter = 4 * done // total if total else 0
        with self._lock:
            if self._said.get(what, -1) >= quarter:
                return
            self._said[what] = quarter
        size = f": {done / 1e6:.0f} of {total / 1e6:.0f} MB" if total else ""
        sys.stderr.write(f"{plain(what)}{size}\n")
        sys.stderr.flush()

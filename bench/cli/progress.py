"""Live progress on standard error: bars on a terminal, plain lines elsewhere. Standard output stays for results."""

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from bench.cli.console import line, plain
from bench.cli.transfers import PlainLines
from bench.execute.progress import BlockFinished, BlockStarted, Event, KeptAlive, Restarted, RetryPlanned, SeatDied, Stopped, TrialDone
from bench.pipeline import Shown
from bench.records.exchange import Failure
from bench.records.plan import Block
from bench.records.serving import ModelStatus
from bench.trials import columns

LINE_EVERY_SHARE = 0.1  # without a terminal: a line per tenth of a block
SAME_TROUBLE = 3  # so many lines for failures of one kind of one model; the report counts them all


@contextmanager
def console_progress(*, quiet: bool) -> Iterator[Shown]:
    """Progress for this terminal, or for a log."""
    if quiet:
        yield Quiet()
    elif sys.stderr.isatty():
        bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=Console(stderr=True),
            refresh_per_second=4,  # drawing is CPU time beside the measured loop
            transient=True,
        )
        with bars:
            yield Bars(bars)
    else:
        yield Lines()


class Quiet:
    """Shows nothing."""

    def notify(self, event: Event) -> None:
        """Take no note."""

    def transferred(self, what: str, done: int, total: int | None) -> None:
        """Take no note."""

    def status(self, status: ModelStatus) -> None:
        """Take no note."""

    def judged(self, what: str, done: int, of: int) -> None:
        """Take no note."""

    def note(self, text: str) -> None:
        """Take no note."""


class _News:
    """The words for what is rare and matters; what is said often enough is said no more."""

    def __init__(self) -> None:
        self._served: set[tuple[str, str]] = set()
        self._troubles: Counter[tuple[str, str, str]] = Counter()

    def of_event(self, event: Event) -> str | None:
        match event:
            case RetryPlanned():
                which = f"{event.trial.model_id} {event.trial.prompt_id}"
                told = f"retry: {which} attempt {event.attempt} ended in {event.failure.kind}: {event.failure.message}"
                return self._limited(("retry", event.trial.model_id, event.failure.kind), told)
            case SeatDied() | Restarted():
                return _server_line(event)
            case Stopped():
                return f"stopped: {event.message}"
            case KeptAlive() if event.failure is not None:
                told = f"keep-alive failed: {event.model_id}: {event.failure.message}"
                return self._limited(("keep-alive", event.model_id, event.failure.kind), told)
            case TrialDone() if isinstance(event.sample.outcome, Failure):
                failure = event.sample.outcome
                told = f"failed: {event.trial.model_id} {event.trial.prompt_id}: {failure.kind}: {failure.message}"
                return self._limited(("failed", event.trial.model_id, failure.kind), told)
            case _:
                return None

    def _limited(self, trouble: tuple[str, str, str], told: str) -> str | None:
        self._troubles[trouble] += 1
        if self._troubles[trouble] == SAME_TROUBLE:
            return f"{told} (more of this kind is not shown; the report counts all)"
        return told if self._troubles[trouble] < SAME_TROUBLE else None

    def of_status(self, status: ModelStatus) -> str | None:
        key = (status.model_id, status.variant_id)
        if status.state == "served" and key in self._served:
            return None
        self._served.add(key)
        return _status_line(status)


def _server_line(event: SeatDied | Restarted) -> str:
    if isinstance(event, SeatDied):
        return f"died: {event.model_id}: {event.reason}; {event.not_tried} trials not tried"
    return f"restarted{'' if event.is_up else ' without success'}: {event.model_id}, after {event.reason}"


def _status_line(status: ModelStatus) -> str:
    name = f"{status.model_id} [{status.variant_id}]"
    if status.state != "served":
        return f"{name}: {status.state}: {status.reason}" + (f" ({status.hint})" if status.hint else "")
    endpoint = status.endpoint
    load = f", loaded in {endpoint.load_s:.1f} s" if endpoint and endpoint.load_s is not None else ""
    return f"{name}: served{load}" + (f" on {endpoint.device}" if endpoint and endpoint.device else "")


def _models(block: Block) -> list[str]:
    return sorted({kind.model_id for kind, _ in columns(block.trials).counted()})


class Lines:
    """Plain lines for a log: one per tenth of the work."""

    def __init__(self) -> None:
        """Start with nothing shown."""
        self._done = 0
        self._total = 0
        self._shown = 0.0
        self._news = _News()
        self._transfers = PlainLines()

    def notify(self, event: Event) -> None:
        """Write a line when there is something to say."""
        if (text := self._news.of_event(event)) is not None:
            line(text)
        if isinstance(event, BlockStarted):
            self._done, self._total, self._shown = 0, len(event.block.trials), 0.0
            line(f"measuring {', '.join(_models(event.block))}: {self._total} requests")
        elif isinstance(event, TrialDone):
            self._done += 1
            if self._done == self._total or self._done / self._total >= self._shown + LINE_EVERY_SHARE:
                self._shown = self._done / self._total
                line(f"  {self._done} of {self._total}")

    def transferred(self, what: str, done: int, total: int | None) -> None:
        """Write few lines about a download."""
        self._transfers(what, done, total)

    def judged(self, what: str, done: int, of: int) -> None:
        """Write a line per tenth."""
        if done == of or int(done / of / LINE_EVERY_SHARE) > int((done - 1) / of / LINE_EVERY_SHARE):
            line(f"  {what}: {done} of {of}")

    def note(self, text: str) -> None:
        """Write it."""
        line(text)

    def status(self, status: ModelStatus) -> None:
        """Write a line when a model comes up or fails."""
        if (text := self._news.of_status(status)) is not None:
            line(text)


class Bars:
    """Bars on a terminal."""

    def __init__(self, bars: Progress) -> None:
        """Draw into these bars."""
        self._bars = bars
        self._block: TaskID | None = None
        self._failed = 0
        self._transfers: dict[str, TaskID] = {}
        self._news = _News()

    def _tell(self, text: str) -> None:
        self._bars.console.print(escape(plain(text)), highlight=False, soft_wrap=True)

    def notify(self, event: Event) -> None:
        """Move the bar of the block."""
        if (text := self._news.of_event(event)) is not None:
            self._tell(text)
        if isinstance(event, BlockStarted):
            names = ", ".join(_models(event.block))
            self._failed = 0
            self._block = self._bars.add_task(escape(plain(names)), total=len(event.block.trials), note="")
        elif isinstance(event, TrialDone) and self._block is not None:
            self._failed += isinstance(event.sample.outcome, Failure)
            self._bars.update(self._block, advance=1, note=f"{self._failed} failed" if self._failed else "")
        elif isinstance(event, BlockFinished) and self._block is not None:
            self._bars.remove_task(self._block)
            self._block = None

    def transferred(self, what: str, done: int, total: int | None) -> None:
        """Move the bar of a download."""
        if what not in self._transfers:
            self._transfers[what] = self._bars.add_task(escape(plain(what)), total=total, note="")
        self._bars.update(self._transfers[what], completed=done, total=total, note=f"{done / 1e6:.0f} MB", visible=done != total)

    def judged(self, what: str, done: int, of: int) -> None:
        """Move the bar of a judge."""
        if what not in self._transfers:
            self._transfers[what] = self._bars.add_task(escape(plain(what)), total=of, note="")
        self._bars.update(self._transfers[what], completed=done, total=of, visible=done != of)

    def status(self, status: ModelStatus) -> None:
        """Say that a model has come up or failed."""
        if (text := self._news.of_status(status)) is not None:
            self._tell(text)

    def note(self, text: str) -> None:
        """Say it above the bars."""
        self._tell(text)

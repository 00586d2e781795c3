"""Processes on this machine that share one load and one clock (`time.perf_counter_ns` is the system's, and a fork keeps its zero)."""

import os
import selectors
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import TypeVar

import msgspec

from bench.protocols import LoadShape

Item = TypeVar("Item")
_LOOK_S = 0.1  # between two looks at whether the workers are to stop


class Share:
    """One of n shares of a load, for every n-th of its trials: its part of the concurrency, and every n-th arrival of the one schedule.

    `begin_s` is the moment, on `now_s`, from which arrivals count, the same in all processes.
    """

    def __init__(self, load: LoadShape, place: int, n: int, total: int, begin_s: float, now_s: Callable[[], float]) -> None:  # noqa: PLR0913, PLR0917
        """The share at this place, from 0, of a load of `total` trials."""
        self._load, self._place, self._n, self._total = load, place, n, total
        self._begin_s, self._now_s = begin_s, now_s
        self.concurrency = len(range(place, load.concurrency, n))
        self.max_wait_s: float | None = getattr(load, "max_wait_s", None)

    def arrivals(self, n: int, seed: int) -> Iterator[float | None]:
        """Those of the whole schedule that are this share's."""
        late_s = self._begin_s - self._now_s()
        mine = islice(self._load.arrivals(self._total, seed), self._place, None, self._n)
        return (None if due is None else max(0.0, due + late_s) for due in islice(mine, n))

    def opens(self) -> Iterator[float]:
        """When each of this share's places is first used."""
        opens = getattr(self._load, "opens", None)
        whole = [0.0] * self._load.concurrency if opens is None else list(opens())
        return iter(whole[self._place :: self._n])


def share(items: Sequence[Item], place: int, n: int) -> Sequence[Item]:
    """Every n-th item: shares do not overlap, and together they are all."""
    return items[place::n]


class Channel:
    """A worker's end: it speaks in lines, and is told to stop by the end of `stop_file`, also when its parent is gone."""

    def __init__(self, out: int, stop_file: int) -> None:
        """Made by `together`."""
        self._out = out
        self.stop_file = stop_file

    def say(self, message: bytes) -> None:
        """Send one line without a newline in it."""
        rest = memoryview(message + b"\n")
        while rest:
            rest = rest[os.write(self._out, rest) :]


class WorkerFailed(Exception):
    """A worker ended by an exception; its traceback is the message."""


class _Worker(msgspec.Struct):
    pid: int
    out: int
    stop: int
    held: bytes = b""


def together(n: int, work: Callable[[int, Channel], None], hear: Callable[[int, bytes], None], must_stop: Callable[[], bool]) -> None:
    """Run `work(place, channel)` in n forked processes, and `hear(place, line)` each of their lines in this one, until all have ended.

    As soon as `must_stop()` holds, all are told. Signals are this process's business: workers ignore them.

    Raises: WorkerFailed when one did, after all have ended.
    """
    workers: list[_Worker] = []
    failed = ""
    try:
        for place in range(n):
            workers.append(_fork(place, work, workers))
        _listen(workers, hear, must_stop)
    finally:
        for worker in workers:
            _tell_to_stop(worker)
            with suppress(OSError):
                os.close(worker.out)
            with suppress(ChildProcessError):
                _, status = os.waitpid(worker.pid, 0)
                if status:
                    failed = f"a worker ended with status {os.waitstatus_to_exitcode(status)}; its error is above"
    if failed:
        raise WorkerFailed(failed)


def _fork(place: int, work: Callable[[int, Channel], None], others: Sequence[_Worker]) -> _Worker:
    out_read, out_write = os.pipe()
    stop_read, stop_write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads: the child starts none of its own and touches none of the parent's
        pid = os.fork()
    if pid:
        os.close(out_write)
        os.close(stop_read)
        return _Worker(pid=pid, out=out_read, stop=stop_write)
    status = 1
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        for file in (out_read, stop_write, *(file for other in others for file in (other.out, other.stop))):
            os.close(file)
        work(place, Channel(out_write, stop_read))
        status = 0
    finally:  # however it ends: the parent must not go on as two
        if status:
            traceback.print_exc()
            sys.stderr.flush()
        os._exit(status)


def _listen(workers: Sequence[_Worker], hear: Callable[[int, bytes], None], must_stop: Callable[[], bool]) -> None:
    with selectors.DefaultSelector() as waiting:
        for place, worker in enumerate(workers):
            waiting.register(worker.out, selectors.EVENT_READ, place)
        while waiting.get_map():
            for key, _ in waiting.select(_LOOK_S):
                worker = workers[key.data]
                found = os.read(worker.out, 1 << 16)
                if not found:
                    waiting.unregister(worker.out)
                *lines, worker.held = (worker.held + found).split(b"\n")
                for line in lines:
                    hear(key.data, line)
            if must_stop():
                for worker in workers:
                    _tell_to_stop(worker)


def _tell_to_stop(worker: _Worker) -> None:
    if worker.stop >= 0:
        os.close(worker.stop)
        worker.stop = -1

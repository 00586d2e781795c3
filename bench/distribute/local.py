"""Processes on this machine that share one load and one clock (`time.perf_counter_ns` is the system's, and a fork keeps its zero)."""

import os
import selectors
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import TypeVar

import msgspec

from bench.protocols import LoadShape

Item = TypeVar("Item")
_LOOK_S = 0.1  # between two looks at what the workers are to be told
_PATIENCE_S = 10.0  # for a worker that was told to stop
_ASKING = (signal.SIGINT, signal.SIGTERM)


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
    """A worker's end: it speaks in lines, and is told in lines; the end of `orders` says that it is to stop, also when its parent is gone."""

    def __init__(self, out: int, orders: int) -> None:
        """Made by `together`."""
        self._out = out
        self.orders = orders
        self._held = b""

    def say(self, message: bytes) -> None:
        """Send one line without a newline in it; nothing happens when nobody listens any more."""
        rest = memoryview(message + b"\n")
        with suppress(BrokenPipeError):
            while rest:
                rest = rest[os.write(self._out, rest) :]

    def told(self) -> list[bytes] | None:
        """The lines that have come, or None: stop. Blocks while there is neither, so it is called when `orders` can be read."""
        found = os.read(self.orders, 1 << 16)
        *lines, self._held = (self._held + found).split(b"\n")
        return lines if found else None


class WorkerFailed(Exception):
    """A worker ended by an exception, which it has shown."""


class WorkerKilled(Exception):
    """A worker was ended by a signal: by the system, for want of memory, say. The message says which."""


class _Worker(msgspec.Struct):
    pid: int
    out: int
    orders: int
    held: bytes = b""
    code: int | None = None  # minus a signal's number when that ended it


def together(n: int, work: Callable[[int, Channel], None], hear: Callable[[int, bytes], None], orders: Callable[[], Sequence[bytes] | None]) -> None:
    """Run `work(place, channel)` in n forked processes, and `hear(place, line)` each of their lines in this one, until all have ended.

    `orders()` is asked again and again for lines that all are to be told; None: that they are to stop, as they are when one of them did not end well.
    Signals are this process's business: workers ignore those that ask for an end.

    Raises: WorkerFailed, WorkerKilled when one did not end well, after all have ended.
    """
    workers: list[_Worker] = []
    try:
        for place in range(n):
            workers.append(_fork(place, work, workers))
        _listen(workers, hear, orders)
    finally:
        for worker in workers:
            _tell_to_stop(worker)
        for worker in workers:
            with suppress(OSError):
                os.close(worker.out)
            _see_off(worker)
    codes = [worker.code for worker in workers if worker.code]
    if any(code > 0 for code in codes):
        raise WorkerFailed(f"a worker ended with status {max(codes)}; its error is above")
    if codes:
        name = signal.Signals(-codes[0]).name
        raise WorkerKilled(f"a worker was ended by {name}" + (" (the system ends processes so when memory is short)" if name == "SIGKILL" else ""))


def _fork(place: int, work: Callable[[int, Channel], None], others: Sequence[_Worker]) -> _Worker:
    out_read, out_write = os.pipe()
    orders_read, orders_write = os.pipe()
    signal.pthread_sigmask(signal.SIG_BLOCK, _ASKING)  # until the child ignores them: they are not for it, and must not be lost here
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads: the child starts none of its own and touches none of the parent's
        pid = os.fork()
    if pid:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ASKING)
        os.close(out_write)
        os.close(orders_read)
        return _Worker(pid=pid, out=out_read, orders=orders_write)
    status = 1
    try:
        for number in _ASKING:
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ASKING)
        for file in (out_read, orders_write, *(file for other in others for file in (other.out, other.orders))):
            os.close(file)
        work(place, Channel(out_write, orders_read))
        status = 0
    finally:  # however it ends: the parent must not go on as two
        if status:
            traceback.print_exc()
            sys.stderr.flush()
        os._exit(status)


def _listen(workers: Sequence[_Worker], hear: Callable[[int, bytes], None], orders: Callable[[], Sequence[bytes] | None]) -> None:
    with selectors.DefaultSelector() as waiting:
        for place, worker in enumerate(workers):
            waiting.register(worker.out, selectors.EVENT_READ, place)
        while waiting.get_map():
            for key, _ in waiting.select(_LOOK_S):
                worker = workers[key.data]
                found = os.read(worker.out, 1 << 16)
                if not found:
                    waiting.unregister(worker.out)
                    _see_off(worker)
                *lines, worker.held = (worker.held + found).split(b"\n")
                for line in lines:
                    hear(key.data, line)
            told = None if any(worker.code for worker in workers) else orders()
            for worker in workers:
                if told is None:
                    _tell_to_stop(worker)
                else:
                    _tell(worker, told)


def _tell(worker: _Worker, lines: Sequence[bytes]) -> None:
    with suppress(BrokenPipeError):
        for line in lines:
            os.write(worker.orders, line + b"\n")


def _tell_to_stop(worker: _Worker) -> None:
    if worker.orders >= 0:
        os.close(worker.orders)
        worker.orders = -1


def _see_off(worker: _Worker) -> None:
    """Wait until a worker that has ended, or was told to, is gone; one that does not go is killed."""
    until = time.monotonic() + _PATIENCE_S
    while worker.code is None:
        pid, status = os.waitpid(worker.pid, os.WNOHANG)
        if pid:
            worker.code = os.waitstatus_to_exitcode(status)
        elif time.monotonic() > until:
            os.kill(worker.pid, signal.SIGKILL)
            _, status = os.waitpid(worker.pid, 0)
            worker.code = os.waitstatus_to_exitcode(status)
        else:
            time.sleep(0.001)

"""Reads the machine beside the run, in a thread of its own, at the spec's interval; nothing of it is on the measured loop.

Everything is read, reduced and written by that thread. Whoever starts a block tells it so, and waits until it has read once: so a block's first slice
begins with the block and its last one ends with it.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from typing import Any, Literal

import msgspec

from bench.errors import BenchError, SourceAbsent
from bench.protocols import TelemetryMeans, TelemetrySource
from bench.records.plan import ServingKey
from bench.records.spec import Telemetry
from bench.records.telemetry import GpuFacts, Idle, Readings, SourceLost, SourceState, TelemetryEnd, TelemetryLine, TelemetryStart
from bench.telemetry.family import Family
from bench.telemetry.slices import Slicer, together

IDLE_S = 3.0
"""How long the machine at rest is read: three of the seconds over which NVML averages power."""

LINES_PER_WIDTH = 3000
"""After so many slices they become twice as long: ten minutes at 200 ms, then twenty at 400 ms, …: 25,000 lines for a day and a half."""

_LOOK_AGAIN = 10  # readings between two listings of our processes, which cost more than a reading
_PATIENCE_S = 5.0  # for a thread that hangs in a driver
_ALIVE_S = 0.1  # how often one that waits looks whether the thread is still there
_OPEN_S = 60.0  # for a driver that wakes its GPUs, seconds each, and for packages that are imported
_FAULTS = (BenchError, OSError, ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
Write = Callable[[TelemetryLine], None]
Maker = Callable[[TelemetryMeans], TelemetrySource]


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be read, and where it goes. `now_s` is the session's clock, whose zero on the system's monotonic one is `zero_ns`."""

    wanted: Telemetry
    sources: Mapping[str, Callable[[], Maker]]  # name -> what loads it
    now_s: Callable[[], float]
    zero_ns: int
    cores: int
    memory_bytes: int | None
    write: Write


class Recorder:
    """One session's reading. `open` it, tell it of the `block`s, `close` it; all of that from one thread."""

    def __init__(self, recording: Recording, family: Family | None = None) -> None:
        """Read nothing yet."""
        self._recording = recording
        self._family = family or Family()
        self._commands: SimpleQueue[tuple[Callable[[], Any], _Answer] | None] = SimpleQueue()
        self._sources: dict[str, TelemetrySource] = {}
        self._slicer = Slicer()
        self._is_reading = self._is_resting = False
        self._lines, self._every = 0, 1
        self._cost = _Cost()
        self._thread = threading.Thread(target=self._run, name="telemetry", daemon=True)
        self.states: tuple[SourceState, ...] = ()
        self.trouble: str | None = None  # what ended the writing before its time
        self._gpu_peak: int | None = None

    def open(self) -> None:
        """Open every source and begin the session's lines.

        Raises: SourceAbsent when the spec demands what this machine has not.
        """
        self._thread.start()
        is_open = self._ask(self._open, _OPEN_S)
        if not is_open and "on" in (self._recording.wanted.gpu, self._recording.wanted.energy):
            raise SourceAbsent(f"the sensors that the spec demands did not open within {_OPEN_S:g} s", hint="write `auto` to do without them")

    def rest(self, seconds: float = IDLE_S) -> None:
        """Read the machine at rest, before any model is up; only where there is energy to be read."""
        if any("energy" in source.gives for source in list(self._sources.values())) and self._recording.wanted.energy != "off":
            self._ask(self._begin_rest)
            time.sleep(seconds)
            self._ask(self._end_rest)

    @contextmanager
    def block(self, served: Mapping[ServingKey, int | None]) -> Iterator[None]:
        """Read while these models, with their processes, are measured."""
        self._family.watch(served)
        self._gpu_peak = None
        self._ask(self._begin)
        try:
            yield
        finally:
            self._ask(self._end_block)

    @property
    def gpu_peak_bytes(self) -> int | None:
        """The most GPU memory that the served models of the last block held; None where nobody tells."""
        return self._gpu_peak

    def close(self) -> None:
        """End the session's lines and the thread."""
        if self._thread.is_alive():
            self._ask(self._close)
            self._commands.put(None)
            self._thread.join(_PATIENCE_S)

    def _ask(self, work: Callable[[], Any], patience_s: float = _PATIENCE_S) -> bool:
        """Have the thread do something, and wait. What hangs in a driver is left to itself; nobody waits for a thread that has ended."""
        if not self._thread.is_alive():
            return False
        answer = _Answer()
        self._commands.put((work, answer))
        until_s = time.monotonic() + patience_s
        while not (is_done := answer.done.wait(_ALIVE_S)) and self._thread.is_alive() and time.monotonic() < until_s:
            pass
        if is_done and answer.error is not None:
            raise answer.error
        return is_done

    # What follows runs in the thread.

    def _run(self) -> None:
        try:
            self._work()
        finally:  # whatever ended it: nobody is to wait for it
            with suppress(Empty):
                while True:
                    command = self._commands.get_nowait()
                    if command is not None:
                        command[1].done.set()

    def _work(self) -> None:
        due_s = 0.0
        while True:
            wait_s = max(0.0, due_s - self._recording.now_s()) if self._is_reading else None
            try:
                command = self._commands.get(timeout=wait_s)
            except Empty:
                self._read()
                due_s = max(due_s + self._recording.wanted.interval_s, self._recording.now_s())
                continue
            if command is None:
                return
            work, answer = command
            try:
                work()
            except BenchError as error:
                answer.error = error
            finally:
                answer.done.set()
            due_s = self._recording.now_s() + self._recording.wanted.interval_s

    def _open(self) -> None:
        wanted = self._recording.wanted
        each: tuple[Literal["gpu", "energy"], ...] = ("gpu", "energy")
        wants = frozenset(name for name in each if getattr(wanted, name) != "off")
        means = TelemetryMeans(wants=wants, trees=self._family.trees)
        states = [self._open_one(name, load, means) for name, load in self._recording.sources.items()]
        self.states = tuple(states)
        gpus: tuple[GpuFacts, ...] = tuple(gpu for source in self._sources.values() for gpu in source.gpus)
        first = self._all()
        for name, found in (("gpu", first.gpus), ("energy", first.energy)):
            if getattr(wanted, name) == "on" and not found:
                raise _demanded(name, states)
        recording = self._recording
        self._write(
            TelemetryStart(
                interval_s=wanted.interval_s,
                cores=recording.cores,
                memory_bytes=recording.memory_bytes,
                clock_zero_ns=recording.zero_ns,
                sources=self.states,
                gpus=gpus,
            )
        )

    def _open_one(self, name: str, load: Callable[[], Maker], means: TelemetryMeans) -> SourceState:
        try:
            maker = load()
            if (off := _off(getattr(maker, "gives", None), means)) is not None:
                return SourceState(name=name, state="off", detail=off)
            source = maker(means)
            if (off := _off(source.gives, means)) is not None:  # of a third party's one knows that only now
                source.close()
                return SourceState(name=name, state="off", detail=off)
            self._sources[name] = source
        except _FAULTS as error:
            hint = getattr(error, "hint", None)
            return SourceState(name=name, state="absent", detail=f"{_words(error)}{f' ({hint})' if hint else ''}")
        return SourceState(name=name, state="read", detail=source.detail[:400])

    def _all(self) -> Readings:
        """What every source says now; one that fails says nothing from then on."""
        found = []
        for name, source in list(self._sources.items()):
            try:
                found.append(source.read())
            except _FAULTS as error:
                del self._sources[name]
                self._lose(name, _words(error))
        readings = together(found)
        for name, reason in readings.lost:
            self._lose(name, reason)
        return readings

    def _lose(self, name: str, reason: str) -> None:
        self._write(SourceLost(at_s=round(self._recording.now_s(), 6), source=name, reason=reason[:400]))

    def _read(self) -> None:
        with self._cost.counted(self._recording.now_s):
            if self._cost.readings % _LOOK_AGAIN == 0:
                self._family.look()
            readings = self._all()
            self._slicer.add(self._recording.now_s(), readings)
            ours = [gpu.ours_bytes for gpu in readings.gpus if gpu.ours_bytes is not None]
            if ours:
                self._gpu_peak = max(self._gpu_peak or 0, sum(ours))
            if len(self._slicer) >= self._every and not self._is_resting:
                self._cut()

    def _cut(self) -> None:
        made = self._slicer.cut()
        if made is not None:
            self._write(made)
            self._lines += 1
            if self._lines % LINES_PER_WIDTH == 0:
                self._every *= 2

    def _begin(self) -> None:
        self._slicer.forget()
        self._cost.begin(self._recording.now_s())
        self._read()
        self._is_reading = True

    def _end_block(self) -> None:
        self._read()
        self._cut()
        self._is_reading = False
        self._cost.end(self._recording.now_s())

    def _begin_rest(self) -> None:
        self._is_resting = True
        self._begin()

    def _end_rest(self) -> None:
        self._read()
        seen = self._slicer.cut()
        self._is_reading = self._is_resting = False
        self._cost.end(self._recording.now_s())
        if seen is not None and seen.energy:
            host = seen.host
            all_s = host.user_s + host.system_s + host.idle_s + host.irq_s + host.iowait_s + host.steal_s if host else 0.0
            busy = round(1 - (host.idle_s + host.iowait_s) / all_s, 4) if host and all_s else None
            self._write(Idle(from_s=seen.from_s, to_s=seen.to_s, energy=seen.energy, busy_share=busy))

    def _write(self, line: TelemetryLine) -> None:
        if self.trouble is None:
            try:
                self._recording.write(line)
            except (BenchError, OSError) as error:
                self.trouble = _words(error)

    def _close(self) -> None:
        self._is_reading = False
        self._write(self._cost.told())
        for source in self._sources.values():
            with suppress(*_FAULTS):  # the others are to be closed, too
                source.close()
        self._sources.clear()


class _Answer:
    __slots__ = ("done", "error")

    def __init__(self) -> None:
        self.done = threading.Event()
        self.error: BenchError | None = None


class _Cost:
    """What the reading takes: CPU time of its thread, and the longest reading."""

    def __init__(self) -> None:
        self.readings = 0
        self._cpu_s = self._span_s = self._longest_s = self._since_s = 0.0

    def begin(self, now_s: float) -> None:
        self._since_s = now_s

    def end(self, now_s: float) -> None:
        self._span_s += now_s - self._since_s

    @contextmanager
    def counted(self, now_s: Callable[[], float]) -> Iterator[None]:
        cpu_s, at_s = time.thread_time(), now_s()
        yield
        self.readings += 1
        self._cpu_s += time.thread_time() - cpu_s
        self._longest_s = max(self._longest_s, now_s() - at_s)

    def told(self) -> TelemetryEnd:
        return TelemetryEnd(readings=self.readings, span_s=round(self._span_s, 3), cpu_s=round(self._cpu_s, 6), longest_s=round(self._longest_s, 6))


def _off(gives: frozenset[str] | None, means: TelemetryMeans) -> str | None:
    """Why a source is not read, where the spec turns off all that it gives."""
    if not gives or gives & means.wants:
        return None
    words = " and ".join(f"`telemetry.{each}`" for each in sorted(gives))
    return f"{words} {'are' if len(gives) > 1 else 'is'} off in the spec"


def _words(error: BaseException) -> str:
    text = " ".join((getattr(error, "message", None) or str(error) or type(error).__name__).split())
    return text[:400]


def _demanded(name: str, states: list[SourceState]) -> SourceAbsent:
    why = "; ".join(f"{state.name}: {state.detail}" for state in states if state.state == "absent") or "no source tells of it"
    what = {"gpu": "a GPU that can be read", "energy": "an energy sensor that can be read"}[name]
    return SourceAbsent(f"the spec demands {what} (`telemetry.{name}: on`), and there is none: {why}", hint=f"write `{name}: auto` to do without it")


def cores() -> int:
    """Cores of the machine: what its CPU seconds are shares of."""
    return os.cpu_count() or 1

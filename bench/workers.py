"""One block measured by several processes (`bench run --workers N`). Part of the program (`pipeline.py`).

This process serves the models, sends the warm-up, shows progress and keeps the stop rules; the others send the measured trials, each its share, and
write their own files.
"""

import asyncio
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial

import msgspec

from bench.distribute.local import Channel, Share, WorkerKilled, share, together
from bench.errors import RunFolderError, UsageError
from bench.execute import loop
from bench.execute.progress import BlockFinished, BlockStarted, SeatDied, Silent, Stopped, TrialDone
from bench.execute.seat import Seat
from bench.execute.stop import StopRules
from bench.measure import Instruments, load_of, measure_with
from bench.protocols import StagedLoad
from bench.records.exchange import Completion, without_gaps
from bench.records.machine import ClientHealth
from bench.records.plan import Block, ServingKey
from bench.records.sample import Sample
from bench.records.spec import Limits, Spec
from bench.registry import Registry
from bench.store.places import TrialIndex
from bench.trials import left, measured, warmups

Writer = Callable[[str], AbstractContextManager[Callable[[Sample], None]]]


class Workers:
    """`n` processes. `writer(worker)` is what a worker writes its samples with; `on_answer` is told of each sample, without text, in this process."""

    def __init__(self, n: int, writer: Writer, on_answer: Callable[[Sample], None]) -> None:
        """Start none yet."""
        self._n = n
        self._writer = writer
        self._on_answer = on_answer

    def measure(self, instruments: Instruments, block: Block, seats: dict[ServingKey, Seat]) -> None:
        """Measure a block; health goes to the instruments, one line per process. A worker that is killed ends the run as an interrupt does.

        Raises: RunFolderError when a worker could not write its samples, WorkerFailed when one broke.
        """
        warm_up, trials = warmups(block.trials), measured(block.trials)
        load = load_of(instruments)
        n = min(self._n, load.concurrency, len(trials))
        if n <= 1 or any(seat.endpoint.transport == "in-process" for seat in seats.values()):  # a model in this process cannot be shared
            instruments.on_health(loop.run(measure_with(instruments, block, seats, load)))
            return
        if warm_up:
            instruments.on_health(loop.run(measure_with(instruments, msgspec.structs.replace(block, trials=warm_up), seats, load)))
            if instruments.stop.reason is not None:
                return
        block = msgspec.structs.replace(block, trials=trials)
        instruments.progress.notify(BlockStarted(block=block))
        begin_s = instruments.clock.now_s() + 0.05

        def work(place: int, channel: Channel) -> None:
            part = msgspec.structs.replace(block, trials=share(trials, place, n))
            shape = Share(load, place, n, len(trials), begin_s, instruments.clock.now_s)
            self._work(instruments, part, seats, shape, (place, channel))

        heard = _Heard(instruments, block, seats, self._on_answer)
        try:
            together(n, work, heard.hear, heard.orders)
        except WorkerKilled as killed:
            instruments.stop.interrupt(f"{killed}; everything answered so far is kept")
        if heard.refused is not None:
            raise heard.refused
        if instruments.stop.reason is not None:
            instruments.progress.notify(Stopped(reason=instruments.stop.reason, message=instruments.stop.message))

    def _work(self, instruments: Instruments, block: Block, seats: dict[ServingKey, Seat], shape: Share, at: tuple[int, Channel]) -> None:
        """What a worker does, in its own process."""
        place, channel = at
        worker = f"{instruments.worker}-{place + 1}"
        stop = StopRules(Limits(), instruments.clock)
        deaths = _as_seen_by(place, seats)

        def on_orders() -> None:
            told = channel.told()
            if told is None:
                asyncio.get_running_loop().remove_reader(channel.orders)
                stop.interrupt()
            for model_id, digest, reason in map(msgspec.json.decode, told or ()):
                deaths[model_id, digest] = reason

        try:
            with self._writer(worker) as write:

                def on_sample(sample: Sample) -> None:
                    write(sample)
                    channel.say(b"S" + msgspec.json.encode(_in_short(sample)))

                mine = msgspec.structs.replace(instruments, stop=stop, progress=Silent(), worker=worker, on_sample=on_sample)

                async def measure() -> ClientHealth:
                    asyncio.get_running_loop().add_reader(channel.orders, on_orders)
                    return await measure_with(mine, block, seats, shape)

                health = loop.run(measure())
        except RunFolderError as error:
            channel.say(b"R" + msgspec.json.encode((error.message, error.hint)))
            return
        channel.say(b"H" + msgspec.json.encode(health))


class _Heard:
    """What the workers say, put where one process would have put it."""

    def __init__(self, instruments: Instruments, block: Block, seats: dict[ServingKey, Seat], on_answer: Callable[[Sample], None]) -> None:
        self._instruments, self._seats, self._on_answer = instruments, seats, on_answer
        self._trials = TrialIndex((block,))
        self._block = block
        self._n_decided: dict[ServingKey, int] = dict.fromkeys(seats, 0)
        self.refused: RunFolderError | None = None  # what kept a worker from writing
        self._samples, self._healths = msgspec.json.Decoder(Sample), msgspec.json.Decoder(ClientHealth)

    def hear(self, _place: int, line: bytes) -> None:
        """Take one line of a worker."""
        instruments = self._instruments
        if line.startswith(b"H"):
            health = self._healths.decode(line[1:])
            died = [f"server died: {seat.died}" for seat in self._seats.values() if seat.died is not None]
            health = msgspec.structs.replace(health, stopped_by=instruments.stop.reason or "; ".join(died) or None)
            instruments.on_health(health)
            instruments.progress.notify(BlockFinished(health=health))
            return
        if line.startswith(b"R"):
            message, hint = msgspec.json.decode(line[1:])
            self.refused = RunFolderError(message, hint=hint)
            return
        sample = self._samples.decode(line[1:])
        self._on_answer(sample)
        if sample.is_final:
            instruments.stop.observe(sample, is_warmup=False)
            trial = self._trials.find(sample.trial_id)
            if trial is None:  # no worker sends what it was not given
                return
            self._n_decided[trial.key] += 1
            instruments.progress.notify(TrialDone(trial=trial, sample=sample))

    def orders(self) -> list[bytes] | None:
        """What the workers are to be told: which servers have died. None, to stop, when a rule holds or one of them cannot write."""
        self._instruments.stop.check_time()
        if self._instruments.stop.reason is not None or self.refused is not None:
            return None
        told = []
        for key, seat in self._seats.items():
            reason = seat.death() if seat.died is None else None
            if reason is not None:
                seat.died = reason
                not_tried = left(self._block.trials)[key] - self._n_decided[key]
                self._instruments.progress.notify(SeatDied(model_id=key[0], treatment_digest=key[1], reason=reason, not_tried=not_tried))
                told.append(msgspec.json.encode((*key, reason)))
        return told


def _in_short(sample: Sample) -> Sample:
    """A sample without its text and its gaps: what stop rules, costs and progress look at."""
    outcome = sample.outcome
    if isinstance(outcome, Completion):
        outcome = msgspec.structs.replace(outcome, text="", reasoning="")
    return msgspec.structs.replace(sample, outcome=outcome, timing=without_gaps(sample.timing))


def _as_seen_by(place: int, seats: dict[ServingKey, Seat]) -> dict[ServingKey, str]:
    """Seats for a worker: the serving processes are the parent's, which tells of their deaths; only the first worker may send the first request.

    Returns where a seat looks whether its server has died.
    """
    deaths: dict[ServingKey, str] = {}
    for key, seat in seats.items():
        seat.death = partial(deaths.get, key)
        seat.n_sent += place > 0
    return deaths


def check(n: int, spec: Spec, registry: Registry) -> None:
    """Look whether this load can be shared here.

    Raises: UsageError when it cannot.
    """
    if n <= 1:
        return
    if not hasattr(os, "fork"):
        raise UsageError("--workers takes a system that can fork (Linux, macOS)", hint="leave it out")
    if isinstance(registry.load("load", spec.load.kind)(spec.load), StagedLoad):
        raise UsageError(f"--workers cannot share load `{spec.load.kind}`, whose next step depends on all answers", hint="leave --workers out")

"""Runs one block: sends its trials, retries, settles answers into samples, and watches itself, the servers and the stop rules."""

import asyncio
import contextlib
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec

from bench.clock import Clock
from bench.execute.attempt import Attempts, ExecutionSettings
from bench.execute.deaths import Deaths
from bench.execute.gate import Gate
from bench.execute.keep_alive import KeepAlive
from bench.execute.lag import LoopLag
from bench.execute.mending import Mending
from bench.execute.progress import BlockFinished, BlockStarted, Progress, RetryPlanned, Stopped, TrialDone
from bench.execute.quiet import SETTLED_PER_COLLECTION, collect, quiet_collector
from bench.execute.retry import delay_s
from bench.execute.seat import Seat
from bench.execute.stages import ended, observer, stages
from bench.execute.stop import StopRules
from bench.execute.work import Job, Work
from bench.protocols import Capture, Stage
from bench.records.exchange import Failure
from bench.records.machine import ClientHealth
from bench.records.plan import Block, ServingKey, Trial
from bench.records.sample import Sample
from bench.trials import left, measured, warmups

# How long finished answers are read before the loop has its turn: as long as one answer takes, so that several small ones share a turn.
_SLICE_S = 0.0002

__all__ = ["ExecutionSettings", "Seat", "run_block"]


async def run_block(  # noqa: PLR0913, PLR0917 - the one door of this stage; each argument is another part of the program
    block: Block,
    seats: Mapping[ServingKey, Seat],
    settings: ExecutionSettings,
    sink: Callable[[Sample], None],
    progress: Progress,
    stop: StopRules,
    clock: Clock,
    worker: str,
) -> ClientHealth:
    """Run a block's trials on its seats (by `Trial.key`); every attempt goes to `sink` as a sample, and the client's health is returned.

    Warm-up trials are all answered before the first measured one is sent. Requests in flight when a stop rule begins to hold are given up: their
    trials get no final sample and stay pending. A seat whose server dies keeps the reason in `Seat.died`; what was left of it stays pending.
    When this is cancelled, complete answers still reach the sink before the cancellation goes on.
    """
    run = _BlockRun(seats, settings, sink, progress, stop, clock, worker)
    return await run.run(block)


class _BlockRun:
    """The state of one block while it runs."""

    def __init__(  # noqa: PLR0913, PLR0917 - takes over the arguments of `run_block`
        self,
        seats: Mapping[ServingKey, Seat],
        settings: ExecutionSettings,
        sink: Callable[[Sample], None],
        progress: Progress,
        stop: StopRules,
        clock: Clock,
        worker: str,
    ) -> None:
        self._seats = seats
        self._settings = settings
        self._sink = sink
        self._progress = progress
        self._stop = stop
        self._clock = clock
        self._worker = worker
        self._providers = {key: seat.provider(seat.endpoint, seat.credential, clock) for key, seat in seats.items()}
        self._gate = Gate()
        self._keep_alive = KeepAlive(seats, self._providers, self._gate, progress)
        self._deaths = Deaths(seats, self._providers, progress)
        self._mending = Mending(seats, self._gate, progress, clock)
        self._attempts = Attempts(seats, self._providers, self._gate, settings, clock)
        self._work = Work((), Counter(), self._deaths.is_dead, self._is_over, clock)
        self._answered: deque[tuple[Job, Capture, bool]] = deque()
        self._to_settle = asyncio.Event()
        self._n_settled = 0
        self._observe = observer(settings.load)
        self._places = 1
        self._stopped = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    async def run(self, block: Block) -> ClientHealth:
        loop = self._loop
        self._progress.notify(BlockStarted(block=block))
        for seat in self._seats.values():
            seat.last_active_s = loop.time()
        unlisten = self._stop.listen(self._on_stop)
        self._stop.check_time()
        if self._stop.reason is not None:
            self._stopped.set()
        remaining = self._stop.remaining_s()
        timer = None if remaining is None else loop.call_later(remaining + 0.001, self._stop.check_time)
        with quiet_collector():
            lag = LoopLag(self._clock)
            watchers = [asyncio.create_task(self._deaths.watch())]
            if self._settings.keep_alive_s is not None:
                wanted = self._keep_alive.run(self._settings.keep_alive_s, self._settings.warm_request, self._has_work)
                watchers.append(asyncio.create_task(wanted))
            try:
                await self._phases(block.trials)
            finally:
                unlisten()
                if timer is not None:
                    timer.cancel()
                await _end(watchers)
                for provider in self._providers.values():
                    await provider.close()
                health = self._health(lag)
        self._progress.notify(BlockFinished(health=health))
        return health

    def _on_stop(self) -> None:
        """Called by the stop rules, perhaps inside a signal handler."""
        self._loop.call_soon_threadsafe(self._stopped.set)

    def _health(self, lag: LoopLag) -> ClientHealth:
        if self._stop.reason is not None:
            self._progress.notify(Stopped(reason=self._stop.reason, message=self._stop.message))
        died = [f"server died: {seat.died}" for seat in self._seats.values() if seat.died is not None]
        told = lag.finish(
            worker=self._worker,
            treatment_digests=tuple(dict.fromkeys(digest for _, digest in self._seats)),
            keep_alive_requests=self._keep_alive.n_sent,
            stopped_by=self._stop.reason or "; ".join(died) or None,
        )
        return msgspec.structs.replace(told, model_ids=tuple(dict.fromkeys(model for model, _ in self._seats)), load_ended=ended(self._settings.load))

    async def _phases(self, trials: Sequence[Trial]) -> None:
        load = self._settings.load
        warm_up = warmups(trials)
        await self._phase(warm_up, (Job(trial=trial) for trial in warm_up), (0.0,) * load.concurrency)
        for stage in stages(load, measured(trials), self._settings.seed):
            await self._phase(stage.trials, _jobs(stage, self._clock.now_s()), stage.opens)
            if self._stopped.is_set():
                return

    async def _phase(self, trials: Sequence[Trial], jobs: Iterable[Job], opens: Sequence[float]) -> None:
        """Decide all these trials, or end early. On every way out the complete answers are settled.

        `jobs`: one for each of the trials, taken as places become free. `opens`: when each place begins to take.
        """
        if not trials or self._stopped.is_set():
            return
        self._work = Work(jobs, left(trials), self._deaths.is_dead, self._is_over, self._clock)
        self._deaths.left_of = self._work.left_of
        self._places = min(len(opens), len(trials))
        slots = [asyncio.create_task(self._slot(open_s)) for open_s in opens[: self._places]]
        settler = asyncio.create_task(self._settle_in_idle_slices())
        stopped = asyncio.create_task(self._stopped.wait())
        try:
            running = {*slots, settler}
            while running != {settler} and not stopped.done():
                done, _ = await asyncio.wait({*running, stopped}, return_when=asyncio.FIRST_COMPLETED)
                running -= done
                for task in done:
                    task.result()  # a bug in a slot is not swallowed
        except asyncio.CancelledError:
            self._stop.interrupt()
            raise
        finally:
            await _end([*slots, settler, stopped])
            while self._answered:
                await self._settle(*self._answered.popleft())

    async def _slot(self, open_s: float) -> None:
        """One place in the load: takes a job, has it answered, takes the next. It begins `open_s` after the others."""
        if open_s and await self._work.is_finished_within(open_s):
            return
        is_alone = self._places == 1
        most_unsettled = 4 * self._places
        while (job := self._work.take_now() or await self._work.take()) is not None:
            answered = await self._attempts.make(job)
            if answered is None:
                self._work.close()
                continue
            self._answered.append((job, *answered))
            if is_alone:
                await self._settle(*self._answered.popleft())
            else:
                self._to_settle.set()
                if len(self._answered) > most_unsettled:  # bounds memory where answers come faster than they can be read
                    await self._settle(*self._answered.popleft())

    async def _settle_in_idle_slices(self) -> None:
        """Read finished answers in short slices, with a turn of the loop between them, so that arrivals are never far from being taken."""
        while True:
            await self._to_settle.wait()
            self._to_settle.clear()
            while self._answered:
                until = time.perf_counter() + _SLICE_S
                while self._answered and time.perf_counter() < until:
                    await self._settle(*self._answered.popleft())
                await asyncio.sleep(0)

    async def _settle(self, job: Job, capture: Capture, is_first: bool) -> None:
        """Decode an answer, decide whether it is final, and hand it on."""
        exchange = capture.decode()
        key = job.trial.key
        if isinstance(exchange.outcome, Failure):
            exchange = await self._deaths.with_cause(key, exchange)
        await self._mending.heed(key, exchange)
        outcome = exchange.outcome
        again_s = None
        if isinstance(outcome, Failure) and not self._deaths.is_dead(key):
            again_s = delay_s(outcome, trial_id=job.trial.id, attempt=job.attempt, retries=self._settings.retries)
        sample = Sample(
            trial_id=job.trial.id, attempt=job.attempt, is_final=again_s is None, outcome=outcome, timing=exchange.timing, worker=self._worker,
            is_first=is_first, transport=self._seats[key].endpoint.transport,
        )  # fmt: skip
        self._sink(sample)
        if isinstance(outcome, Failure) and again_s is not None:
            self._try_again(job, outcome, again_s)
        else:
            self._stop.observe(sample, is_warmup=job.trial.is_warmup)
            if self._observe is not None and not job.trial.is_warmup:
                self._observe(sample)
            self._progress.notify(TrialDone(trial=job.trial, sample=sample))
            self._work.close()
        self._n_settled += 1
        if self._n_settled % SETTLED_PER_COLLECTION == 0:
            collect()

    def _try_again(self, job: Job, failure: Failure, again_s: float) -> None:
        if failure.kind == "rate_limit" and failure.retry_after_s is not None:
            seat = self._seats[job.trial.key]
            seat.held_until_s = max(seat.held_until_s, asyncio.get_running_loop().time() + again_s)
        self._progress.notify(RetryPlanned(trial=job.trial, attempt=job.attempt, failure=failure, delay_s=again_s))
        self._work.again(msgspec.structs.replace(job, attempt=job.attempt + 1, arrival_s=None), again_s)

    def _is_over(self) -> bool:
        return self._stop.reason is not None

    def _has_work(self, key: ServingKey) -> bool:
        return self._work.left_of(key) > 0


def _jobs(stage: Stage, start_s: float) -> Iterator[Job]:
    """The jobs of a stage that begins at this moment of the run's clock."""
    for trial, due_s in zip(stage.trials, stage.arrivals, strict=True):
        yield Job(trial=trial, arrival_s=None if due_s is None else start_s + due_s)


async def _end(tasks: Sequence[asyncio.Task[object]] | list[asyncio.Task[None]]) -> None:
    """Cancel tasks and wait until they are gone."""
    for task in tasks:
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(*tasks, return_exceptions=True)

"""Every block that a session has left, measured, and where its records go. Part of the program (`pipeline.py`)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec

from bench.clock import Clock
from bench.execute.progress import Progress
from bench.execute.stop import StopRules
from bench.interrupts import Interrupts
from bench.measure import Instruments, alone, measure
from bench.meter import Meter
from bench.protocols import ServingContext
from bench.records.exchange import without_gaps
from bench.records.machine import ClientHealth
from bench.records.sample import Sample
from bench.records.serving import ModelStatus
from bench.records.spec import Spec
from bench.registry import Registry
from bench.session import Opened
from bench.store.reader import read_statuses
from bench.store.writer import LineWriter
from bench.watching import Watch
from bench.workers import Workers


class Measuring(msgspec.Struct, frozen=True, kw_only=True):
    """What measuring a session's blocks needs. `workers`: how many processes send."""

    spec: Spec
    registry: Registry
    context: ServingContext
    progress: Progress
    on_status: Callable[[ModelStatus], None]
    clock: Clock
    watch: Watch
    workers: int = 1


def measure_all(measuring: Measuring, opened: Opened, meter: Meter, ends: tuple[StopRules, Interrupts]) -> None:
    """Measure every block that is left; the stop rules know what ended that before its time."""
    layout, spec = opened.layout, measuring.spec
    stop, interrupts = ends
    with LineWriter(layout.samples_of(opened.worker)) as samples, LineWriter(layout.models) as statuses:

        def on_sample(sample: Sample) -> None:
            samples.append(_kept(spec, sample))
            meter.add(sample)

        def on_status(status: ModelStatus) -> None:
            statuses.append(status)
            measuring.on_status(status)

        def on_health(health: ClientHealth) -> None:
            with LineWriter(layout.telemetry_of(health.worker)) as telemetry:
                telemetry.append(health)

        @contextmanager
        def writer(worker: str) -> Iterator[Callable[[Sample], None]]:
            with LineWriter(layout.samples_of(worker)) as file:
                yield lambda sample: file.append(_kept(spec, sample))

        n = measuring.workers
        instruments = Instruments(
            run=alone if n == 1 else Workers(n, writer, meter.add).measure,
            spec=spec,
            registry=measuring.registry,
            context=measuring.context,
            stop=stop,
            interrupts=interrupts,
            progress=measuring.progress,
            clock=measuring.clock,
            worker=opened.worker,
            on_sample=on_sample,
            on_status=on_status,
            on_health=on_health,
            served_before=frozenset((each.model_id, each.variant_id) for each in read_statuses(layout) if each.state == "served"),
            watch=measuring.watch,
        )
        for block in opened.rest.blocks:
            try:
                measure(instruments, block)
            except KeyboardInterrupt:  # from here on each block only says that it was not reached
                stop.interrupt()
            samples.sync()


def _kept(spec: Spec, sample: Sample) -> Sample:
    """A sample as the run keeps it."""
    return sample if spec.record == "full" else msgspec.structs.replace(sample, timing=without_gaps(sample.timing))

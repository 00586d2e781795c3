"""What is read of the machine beside a session. Part of the program (`pipeline.py`)."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Protocol
from urllib.parse import urlsplit

from bench.clock import Clock
from bench.protocols import Served
from bench.records.plan import ServingKey
from bench.records.serving import Endpoint
from bench.records.spec import Spec
from bench.registry import Registry
from bench.session import Opened
from bench.store.writer import LineWriter
from bench.telemetry.family import listener
from bench.telemetry.inventory import memory_bytes
from bench.telemetry.recorder import Recorder, Recording, cores

_HERE = {"localhost", "127.0.0.1", "::1"}


class Watch(Protocol):
    """Reads the machine while a block is measured."""

    gpu_peak_bytes: int | None

    def block(self, served: Mapping[ServingKey, Served]) -> AbstractContextManager[None]:
        """Read while these models are measured."""


class Blind:
    """Reads nothing."""

    gpu_peak_bytes: int | None = None

    @contextmanager
    def block(self, served: Mapping[ServingKey, Served]) -> Iterator[None]:  # noqa: ARG002 - the contract's argument
        """Look away."""
        yield


class Watching:
    """Reads this machine as the spec wants it."""

    def __init__(self, recorder: Recorder) -> None:
        """Made by `watching`."""
        self._recorder = recorder
        self.gpu_peak_bytes: int | None = None

    @contextmanager
    def block(self, served: Mapping[ServingKey, Served]) -> Iterator[None]:
        """Read while these models are measured, those of them that run here; a block of none is not read."""
        here = {key: _process(each.endpoint) for key, each in served.items() if is_here(each.endpoint)}
        self.gpu_peak_bytes = None
        if not here:
            yield
            return
        with self._recorder.block(here):
            yield
        # Of several models at once nobody says whose memory it is.
        self.gpu_peak_bytes = self._recorder.gpu_peak_bytes if len(here) == 1 else None


@contextmanager
def watching(spec: Spec, registry: Registry, opened: Opened, clock: Clock) -> Iterator[Watch]:
    """Read the machine for a session that has something to measure, at first at rest.

    Raises: SourceAbsent when the spec demands what this machine has not.
    """
    if not opened.rest.blocks or all(model.runtime == "replay" for model in spec.models):
        yield Blind()
        return
    with LineWriter(opened.layout.machine_of(opened.worker)) as lines:
        recorder = Recorder(
            Recording(
                wanted=spec.telemetry,
                sources={name: partial(registry.load, "telemetry", name) for name in registry.names("telemetry")},
                now_s=clock.now_s,
                zero_ns=clock.zero_ns,
                cores=cores(),
                memory_bytes=memory_bytes(),
                write=lines.append,
            )
        )
        try:
            recorder.open()
            recorder.rest()
            yield Watching(recorder)
        finally:
            recorder.close()


def is_here(endpoint: Endpoint) -> bool:
    """Whether a model runs on this machine, so that its readings speak of it."""
    return endpoint.owned or (urlsplit(endpoint.base_url).hostname or "") in _HERE


def _process(endpoint: Endpoint) -> int | None:
    """The process of a server that runs here; of one that bench did not start, the one that listens on its port."""
    if endpoint.pid is not None:
        return endpoint.pid
    address = urlsplit(endpoint.base_url)
    return listener(address.port) if address.port else None

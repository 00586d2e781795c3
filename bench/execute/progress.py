"""What the engine tells while it runs. Events are cheap to make and are told off the measured path; showing them is somebody else's work."""

from typing import Protocol

import msgspec

from bench.records.exchange import Failure
from bench.records.machine import ClientHealth
from bench.records.plan import Block, Trial
from bench.records.sample import Sample


class BlockStarted(msgspec.Struct, frozen=True, kw_only=True):
    """The trials of this block begin."""

    block: Block


class TrialDone(msgspec.Struct, frozen=True, kw_only=True):
    """A trial is decided by this sample."""

    trial: Trial
    sample: Sample


class RetryPlanned(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt failed and will be tried again after `delay_s`."""

    trial: Trial
    attempt: int
    failure: Failure
    delay_s: float


class KeptAlive(msgspec.Struct, frozen=True, kw_only=True):
    """An idle endpoint was sent a light prompt. `failure` None: it answered."""

    model_id: str
    treatment_digest: str
    failure: Failure | None = None


class SeatDied(msgspec.Struct, frozen=True, kw_only=True):
    """The server of a treatment has ended; the rest of its trials in this block, `not_tried` of them, stay pending."""

    model_id: str
    treatment_digest: str
    reason: str
    not_tried: int


class Restarted(msgspec.Struct, frozen=True, kw_only=True):
    """A server that went on answering with errors was started again, with the same model at the same address; `is_up` false: without success."""

    model_id: str
    treatment_digest: str
    reason: str
    is_up: bool


class Stopped(msgspec.Struct, frozen=True, kw_only=True):
    """A stop rule or the user ended the block."""

    reason: str
    message: str


class BlockFinished(msgspec.Struct, frozen=True, kw_only=True):
    """All trials of the block are decided, or it was ended."""

    health: ClientHealth


Event = BlockStarted | TrialDone | RetryPlanned | KeptAlive | SeatDied | Restarted | Stopped | BlockFinished


class Progress(Protocol):
    """Shows or records events. Called inside the event loop: must return at once."""

    def notify(self, event: Event) -> None:
        """Take note."""


class Silent:
    """Shows nothing."""

    def notify(self, event: Event) -> None:
        """Take no note."""

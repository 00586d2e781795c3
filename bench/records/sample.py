"""One observed attempt at one trial: a line of `samples/<worker>.jsonl`."""

import msgspec

from bench.records.exchange import Completion, Failure, Timing, Transport


class Sample(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One attempt. The line with `is_final` decides the trial; earlier attempts stay on record but are never a latency of the trial.

    `is_first` marks the first request after the model was loaded. `worker` is the file's stem; each session of a run writes a file of its own,
    and clock readings are comparable only within one file. `transport` is the endpoint's.
    """

    trial_id: str
    attempt: int  # from 1
    is_final: bool
    outcome: Completion | Failure
    timing: Timing
    worker: str
    is_first: bool = False
    transport: Transport = "http"


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """All of a sample that a check looks at."""

    trial_id: str
    outcome: Completion | Failure

"""What became of a gate: whether a run meets what its spec demands, and what that rests on. A part of `summary.json`."""

from collections.abc import Iterable
from typing import Literal

import msgspec

from bench.records.source import Position

GateOutcome = Literal["pass", "fail", "undecided"]
GateCause = Literal["bound", "noise", "too_few", "no_value", "judge", "judge_weak", "coverage", "client", "contention", "baseline"]
"""Why it is so. `bound`: the whole interval lies on one side. `noise`: it lies on both. `too_few`: there is no interval. `no_value`: nothing was
measured. `judge`: the judge was not to be had, failed, or graded too few answers. `judge_weak`: its word is not taken. `coverage`: too few answers
have a value. `client`: it was saturated. `contention`: other work on the machine may have spoilt it. `baseline`: there is none, or it is of something
else."""


class GateResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One gate of one model in one variant; both None where no model took part.

    `gate` is its place in the spec, from 0; `name` says it in words. `least` and `most` bound `value`, whose interval is `low`–`high`. Of a gate
    against a baseline, `value` is how much worse it has become (below 0: better), as a share of the baseline or in points of a score, and `baseline`
    its name.
    `is_reading`: a fact of this run, which has no noise. `position`: of the gate in the spec's files.
    """

    gate: int
    name: str
    metric: str
    outcome: GateOutcome
    cause: GateCause
    reason: str
    model_id: str | None = None
    variant_id: str | None = None
    aspect_id: str | None = None
    statistic: str | None = None
    unit: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    least: float | None = None
    most: float | None = None
    n: int = 0
    is_reading: bool = False
    baseline: str | None = None
    position: Position | None = None


def has_variants(results: Iterable[GateResult]) -> bool:
    """Whether these gates speak of several variants, so that each must name its own."""
    return len({one.variant_id for one in results if one.variant_id is not None}) > 1


def who(result: GateResult, *, named_variant: bool) -> str:
    """The model a gate is about, with its variant where that is needed; empty where no model took part."""
    if result.model_id is None:
        return ""
    return f"{result.model_id} [{result.variant_id}]" if named_variant else result.model_id

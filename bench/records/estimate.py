"""What is inferred from the samples, with its uncertainty: the parts of `summary.json`."""

from typing import Literal

import msgspec

from bench.records.calibration import Calibration
from bench.records.comparison import ModelComparison, Strength, VariantRatio
from bench.records.cost import CostEstimate, JudgeCost
from bench.records.exchange import Transport
from bench.records.gate import GateResult
from bench.records.judging import JudgeRecord
from bench.records.load import LoadFacts
from bench.records.machine import ClientHealth
from bench.records.selection import SelectionResult
from bench.records.selftest import SelfTest
from bench.records.serving import ModelStatus
from bench.records.telemetry import EnergyFacts, MachineUse, SourceState

Statistic = Literal["p50", "p90", "p95", "p99", "mean", "ratio", "rate", "share", "value", "max"]


class Group(msgspec.Struct, frozen=True, kw_only=True, order=True, omit_defaults=True):
    """What an estimate is about: a model in a variant, or a slice of its samples."""

    model_id: str
    variant_id: str
    prompt_id: str | None = None
    prefix: Literal["cold", "warm"] | None = None  # prompt prefix cached by the server or not
    aspect_id: str | None = None
    step: int | None = None  # of a load that rises in steps
    window: Literal["steady"] | None = None  # only requests that lie wholly in the load's steady part (`LoadFacts.steady`)


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """One number with its interval.

    `low`/`high` bound it at `level` (two-sided, 0.95 unless said); None where n is too small for one, and then `note` says so.
    `n` counts values, `clusters` prompts; `failed` and `not_applicable` count trials that gave no value. `method` names the interval's method.
    """

    metric: str
    statistic: Statistic
    unit: str
    better: Literal["lower", "higher", "neither"]
    group: Group
    value: float | None
    low: float | None = None
    high: float | None = None
    level: float = 0.95
    n: int
    clusters: int
    method: str
    failed: int = 0
    not_applicable: int = 0
    note: str | None = None


class PromptSpread(msgspec.Struct, frozen=True, kw_only=True):
    """How one metric was spread over the trials of one prompt: least, median, p95 and most of n values, without intervals.

    `p95` None: n too small for one with bounds (72). `latency` and the like leave out the first request after a load, as estimates do.
    """

    metric: str
    unit: str
    group: Group
    n: int
    least: float
    p50: float
    p95: float | None
    most: float


class Outlier(msgspec.Struct, frozen=True, kw_only=True):
    """A sample far from the others of its prompt: |value − median| > 5 MAD. It stays in every figure; of very many the farthest are listed."""

    metric: str
    group: Group
    trial_id: str
    value: float
    median: float
    mad: float


class AspectSummary(msgspec.Struct, frozen=True, kw_only=True):
    """How often one aspect of one prompt was met by one model. `abstained`/`failed` count grades without a score."""

    group: Group
    kind: Literal["check", "expect", "forbid"]
    passed: int
    graded: int
    abstained: int = 0
    failed: int = 0
    ungraded: int = 0  # no grader for it in this run


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """Trials of one treatment: planned = completed + failed + missing; `retried` counts trials with more than one attempt.

    Steps that a sweep did not come to, since it had found what it looked for, are not planned here; `LoadFacts.not_needed` counts them.
    """

    model_id: str
    variant_id: str
    planned: int
    completed: int
    failed: int
    missing: int
    retried: int
    failures: dict[str, int] = {}
    transport: Transport = "http"  # times and sizes of others are not compared with it


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a report shows, recomputed from the lines of a run folder: `summary.json`.

    `client_saturated`: latencies hold the client's own delay. `limited_by`: what kept the load from being the one that was asked for. `judges`: those
    that graded this run, the run's own first. `sources`: what was read of the machine meanwhile, and what could not be.
    """

    run_id: str
    spec_name: str
    spec_version: str
    spec_digest: str
    client_saturated: bool
    counts: tuple[Counts, ...]
    models: tuple[ModelStatus, ...]
    estimates: tuple[Estimate, ...]
    comparisons: tuple[ModelComparison, ...] = ()
    strengths: tuple[Strength, ...] = ()
    ratios: tuple[VariantRatio, ...] = ()
    aspects: tuple[AspectSummary, ...] = ()
    judges: tuple[JudgeRecord, ...] = ()
    gates: tuple[GateResult, ...] = ()
    selection: SelectionResult | None = None  # where the spec declares one
    spreads: tuple[PromptSpread, ...] = ()
    outliers: tuple[Outlier, ...] = ()
    outliers_more: int = 0
    costs: tuple[CostEstimate, ...] = ()
    judge_costs: tuple[JudgeCost, ...] = ()
    health: tuple[ClientHealth, ...] = ()
    loads: tuple[LoadFacts, ...] = ()
    limited_by: Literal["client", "server"] | None = None
    machine: tuple[MachineUse, ...] = ()
    energy: tuple[EnergyFacts, ...] = ()
    sources: tuple[SourceState, ...] = ()
    calibration: Calibration | None = None  # where people labelled answers of this run
    selftest: SelfTest | None = None
    notes: tuple[str, ...] = ()

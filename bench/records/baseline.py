"""What a run comes to, prompt by prompt and in few numbers: what two runs are compared by, and what `bench baseline` keeps of one."""

from typing import Literal

import msgspec

from bench.records.exchange import Transport
from bench.records.machine import Machine
from bench.records.run import GitState
from bench.records.selection import Chosen
from bench.records.serving import Api


class Level(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One statistic of one metric over all of a model's answers (a percentile, a mean, a rate), with its 95 % interval; `n` values."""

    metric: str
    statistic: str
    value: float
    low: float | None = None
    high: float | None = None
    n: int


class Answered(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One prompt as one model answered it: its rounds as one value of each metric.

    `request` is the beginning of the trials' `request_digest`: what was sent. `values`: metric -> the value of all rounds (of a time the median, of a
    speed the ratio of sums, else the mean) and of how many answers it is. `aspects`: aspect -> answers that met it, of how many that were graded.
    """

    prompt_id: str
    request: str
    n: int
    failed: int = 0
    step: int | None = None  # of a load that rises in steps
    values: dict[str, tuple[float, int]] = {}
    aspects: dict[str, tuple[int, int]] = {}


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """What a model's work cost. `amounts`: per run, request, million_tokens and accepted_answer; `priced`: the prices' digest, its beginning."""

    cost_model: str
    priced: str
    currency: str
    amounts: dict[str, float]


class Contestant(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A model in a variant: what answered, and how each prompt was answered. `facts`: what is measured once, in B or s.

    `contention`: what of other work took part of the machine meanwhile, in words, by what it may have spoilt: `times`, `energy`, `memory`,
    `gpu_memory`.
    """

    model_id: str
    variant_id: str
    treatment_digest: str
    served_model: str | None = None
    runtime_version: str | None = None
    weights_digest: str | None = None
    device: str | None = None
    transport: Transport = "http"
    api: Api = "openai"
    answers: tuple[Answered, ...] = ()
    levels: tuple[Level, ...] = ()
    facts: dict[str, float] = {}
    contention: dict[str, str] = {}
    cost: Price | None = None


class Grading(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the answers to a prompt are graded, as beginnings of digests: two scores compare only where theirs are equal.

    `checks`: the aspects that programs decide, with the rubric. `quality`: all aspects, with the rubric and each judge whose word is taken. `judged`:
    the same with the run's own judge. `aspects`: of each aspect what it asks, and of a judge's aspect who is asked.
    """

    checks: str | None = None
    quality: str | None = None
    judged: str | None = None
    aspects: dict[str, str] = {}


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """What a metric's numbers are."""

    unit: str
    better: Literal["lower", "higher", "neither"]


class Grader(msgspec.Struct, frozen=True, kw_only=True):
    """A judge that graded the run; `counts`: its scores are part of `quality`."""

    grader_id: str
    digest: str
    verdict: str
    counts: bool


class Baseline(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A run in few numbers: a file of `baselines/`.

    It holds no answer, no prompt and no name of a machine. `circumstances`: what else shapes times, by name (load, client, order, …), in words.
    `slo`: what `goodput` counts by. `limited_by`: what kept the load from being the one that was asked for. Numbers have six significant digits. A
    paired test needs one value per prompt and no more, so it says the same of a baseline and of its run.
    """

    baseline: Literal[1] = 1
    spec_name: str
    spec_version: str
    spec_digest: str
    run_id: str
    status: str
    started_at: str
    bench_version: str
    git: GitState | None = None
    machine: Machine
    client_saturated: bool = False
    limited_by: Literal["client", "server"] | None = None
    seed: int = 0
    circumstances: dict[str, str] = {}
    slo: str | None = None
    judges: tuple[Grader, ...] = ()
    metrics: dict[str, Measure] = {}
    prompts: dict[str, Grading] = {}
    models: tuple[Contestant, ...] = ()
    chosen: Chosen | None = None  # where its spec asks for a decision

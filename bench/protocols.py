"""The contracts, on one page. Whatever fulfils one is a file of its own and a line in `catalog.py`.

Doors, and what is registered at each:

    runtime   a `Runtime`, an `Adapter`  serves a model entry
    provider  a `Provider`           speaks to an endpoint
    load      a `LoadShape`          says when requests are sent
    check     a `CheckRule`          decides an aspect without a model
    grader    a `Grader`, `PairGrader`  asks a judge about an answer, or about two
    metric    a `Metric`             reads observations
    cost      a `CostModel`          turns work into money
    telemetry a `TelemetrySource`    reads the machine beside a run
    report    a `ReportFormat`       renders a view

Each file also holds `EXAMPLES`, which are its tests and its documentation.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

import msgspec

from bench.clock import Clock
from bench.records.cost import CostBasis, CostEstimate
from bench.records.exchange import Exchange
from bench.records.judging import Candidate, Judgement, PairJudgement, Question, Reply
from bench.records.observation import Observation
from bench.records.plan import Request, Treatment, Trial
from bench.records.sample import Sample
from bench.records.serving import Endpoint, ServingFacts
from bench.records.telemetry import GpuFacts, Readings
from bench.records.view import View


class ServingContext(msgspec.Struct, frozen=True, kw_only=True):
    """What a runtime may use: folders, permissions, environment, and a place to report progress.

    `progress(what, done_bytes, total_bytes)` may be called from any thread. `slots`: how many requests at once shall each have the whole context;
    a runtime that cannot say so to its server takes no notice. `uses_proxies`: the requests will go by the proxies that the environment names.
    `native`: they may go by a server's own API, where bench speaks it; else by OpenAI's.
    """

    spec_folder: Path
    log_folder: Path
    cache_folder: Path
    environ: Mapping[str, str]
    offline: bool = False
    allow_commands: bool = False
    slots: int = 1
    uses_proxies: bool = False
    native: bool = True
    progress: Callable[[str, int, int | None], None] = lambda _what, _done, _total: None


class Served(Protocol):
    """A model that is up."""

    endpoint: Endpoint
    credential: str | None  # a secret: never logged, never stored

    def facts(self) -> ServingFacts:
        """Memory, CPU time and sizes as of now."""

    def death(self) -> str | None:
        """Why the serving process is gone (exit code, signal, out of memory), or None while it lives or is not ours."""

    def close(self) -> None:
        """End it and everything it started. May be called twice."""


@runtime_checkable
class Restartable(Served, Protocol):
    """A served model that may go wrong in ways that only a fresh start ends."""

    def restart(self, why: str) -> bool:
        """Start it again, with the same model at the same address. Blocks until it is up; false when that did not help, or was done too often."""


@runtime_checkable
class Parting(Served, Protocol):
    """A served model that tells, once it is closed, what went amiss while it was put away."""

    def parting(self) -> tuple[str, ...]:
        """Remarks for its row; none where all went well, and before it is closed."""


class Runtime(Protocol):
    """Brings a model up. One object per run; `serve` may be called for several treatments."""

    def serve(self, treatment: Treatment, context: ServingContext) -> Served:
        """A model that is ready to answer. Blocks until it is.

        Raises: ServingError with the state it becomes (`unavailable`, `failed`), a reason and a hint.
        """


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """What an adapter knows of an answer when it is complete; token counts None where it does not count."""

    finish_reason: str = "stop"  # `length` when it was cut at `max_tokens`
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


@runtime_checkable
class Adapter(Protocol):
    """A model inside bench's own process, in the place of a `Runtime`: made without arguments, one object per model that is served.

    It runs in threads of its own, so it may block. It may also have `slots` (how many answers it writes at once; 1 unless said), `device` (where
    it runs, in words), and `close()`.
    """

    def load(self, settings: Mapping[str, Any]) -> None:
        """Make the model ready. `settings`: the model entry's, with its `model`, `threads`, `context`, `device` and `gpu` where declared."""

    def generate(self, messages: Sequence[Mapping[str, str]], settings: Mapping[str, Any]) -> str | Iterable[str | Ending]:
        """The answer: a text, or its pieces as they come, with an `Ending` as the last one where more is known.

        `messages` have a `role` and a `content`; `settings` are those of `generation:` that are set (`temperature`, `max_tokens`, `seed`, …).
        """


class Capture(Protocol):
    """An answer as it arrived, not yet read."""

    def decode(self) -> Exchange:
        """The outcome and its timing. Pure; called once, off the measured path."""


class Provider(Protocol):
    """Speaks to one endpoint. Made inside the event loop with (endpoint, credential, clock)."""

    async def call(self, request: Request, *, seed: int | None, timeout_s: float, scheduled_s: float | None = None) -> Capture:
        """Send one request and wait for the end of its answer. Never raises for what a server may do: that becomes a `Failure` on decoding."""

    async def close(self) -> None:
        """Close every connection."""


@runtime_checkable
class SelfSpoken(Served, Protocol):
    """A model that brings the provider that speaks to it, in the place of the spec's client."""

    def provider(self, endpoint: Endpoint, credential: str | None, clock: Clock) -> Provider:
        """Called inside the event loop, once per block."""


class LoadShape(Protocol):
    """When requests are sent. Made with a `bench.records.spec.Load`; raises ValueError when that makes no sense.

    It may also have `max_wait_s` (seconds that an arrival may wait for a free place before it is dropped) and `opens()` (for each place the
    second from which on it is used).
    """

    concurrency: int  # the most that may be in flight

    def arrivals(self, n: int, seed: int) -> Iterator[float | None]:
        """For each of n requests the second (from the block's start) it is due, or None: as soon as a place is free. Never falling."""


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a load: its trials, when each is due (s from the stage's start; None: as soon as a place is free), and its places.

    `opens` has one entry per place: the second from which on it is used.
    """

    trials: Sequence[Trial]
    arrivals: Iterator[float | None]
    opens: tuple[float, ...]


@runtime_checkable
class StagedLoad(LoadShape, Protocol):
    """A load in several stages, which may end before its last one because of what it saw. One object per block."""

    ended: str | None  # why it ended before its last stage

    def stages(self, trials: Sequence[Trial], seed: int) -> Iterator[Stage]:
        """One after the other; each is asked for when all trials of the one before are decided."""

    def observe(self, sample: Sample) -> None:
        """Take the sample that decides a measured trial into account."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a check found. `passed` None: it could not be decided (then `detail` says why)."""

    passed: bool | None
    detail: str


class CheckRule(Protocol):
    """Decides about an answer without a model. Made with the argument as written in the spec; raises ValueError when that makes no sense."""

    def decide(self, text: str) -> Verdict:
        """The verdict on one answer."""


@runtime_checkable
class ComparingRule(CheckRule, Protocol):
    """A check that compares with the prompt's reference."""

    def beside(self, reference: str | None) -> CheckRule:
        """The rule with the reference at hand; None where the prompt has none."""


class Questioner(Protocol):
    """Speaks to a judge's endpoint."""

    async def ask(self, question: Question) -> Reply:
        """Send one question and wait for the reply. Never raises for what a server may do: that becomes the reply's `failure`."""

    async def close(self) -> None:
        """Close every connection."""


class Grader(Protocol):
    """Asks a judge about one answer. Made with a `bench.judge.means.JudgeMeans`; raises ValueError when the method cannot work with them."""

    async def grade(self, candidate: Candidate) -> Judgement:
        """What the judge finds. A judge's outage or an unreadable reply is a state of the judgement, never an exception and never a score."""


class PairGrader(Protocol):
    """Asks a judge which of two answers to one prompt is better. Made like a `Grader`."""

    async def compare(self, first: Candidate, second: Candidate) -> PairJudgement:
        """What the judge prefers, asked in both orders."""


class Metric(Protocol):
    """Reads one number, several, or a fraction from an observation.

    `aggregate` says how a group's values become estimates: `quantiles` (p50, p95, p99 and mean), `mean`, `ratio` (measure returns
    (numerator, denominator); the group's value is the ratio of sums), `share` (0 or 1 each).
    """

    unit: str
    better: Literal["lower", "higher", "neither"]
    aggregate: Literal["quantiles", "mean", "ratio", "share"]

    def measure(self, seen: Observation) -> float | Sequence[float] | None:
        """The value; several values (one estimate over all, clustered by prompt); None: failed or not applicable."""


Array = Any
"""A numpy array. This page is read before a run, when numpy is not loaded."""


class Columns(Protocol):
    """Decided trials side by side, an entry each, as arrays: `float64`, `nan` where there is none, unless said otherwise.

    Names and units are those of `Timing`, `Usage` and `ServerTimings`. Where a trial failed, every number is `nan` and every `has_`/`is_` is false.
    """

    n: int
    is_answered: Array  # bool, as are all that begin with `is_` or `has_`
    is_stopped: Array  # the answer ended of its own accord (`finish_reason: stop`)
    is_warm: Array  # `Observation.prefix`
    has_reasoning: Array
    bypasses_cache: Array
    scheduled_s: Array
    sent_s: Array
    first_byte_s: Array
    first_token_s: Array
    last_token_s: Array
    finished_s: Array
    connect_s: Array
    chunks: Array
    gaps_us: Array  # int64, of all trials one after the other
    n_gaps: Array  # int64: how many of them are each trial's; 0 where it failed
    p50_us: Array  # of a summary of the gaps (`record: summary`)
    max_us: Array
    prompt_tokens: Array
    completion_tokens: Array
    cached_tokens: Array  # `Observation.cached_tokens`
    reasoning_tokens: Array
    prompt_n: Array
    prompt_ms: Array
    predicted_n: Array
    predicted_ms: Array


@runtime_checkable
class ColumnMetric(Metric, Protocol):
    """A metric that also reads many trials at once, and says the same of each as `measure`."""

    def measure_all(self, seen: Columns) -> Array | tuple[Array, Array]:
        """An entry for each trial, `nan` where there is none: a number; of a ratio the numerators and the denominators.

        Of several values per trial: all of them, one trial's after the other's, and how many each trial has.
        """


@runtime_checkable
class GradeMetric(Metric, Protocol):
    """A metric, of at most one number per trial, that looks at nothing but the grades and whether there is an answer.

    It reads one of all trials of a prompt and a model that were graded alike.
    """

    reads_grades: Literal[True]


class CostModel(Protocol):
    """Turns work into money. Made with the settings as written in the spec; raises ValueError when they make no sense."""

    def run_cost(self, basis: CostBasis) -> CostEstimate:
        """The cost of all of it (`per="run"`), with its formula."""


class WatchedTree(msgspec.Struct, frozen=True, kw_only=True):
    """A process tree of ours, by its process ids now: a served model's, or (`model_id` empty) that of bench itself without them.

    `is_known` false: nobody knows the server's process, so there are no ids.
    """

    model_id: str
    treatment_digest: str
    pids: frozenset[int] = frozenset()
    is_known: bool = True


class TelemetryMeans(msgspec.Struct, frozen=True, kw_only=True):
    """What a source may use: `wants` what the spec wants to be read, `trees` our process trees as of now."""

    wants: frozenset[Literal["gpu", "energy"]]
    trees: Callable[[], tuple[WatchedTree, ...]]


class TelemetrySource(Protocol):
    """Reads something of the machine. Made with `TelemetryMeans`; everything is called in one thread, which is not the measuring one.

    Raises when made: SourceAbsent or MissingExtension when there is nothing to read here, with a reason in plain words.
    """

    gives: ClassVar[frozenset[Literal["gpu", "energy"]]]  # beside the machine itself: what the spec can turn off, or demand
    detail: str  # what is read, in a few words
    gpus: tuple[GpuFacts, ...]

    def read(self) -> Readings:
        """Counters since a zero of its own, and what holds at this moment. Takes far less than a millisecond on the processor.

        Raises: SourceAbsent or OSError when there is nothing to read any more.
        """

    def close(self) -> None:
        """Let go of what it holds."""


class ReportFormat(Protocol):
    """Renders the view of a run."""

    filename: str

    def render(self, view: View, template: str | None) -> str:
        """The whole document. `template` is a user's Jinja template, or None for the shipped one."""


class Extensions(Protocol):
    """What is registered, as the spec stage sees it: names, and whether an argument makes sense."""

    def has(self, door: str, name: str) -> bool:
        """Whether this name is registered."""

    def names(self, door: str) -> tuple[str, ...]:
        """All registered names of a door, sorted; dearer than `has`."""

    def problem(self, door: str, name: str, argument: Any) -> str | None:
        """What is wrong with this argument for this extension, in words; None when nothing is."""

"""Measures the ruler: the client of `bench run` against a server that knows when it sent. Part of the program (`pipeline.py`).

The very engine, wire and sample file that a run uses measure a ground-truth server in a process of its own; what they saw is then held against what
that server noted. Nothing else may be measured meanwhile.
"""

import http.client
import math
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from bench.clock import Clock
from bench.errors import BenchError
from bench.execute import loop
from bench.execute.delivered import Delivered
from bench.execute.engine import ExecutionSettings, run_block
from bench.execute.load.closed import Closed
from bench.execute.seat import ProviderFactory, Seat
from bench.execute.stop import StopRules
from bench.records.exchange import Failure
from bench.records.machine import ClientHealth, Machine
from bench.records.plan import Block, Request, Trial
from bench.records.sample import Sample
from bench.records.selftest import SelfTest, ServedTruth
from bench.records.serving import Endpoint
from bench.records.spec import Generation, Limits, Load, Message, Spec
from bench.store.calibration import keep, recent, setting
from bench.store.create import write_json
from bench.store.layout import RunLayout
from bench.store.writer import LineWriter
from bench.summarize.health import SHORT, is_late
from bench.summarize.ruler import RulerError, ruler_error
from bench.telemetry.inventory import machine, packages

# More places than this tell no more about one process's loop, and take longer than a self-test should.
MOST_IN_FLIGHT = 512
_TTFT_MS = 10.0
_CHUNKS = 16
# At most ten thousand chunks a second in all: what several fast models stream together, and what the server's one core surely sends.
_ITL_MS, _ITL_MS_PER_PLACE = 2.0, 0.1
_LEAST_ROUNDS = 3
_READS_WELL = 0.01
# A client that is late is not good enough where that shows: in a run one can only fear it, here the errors are known.
_WORST_S = 0.001
# After a run: at least three rounds, so about two seconds with the server's start at the highest concurrency.
_BRIEF_S = 0.7
_MOST_BRIEF = 256
_WORTH_IT_S = 60.0
_PATIENCE_S = 10.0
_DIGEST = "self-test"
_KEY = ("self-test", _DIGEST)


class Ruler(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be tested: the client by its name and its maker, its load, and where it runs."""

    client: str
    provider: ProviderFactory
    concurrency: int
    is_streamed: bool
    machine: Machine
    bench_version: str


class Calibrating(msgspec.Struct, frozen=True, kw_only=True):
    """What a run needs to say how wrong its client is. `wanted`: True measures anew, False says nothing, None does what `calibrate` says."""

    spec: Spec
    provider: ProviderFactory
    cache: Path
    wanted: bool | None = None


class _Seen(msgspec.Struct, frozen=True, kw_only=True):
    samples: tuple[Sample, ...]
    health: ClientHealth
    truth: dict[str, ServedTruth]
    zero_ns: int


class _Deaf:
    """Progress that goes nowhere."""

    def notify(self, event: object) -> None:
        """Drop it."""


def calibrate(means: Calibrating, layout: RunLayout, measured_s: float) -> str | None:
    """Put a self-test into a run's folder, after its last answer; returns what the user should know of it, if anything.

    A kept one of the same setting is taken where there is one of the last days. Else it is measured where that prolongs a session that measured for
    `measured_s` by a thirtieth at most. A self-test that cannot be made costs no run.
    """
    if means.wanted is False or (means.wanted is None and layout.selftest.exists()):
        return None
    spec = means.spec
    if all(model.runtime == "replay" for model in spec.models):
        return None  # nothing was measured here
    ruler = ruler_of(spec.client, means.provider, min(spec.load.concurrency, _MOST_BRIEF), is_streamed=spec.generation.stream)
    name = setting(ruler.machine, ruler.bench_version, ruler.client, concurrency=ruler.concurrency, is_streamed=ruler.is_streamed)
    found = recent(means.cache, name, Clock().utc()) if means.wanted is None else None
    told = None
    try:
        if found is None and (means.wanted or measured_s >= _WORTH_IT_S):
            found = run_selftest(ruler, _BRIEF_S)
            told = f"self-test: {found.verdict}"
            keep(means.cache, found)
        if found is not None:
            write_json(layout.selftest, found)
    except BenchError as error:
        told = f"self-test: {error.message}"
    except OSError as error:
        told = f"self-test: {error.strerror or error}"
    except KeyboardInterrupt:
        told = "the self-test was interrupted; all answers are kept"
    return told


def ruler_of(client: str, provider: ProviderFactory, concurrency: int, *, is_streamed: bool) -> Ruler:
    """A client on this machine."""
    installed = packages().get("bench-spec", "unknown")
    return Ruler(client=client, provider=provider, concurrency=concurrency, is_streamed=is_streamed, machine=machine(), bench_version=installed)


def run_selftest(ruler: Ruler, seconds: float) -> SelfTest:
    """Measure for about so many seconds (three rounds of all places at least).

    Raises: BenchError when the ground-truth server does not come up, or nothing was answered.
    """
    itl_ms = max(_ITL_MS, _ITL_MS_PER_PLACE * ruler.concurrency)
    with _server(_TTFT_MS, itl_ms) as base_url, tempfile.TemporaryDirectory(prefix="bench-selftest-") as folder:
        seen = _measure(ruler, base_url, _trials(ruler, itl_ms, seconds), Path(folder) / "samples.jsonl")
    measured = tuple(sample for sample in seen.samples if not sample.trial_id.startswith("warm-up"))
    found = ruler_error(measured, seen.truth, seen.zero_ns, ruler.concurrency)
    if found is None:
        failures = {sample.outcome.message for sample in seen.samples if isinstance(sample.outcome, Failure)}
        raise BenchError(f"the self-test got no answer: {'; '.join(sorted(failures)[:3]) or 'it was ended'}", hint="is loopback traffic blocked?")
    return _record(ruler, itl_ms, seen, measured, found)


def _trials(ruler: Ruler, itl_ms: float, seconds: float) -> tuple[Trial, ...]:
    """One warm-up request per place, which opens its connection; then as many rounds of all places as the time allows."""
    answer_s = (_TTFT_MS + (_CHUNKS - 1) * itl_ms) / 1000
    rounds = max(_LEAST_ROUNDS, math.ceil(seconds / answer_s))
    count = ruler.concurrency * (rounds + 1)
    generation = Generation(max_tokens=_CHUNKS, temperature=0.0, stream=ruler.is_streamed)
    return tuple(
        Trial(
            id=f"{'warm-up' if number < ruler.concurrency else 'trial'}-{number}",
            request_digest=_DIGEST,
            treatment_digest=_DIGEST,
            model_id=_KEY[0],
            prompt_id=_DIGEST,
            variant_id="default",
            round=number + 1,
            is_warmup=number < ruler.concurrency,
            request=Request(messages=(Message(role="user", content=f"self-test {number}"),), generation=generation),
        )
        for number in range(count)
    )


def _measure(ruler: Ruler, base_url: str, trials: tuple[Trial, ...], path: Path) -> _Seen:
    samples: list[Sample] = []
    clock = Clock()
    expected_s = len(trials) / ruler.concurrency * 0.01 + _PATIENCE_S
    stop = StopRules(Limits(duration_s=2 * expected_s), clock)
    seat = Seat(endpoint=Endpoint(base_url=base_url, served_model="truth", owned=False), provider=ruler.provider, credential=None)
    settings = ExecutionSettings(load=Closed(Load(concurrency=ruler.concurrency)), retries=0, timeout_s=_PATIENCE_S)
    delivered = Delivered(ruler.concurrency, frozenset(trial.id for trial in trials if trial.is_warmup))
    with LineWriter(path) as lines:

        def sink(sample: Sample) -> None:
            lines.append(sample)
            samples.append(sample)
            delivered.observe(sample)

        async def measure() -> ClientHealth:
            return await run_block(Block(treatments=(), trials=trials), {_KEY: seat}, settings, sink, _Deaf(), stop, clock, "selftest")

        health = delivered.told(loop.run(measure()))
    return _Seen(samples=tuple(samples), health=health, truth=_truth(base_url, trials), zero_ns=clock.zero_ns)


def _truth(base_url: str, trials: Sequence[Trial]) -> dict[str, ServedTruth]:
    """What the server noted, by trial."""
    place = urlsplit(base_url)
    connection = http.client.HTTPConnection(place.hostname or "127.0.0.1", place.port, timeout=_PATIENCE_S)
    try:
        connection.request("GET", f"{place.path}/truth")
        noted: dict[str, Any] = msgspec.json.decode(connection.getresponse().read())["truth"]
    except (OSError, http.client.HTTPException, msgspec.DecodeError, KeyError) as error:
        raise BenchError(f"the self-test's server did not say what it sent: {error}", hint="try again") from error
    finally:
        connection.close()
    done = {number: each for number, each in noted.items() if each["end_ns"]}
    return {trials[int(number)].id: msgspec.convert(each, ServedTruth) for number, each in done.items() if int(number) < len(trials)}


@contextmanager
def _server(ttft_ms: float, itl_ms: float) -> Iterator[str]:
    """The ground-truth server's base URL while it runs. It ends with its standard input, so also when this process is killed."""
    words = ("--ttft-ms", f"{ttft_ms:g}", "--itl-ms", f"{itl_ms:g}", "--n", f"{_CHUNKS}")
    command = (sys.executable, "-P", "-m", "bench.providers.truth_server", *words)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else b""
            if not line:
                said = process.stderr.read().decode(errors="replace").strip().splitlines() if process.stderr else []
                raise BenchError(
                    f"the self-test's server did not start: {said[-1] if said else 'it said nothing'}", hint="`bench doctor` looks closer"
                )
            yield msgspec.json.decode(line)["base_url"]
        finally:
            process.kill()


def _record(ruler: Ruler, itl_ms: float, seen: _Seen, measured: Sequence[Sample], found: RulerError) -> SelfTest:
    stamps: set[Literal["kernel", "process"]] = {sample.timing.stamped_by for sample in measured if not isinstance(sample.outcome, Failure)}
    shown = found.ttft or found.latency
    worst_s = max(abs(shown.p99_s), abs(shown.p50_s))
    test = SelfTest(
        measured_at=f"{Clock().utc():%Y-%m-%dT%H:%M:%S+00:00}",
        machine=ruler.machine,
        bench_version=ruler.bench_version,
        client=ruler.client,
        concurrency=ruler.concurrency,
        is_streamed=ruler.is_streamed,
        ttft_sent_s=_TTFT_MS / 1000 if ruler.is_streamed else (_TTFT_MS + (_CHUNKS - 1) * itl_ms) / 1000,
        itl_sent_s=itl_ms / 1000 if ruler.is_streamed else 0.0,
        requests=len(measured),
        failed=sum(isinstance(sample.outcome, Failure) for sample in measured),
        duration_s=seen.health.finished_s - seen.health.started_s,
        stamped_by="both" if len(stamps) > 1 else next(iter(stamps), "process"),
        latency_error=found.latency,
        ttft_error=found.ttft,
        chunk_lateness=found.chunk_lateness,
        itl_error=found.itl,
        connect=found.connect,
        in_flight=found.in_flight,
        lag_p50_s=seen.health.lag_p50_s,
        lag_p99_s=seen.health.lag_p99_s,
        cpu_share=seen.health.cpu_share,
        cpu_wait_share=seen.health.cpu_wait_share,
        is_saturated=cannot_keep_up(seen.health, worst_s, None if found.in_flight is None else found.in_flight / ruler.concurrency),
        reads_well_from_s=worst_s / _READS_WELL,
        verdict="",
    )
    return msgspec.structs.replace(test, verdict=verdict(test))


def cannot_keep_up(health: ClientHealth, worst_s: float, delivered: float | None) -> bool:
    """Whether the client is late and it shows: in its worst error, or in the share of the concurrency that it delivered."""
    return is_late(health, _TTFT_MS / 1000) and (worst_s > _WORST_S or (delivered is not None and delivered < SHORT))


def verdict(test: SelfTest) -> str:
    """What the numbers mean for somebody who wants to measure, in one sentence or two."""
    what = "TTFT" if test.ttft_error else "latency"
    places = f"concurrency {test.concurrency}"
    if test.is_saturated:
        waits = f", waiting for a processor for {test.cpu_wait_share:.0%} of the time it wants one" if test.cpu_wait_share else ""
        late = f"its loop is {test.lag_p99_s * 1000:.1f} ms late at p99{waits}"
        return f"Not good enough at {places}: this client cannot keep up here ({late}). Use a quieter machine, or less load."
    if test.failed:
        return f"Not good enough at {places}: {test.failed} of {test.requests} requests failed on loopback."
    gaps = f" Gaps between chunks are right within {test.itl_error.p99_s * 1000:.2g} ms." if test.itl_error else ""
    return f"Good enough at {places} for a {what} of {test.reads_well_from_s * 1000:.2g} ms and more: the error's p99 is at most 1 % of it.{gaps}"

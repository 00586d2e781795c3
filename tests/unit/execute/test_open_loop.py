"""Open loops, ramps and sweeps: when requests leave and where a sweep ends, on simulated time; and the same over real sockets."""

import asyncio
import itertools

import pytest
from harness.calls import block, trial
from harness.mock_llm import mock_llm
from harness.simulated import LoopClock, SimulatedServer, run_simulated
from msgspec.structs import replace

from bench.catalog import REGISTRY
from bench.clock import Clock
from bench.execute.engine import ExecutionSettings, Seat, run_block
from bench.execute.progress import Silent
from bench.execute.stop import StopRules
from bench.providers.openai_chat import OpenAIChat
from bench.records.exchange import Completion
from bench.records.spec import Limits, Load, Slo


def run(server, n, load, *, steps=1):
    """Run n trials (per step) under a load: the samples by trial, and the client's health."""
    samples = []
    trials = [replace(trial(f"{step}-{k}"), step=step if steps > 1 else None) for step in range(1, steps + 1) for k in range(n)]
    shape = REGISTRY.load("load", load.kind)(load)
    is_simulated = isinstance(server, SimulatedServer)
    seats = {("m1", "t1"): Seat(endpoint=server.endpoint(), provider=server.provider if is_simulated else OpenAIChat)}
    settings = ExecutionSettings(load=shape, seed=1)

    async def work():
        clock = LoopClock() if is_simulated else Clock()
        return await run_block(block(*trials), seats, settings, samples.append, Silent(), StopRules(Limits(), clock), clock, "w1")

    health = run_simulated(work()) if is_simulated else asyncio.run(work())
    samples.sort(key=lambda sample: sample.timing.scheduled_s)
    return samples, health


def latency_s(sample):
    return sample.timing.finished_s - sample.timing.scheduled_s


def p99(values):
    ordered = sorted(values)
    return ordered[int(0.99 * len(ordered))]


def test_requests_are_sent_when_they_are_due_and_latency_counts_from_then():
    server = SimulatedServer(0.02)
    samples, _ = run(server, 30, Load(kind="constant", concurrency=16, settings={"rate": 100}))
    due = [sample.timing.scheduled_s for sample in samples]
    assert all(later - sooner == pytest.approx(0.01) for sooner, later in itertools.pairwise(due))
    assert server.received_s == pytest.approx(due, abs=0.001)
    assert [latency_s(sample) for sample in samples] == pytest.approx([0.02] * 30, abs=0.002)


def test_over_real_sockets_nothing_is_sent_before_it_is_due():
    with mock_llm(n=2) as server:
        samples, health = run(server, 30, Load(kind="constant", concurrency=16, settings={"rate": 100}))
        received_s = sorted(truth.received_ns * 1e-9 for truth in server.log)
    due = [sample.timing.scheduled_s for sample in samples]
    assert all(later - sooner == pytest.approx(0.01) for sooner, later in itertools.pairwise(due))
    assert all(sample.timing.sent_s >= sample.timing.scheduled_s for sample in samples)
    zero_s = health.clock_zero_ns * 1e-9
    assert all(received >= zero_s + at for received, at in zip(received_s, due, strict=True))


def test_a_slow_server_does_not_slow_the_arrivals_but_fills_the_backlog():
    with mock_llm(ttft_ms=100, n=1) as server:
        samples, _ = run(server, 12, Load(kind="constant", concurrency=2, settings={"rate": 100}))
        assert server.most_in_flight == 2
    assert samples[-1].timing.scheduled_s - samples[0].timing.scheduled_s == pytest.approx(0.11)
    assert latency_s(samples[-1]) > 0.4
    assert samples[-1].timing.finished_s - samples[-1].timing.sent_s < 0.25


def test_arrivals_that_wait_too_long_are_dropped_counted_and_never_sent():
    with mock_llm(ttft_ms=200, n=1) as server:
        samples, _ = run(server, 10, Load(kind="constant", concurrency=1, settings={"rate": 100, "max_wait": "50 ms"}))
        assert len(server.log) < 10
        sent = len(server.log)
    dropped = [sample for sample in samples if not isinstance(sample.outcome, Completion)]
    assert len(dropped) == 10 - sent > 0
    assert {sample.outcome.kind for sample in dropped} == {"dropped"}
    assert all(sample.is_final and sample.attempt == 1 for sample in dropped)
    assert all(sample.timing.sent_s == sample.timing.finished_s > sample.timing.scheduled_s + 0.05 for sample in dropped)
    assert "load.max_wait" in dropped[0].outcome.message


def test_a_stall_of_the_server_is_seen_by_an_open_loop_and_hardly_by_a_closed_one():
    """Coordinated omission: a closed loop stops asking while the server stalls, so only those in flight feel it."""
    opened, _ = run(SimulatedServer(stall_at=40, stall_s=0.3), 120, Load(kind="constant", concurrency=120, settings={"rate": 200}))
    closed, _ = run(SimulatedServer(stall_at=40, stall_s=0.3), 120, Load(concurrency=1))
    assert p99(map(latency_s, opened)) > 0.29
    assert sum(latency_s(sample) > 0.05 for sample in opened) == pytest.approx(51, abs=2)  # one every 5 ms of the first 250
    assert sum(latency_s(sample) > 0.05 for sample in closed) == 1


def test_a_burst_is_in_flight_all_at_once():
    with mock_llm(ttft_ms=150, n=1) as server:
        samples, _ = run(server, 16, Load(kind="burst", concurrency=16, settings={"size": 8, "every": "300 ms"}))
        assert 8 <= server.most_in_flight <= 16
    for burst in (samples[:8], samples[8:]):
        assert len({sample.timing.scheduled_s for sample in burst}) == 1
        assert max(sample.timing.sent_s for sample in burst) < min(sample.timing.finished_s for sample in burst)
    assert samples[8].timing.scheduled_s - samples[0].timing.scheduled_s == pytest.approx(0.3)


def test_concurrency_rises_with_its_ramp():
    with mock_llm(ttft_ms=20, n=1) as server:
        samples, _ = run(server, 60, Load(kind="ramp", settings={"of": "concurrency", "from": 1, "to": 4, "over": "600 ms"}))
        assert server.most_in_flight == 4
    start = samples[0].timing.sent_s
    early = [sample for sample in samples if sample.timing.sent_s < start + 0.08]
    assert all(later.timing.sent_s >= sooner.timing.finished_s for sooner, later in itertools.pairwise(early))


def test_a_ramp_that_rises_longer_than_there_is_work_ends_with_the_work():
    with mock_llm(n=1) as server:
        samples, health = run(server, 5, Load(kind="ramp", settings={"of": "concurrency", "from": 1, "to": 4, "over": "60 s"}))
    assert len(samples) == 5
    assert health.finished_s - health.started_s < 1


def swept(server, n=24, steps=5, slo=None, first=1, **settings):
    given = {"from": first, "to": 16} | settings
    load = Load(kind="sweep", steps=steps, concurrency=64, slo=slo or Slo(latency_s=10), settings=given)
    samples, health = run(server, n, load, steps=steps)
    counts = {step: sum(f"-{step}-" in sample.trial_id for sample in samples) for step in range(1, steps + 1)}
    return counts, health.load_ended


def test_a_sweep_of_concurrency_ends_where_throughput_stops_growing():
    """Four slots: 1, 2 and 4 at a time scale, 8 do not."""
    counts, ended = swept(SimulatedServer(0.015, slots=4))
    assert counts == {1: 24, 2: 24, 3: 24, 4: 24, 5: 0}
    assert ended.startswith("step 4 (concurrency 8): throughput stopped growing (26")


def test_a_sweep_of_concurrency_ends_where_the_objective_breaks():
    """Two slots of 40 ms: four at a time wait 80 ms."""
    counts, ended = swept(SimulatedServer(0.04, slots=2), n=20, steps=3, slo=Slo(ttft_s=0.07), first=2, to=8)
    assert counts == {1: 20, 2: 20, 3: 0}
    assert ended == "step 2 (concurrency 4): 2 of 20 requests met the slo, less than 95%"


def test_a_sweep_of_the_rate_finds_the_rate_that_the_slots_can_take():
    """Four slots of 20 ms take 200 requests per second."""
    counts, ended = swept(SimulatedServer(0.02, slots=4), n=40, steps=4, slo=Slo(ttft_s=0.06), of="rate", first=50, to=400)
    assert counts == {1: 40, 2: 40, 3: 40, 4: 40}
    assert ended.startswith("step 4 (rate 400)")


def test_a_sweep_that_meets_no_limit_says_none():
    counts, ended = swept(SimulatedServer(0.005), n=8, steps=3, to=4)
    assert counts == {1: 8, 2: 8, 3: 8}
    assert ended is None


def test_over_real_sockets_a_sweep_ends_where_the_objective_breaks():
    """One slot of 100 ms: four at a time wait 400 ms."""
    with mock_llm(ttft_ms=100, n=1, slots=1) as server:
        counts, ended = swept(server, n=8, steps=3, slo=Slo(ttft_s=0.3), first=1, to=16)
    assert counts == {1: 8, 2: 8, 3: 0}
    assert ended.startswith("step 2 (concurrency 4): ")

import asyncio
import time

import pytest
from harness.calls import block, trial
from harness.mock_llm import mock_llm, refusing_endpoint
from harness.simulated import LoopClock, SimulatedServer, run_simulated

from bench.clock import Clock, FakeClock
from bench.execute.engine import ExecutionSettings, Seat, run_block
from bench.execute.load.closed import Closed
from bench.execute.progress import KeptAlive, RetryPlanned, SeatDied, Stopped, TrialDone
from bench.execute.stop import StopRules
from bench.providers.fake import Fake
from bench.providers.openai_chat import OpenAIChat
from bench.records.exchange import Completion, Failure
from bench.records.quantity import Money
from bench.records.serving import Endpoint
from bench.records.spec import Limits, Load


class Run:
    """One block, run to its end; what came of it."""

    def __init__(self, seats, *trials, limits=None, clock=None, concurrency=1, on_event=None, cost=None, **settings):
        self.samples, self.events, self.seats = [], [], seats
        self.clock = clock or Clock()
        self.stop = StopRules(limits or Limits(), self.clock, cost_so_far=cost)
        self.on_event = on_event
        self.settings = ExecutionSettings(load=Closed(Load(concurrency=concurrency)), **settings)
        self.trials = trials
        self.health = None

    def notify(self, event):
        self.events.append(event)
        if self.on_event is not None:
            self.on_event(self, event)

    async def wait(self):
        seats = {("m1", digest): seat for digest, seat in self.seats.items()}
        arguments = (block(*self.trials), seats, self.settings, self.samples.append, self, self.stop, self.clock, "w1")
        self.health = await run_block(*arguments)
        return self

    def go(self):
        return asyncio.run(self.wait())

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]


def seat(server, *, owned=False, death=lambda: None):
    return Seat(endpoint=server.endpoint(owned=owned), provider=OpenAIChat, death=death)


def fake_seat(query=""):
    return Seat(endpoint=Endpoint(base_url=f"fake://model{query}", served_model="fake", owned=False), provider=Fake)


def test_every_trial_gets_one_final_sample_and_its_event():
    with mock_llm() as server:
        run = Run({"t1": seat(server)}, *[trial(k) for k in range(5)]).go()
    assert [sample.trial_id for sample in run.samples] == [f"t1-trial-{k}" for k in range(5)]
    assert all(sample.is_final and sample.attempt == 1 and sample.worker == "w1" for sample in run.samples)
    assert len(run.of(TrialDone)) == 5
    assert run.health.stopped_by is None
    assert run.health.treatment_digests == ("t1",)


def test_warm_ups_are_answered_before_the_first_measured_send():
    with mock_llm(ttft_ms=10) as server:
        warm, measured = [trial(k, is_warmup=True) for k in range(3)], [trial(k) for k in range(6)]
        run = Run({"t1": seat(server)}, *warm, *measured, concurrency=4).go()
    last_warm = max(sample.timing.finished_s for sample in run.samples if "warm" in sample.trial_id)
    assert all(sample.timing.sent_s >= last_warm for sample in run.samples if "trial" in sample.trial_id)
    assert len(run.samples) == 9


def test_only_the_first_request_to_a_model_that_we_loaded_is_marked():
    with mock_llm() as server:
        owned, foreign = seat(server, owned=True), seat(server)
        first = Run({"t1": owned}, trial(1, is_warmup=True), trial(2)).go()
        later = Run({"t1": owned}, trial(3)).go()
        external = Run({"t1": foreign}, trial(4)).go()
    assert [sample.is_first for sample in (*first.samples, *later.samples, *external.samples)] == [True, False, False, False]


def test_the_asked_concurrency_is_reached_and_never_passed():
    with mock_llm(ttft_ms=30, n=2) as server:
        run = Run({"t1": seat(server)}, *[trial(k) for k in range(40)], concurrency=8).go()
        assert server.most_in_flight == 8
    assert len({sample.trial_id for sample in run.samples}) == 40


def test_failures_that_can_mend_are_tried_again_each_attempt_with_its_own_clock():
    with mock_llm(fault="503", fault_first=1) as server:
        run = Run({"t1": seat(server)}, trial(1)).go()
    failed, answered = run.samples
    assert (failed.attempt, failed.is_final, failed.outcome.kind) == (1, False, "server")
    assert (answered.attempt, answered.is_final) == (2, True)
    assert answered.timing.scheduled_s == answered.timing.sent_s >= failed.timing.finished_s + run.of(RetryPlanned)[0].delay_s
    assert answered.timing.finished_s - answered.timing.sent_s < 0.25


def test_retry_after_is_kept_to_by_all_requests_to_that_server():
    with mock_llm(fault="429", fault_first=1, retry_after="0.2") as server:
        run = Run({"t1": seat(server)}, *[trial(k) for k in range(3)], concurrency=1).go()
    refused, *others = run.samples
    assert refused.outcome.kind == "rate_limit"
    assert min(sample.timing.sent_s for sample in others) >= refused.timing.finished_s + 0.2
    assert sum(sample.is_final for sample in run.samples) == 3


@pytest.mark.parametrize("fault", ["400", "401", "context", "memory", "empty-delta"])
def test_failures_that_stay_are_final_at_once(fault):
    with mock_llm(fault=fault) as server:
        run = Run({"t1": seat(server)}, trial(1)).go()
    assert [(sample.attempt, sample.is_final) for sample in run.samples] == [(1, True)]


def test_a_refused_connection_is_never_retried_and_costs_no_time():
    started = time.perf_counter()
    run = Run({"t1": Seat(endpoint=refusing_endpoint(), provider=OpenAIChat)}, trial(1), trial(2), timeout_s=60.0).go()
    assert time.perf_counter() - started < 20  # no timeout was waited for
    assert [(sample.attempt, sample.outcome.kind) for sample in run.samples] == [(1, "unreachable"), (1, "unreachable")]


def test_a_hanging_server_is_timed_out_attempt_by_attempt():
    with mock_llm(fault="hang") as server:
        run = Run({"t1": seat(server)}, trial(1), timeout_s=0.05, retries=0).go()
    assert run.samples[0].outcome.kind == "timeout"
    assert run.samples[0].is_final


def test_an_interrupt_gives_up_what_is_in_flight_and_keeps_what_was_answered():
    def interrupt_after_two(run, event):
        if isinstance(event, TrialDone) and len(run.samples) == 2:
            asyncio.get_running_loop().call_later(0.05, run.stop.interrupt)

    with mock_llm() as server:
        slow = trial(3, text="[[ttft_ms=60000]]")
        run = Run({"t1": seat(server)}, trial(1), trial(2), slow, trial(4), on_event=interrupt_after_two).go()
    assert [sample.trial_id for sample in run.samples] == ["t1-trial-1", "t1-trial-2"]
    assert run.health.stopped_by == "interrupt"
    assert run.of(Stopped)[0].reason == "interrupt"


def test_cancelling_the_block_keeps_what_was_answered_too():
    def count(run, event):
        if isinstance(event, TrialDone) and len(run.samples) == 2:
            run.two_answered.set()

    async def cancel(run):
        run.two_answered = asyncio.Event()
        task = asyncio.create_task(run.wait())
        await asyncio.wait_for(run.two_answered.wait(), 60)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return task.cancelled()

    with mock_llm() as server:
        run = Run({"t1": seat(server)}, trial(1), trial(2), trial(3, text="[[fault=hang]]"), concurrency=2, on_event=count)
        assert asyncio.run(cancel(run))
    assert {sample.trial_id for sample in run.samples} == {"t1-trial-1", "t1-trial-2"}
    assert run.stop.reason == "interrupt"


def test_the_duration_limit_ends_a_block_in_the_middle_of_an_answer():
    server = SimulatedServer(0.1, stall_at=2, stall_s=1000.0)

    async def work():
        seat_there = Seat(endpoint=server.endpoint(), provider=server.provider)
        return await Run({"t1": seat_there}, trial(1), trial(2), limits=Limits(duration_s=1.0), clock=LoopClock()).wait()

    run = run_simulated(work())
    assert len(run.samples) == 1
    assert run.health.stopped_by == "duration"
    assert run.health.finished_s == pytest.approx(1.0, abs=0.05)


def test_a_stopped_run_sends_nothing_more():
    with mock_llm() as server:
        run = Run({"t1": seat(server)}, trial(1))
        run.stop.interrupt()
        run.go()
        assert server.log == []
    assert run.samples == []


def test_the_error_rate_stops_a_run_only_after_enough_answers():
    with mock_llm(fault="400") as server:
        run = Run({"t1": seat(server)}, *[trial(k) for k in range(50)], limits=Limits(max_error_rate=0.05)).go()
    assert len(run.samples) == 20
    assert run.health.stopped_by == "error_rate"
    assert "20 of 20" in run.stop.message


def test_the_cost_limit_stops_a_run():
    spent = []
    run = Run(
        {"t1": fake_seat()}, *[trial(k) for k in range(50)], limits=Limits(cost=Money(amount=1.0, currency="EUR")),
        cost=lambda: 0.25 * len(spent), on_event=lambda _run, event: spent.append(event) if isinstance(event, TrialDone) else None,
    ).go()  # fmt: skip
    assert run.health.stopped_by == "cost"
    assert len(run.samples) == 5


def test_a_dead_server_costs_its_rows_once_and_not_a_timeout_each():
    dead = []
    with mock_llm() as server, mock_llm() as other:
        seats = {"t1": seat(server, owned=True, death=lambda: dead[0] if dead else None), "t2": seat(other)}

        def die(_run, event):
            if isinstance(event, TrialDone) and not dead:
                dead.append("killed by signal 9; the system was out of memory")
                server.close()

        trials = [trial(k, digest=digest) for k in range(5) for digest in ("t1", "t2")]
        run = Run(seats, *trials, on_event=die, timeout_s=30).go()
    samples = [sample for sample in run.samples if sample.trial_id.startswith("t1")]
    assert isinstance(samples[0].outcome, Completion)
    assert [sample.outcome.kind for sample in samples[1:]] == ["out_of_memory"]
    assert "signal 9" in samples[1].outcome.message
    assert len([sample for sample in run.samples if sample.trial_id.startswith("t2")]) == 5
    assert seats["t1"].died == dead[0]
    assert run.of(SeatDied)[0].not_tried == 3
    assert "server died" in run.health.stopped_by


def test_a_server_that_dies_without_closing_its_connection_is_noticed():
    dead = []
    with mock_llm(fault="hang") as server:
        one = seat(server, owned=True, death=lambda: "exit code 1" if dead else None)
        run = Run({"t1": one}, trial(1), trial(2), timeout_s=30)
        run.on_event = lambda _run, _event: asyncio.get_running_loop().call_later(0.05, dead.append, 1)
        started = time.perf_counter()
        run.go()
    assert time.perf_counter() - started < 25  # before the timeout
    assert [sample.outcome.kind for sample in run.samples] == ["server"]


def test_an_idle_endpoint_is_kept_alive_but_never_beside_a_measured_request():
    with mock_llm(ttft_ms=30, n=1) as idle, mock_llm(ttft_ms=50, n=1) as busy:
        seats = {"t1": seat(idle), "t2": seat(busy)}
        trials = [trial(1, digest="t1"), *[trial(k, digest="t2") for k in range(8)], trial(2, digest="t1")]
        run = Run(seats, *trials, concurrency=2, keep_alive_s=0.06).go()
        light = [truth for truth in (*idle.log, *busy.log) if truth.body.get("max_tokens") == 1]
    windows = [((truth.received_ns - run.clock.zero_ns) * 1e-9, (truth.sends_ns[0] - run.clock.zero_ns) * 1e-9) for truth in light]
    slack = 2e-4  # kernel stamps against the server's
    assert light
    assert run.health.keep_alive_requests == len(light) == len(run.of(KeptAlive))
    measured = [(sample.timing.sent_s, sample.timing.finished_s) for sample in run.samples]
    assert all(end <= asked + slack or start >= answered - slack for asked, answered in windows for start, end in measured)
    assert len(run.samples) == 10


def test_light_answers_slower_than_their_period_do_not_starve_the_measured_requests():
    with mock_llm(ttft_ms=25, n=1) as first, mock_llm(ttft_ms=25, n=1) as second:
        trials = [trial(k, digest=digest) for k in range(3) for digest in ("t1", "t2")]
        run = Run({"t1": seat(first), "t2": seat(second)}, *trials, keep_alive_s=0.01).go()
    assert len(run.samples) == 6
    assert run.health.keep_alive_requests > 0


def test_without_the_setting_no_light_prompt_is_sent():
    with mock_llm(ttft_ms=50) as server:
        run = Run({"t1": seat(server)}, trial(1), trial(2)).go()
        assert len(server.log) == 2
    assert run.health.keep_alive_requests == 0


def test_the_fake_provider_runs_on_a_fake_clock():
    runs = [Run({"t1": fake_seat()}, *[trial(k) for k in range(20)], clock=FakeClock()).go() for _ in range(2)]
    assert runs[0].samples == runs[1].samples
    assert runs[0].clock.now_s() > 1


def test_many_concurrent_answers_are_all_settled():
    run = Run({"t1": fake_seat("?failure_share=0.2&failure=bad_request")}, *[trial(k) for k in range(300)], concurrency=32).go()
    assert len(run.samples) == 300
    assert 20 < sum(isinstance(sample.outcome, Failure) for sample in run.samples) < 120


def test_a_sink_that_breaks_is_not_swallowed():
    def broken(_sample):
        raise OSError("disk full")

    async def go():
        stop = StopRules(Limits(), Clock())
        one = trial(1)
        settings = ExecutionSettings(load=Closed(Load(concurrency=2)))
        await run_block(block(one, trial(2)), {("m1", "t1"): fake_seat()}, settings, broken, Run({}), stop, Clock(), "w")

    with pytest.raises(OSError, match="disk full"):
        asyncio.run(go())

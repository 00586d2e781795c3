"""A server that goes wrong after some answers is started again, and no answer is lost or made up."""

import asyncio

import pytest
from harness.calls import block, trial
from harness.foundry_web import Service

from bench.clock import Clock
from bench.execute.engine import ExecutionSettings, Seat, run_block
from bench.execute.load.closed import Closed
from bench.execute.progress import Restarted
from bench.execute.stop import StopRules
from bench.providers.openai_chat import OpenAIChat
from bench.providers.questioner import ChatQuestioner
from bench.records.exchange import Completion, Failure
from bench.records.judging import Question
from bench.records.serving import Endpoint
from bench.records.spec import Limits, Load, Message

NAME = "smol-int4-generic-cpu:2"


class Fragile:
    """A service that answers so many requests, and again as many after each restart, which may fail."""

    def __init__(self, answers, *, can_restart=True):
        self.service = Service([NAME], breaks_after=answers)
        self.service.loaded.append(NAME)
        self.answers, self.can_restart, self.restarts = answers, can_restart, []
        self.endpoint = Endpoint(base_url=f"{self.service.url}/v1", served_model=NAME, owned=True)

    def restart(self, why):
        self.restarts.append(why)
        if self.can_restart:
            self.service.left = self.answers
        return self.can_restart

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.service.close()


def run(fragile, n, *, concurrency=1, retries=3, is_restartable=True):
    samples, events = [], []

    class Listener:
        def notify(self, event):
            events.append(event)

    async def go():
        clock = Clock()
        seat = Seat(endpoint=fragile.endpoint, provider=OpenAIChat, restart=fragile.restart if is_restartable else None)
        settings = ExecutionSettings(load=Closed(Load(concurrency=concurrency)), retries=retries)
        trials = block(*[trial(k, max_tokens=9) for k in range(n)])
        await run_block(trials, {("m1", "t1"): seat}, settings, samples.append, Listener(), StopRules(Limits(), clock), clock, "w1")

    asyncio.run(go())
    return samples, [event for event in events if isinstance(event, Restarted)]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr("bench.execute.retry._FIRST_DELAY_S", 0.01)
    monkeypatch.setattr("bench.providers.patience._FIRST_WAIT_S", 0.01)


def test_the_second_error_in_a_row_starts_the_server_again():
    with Fragile(2) as fragile:
        samples, restarted = run(fragile, 4)
    final = [sample for sample in samples if sample.is_final]
    assert [type(sample.outcome) for sample in final] == [Completion] * 4
    assert len(restarted) == len(fragile.restarts) == 1
    assert restarted[0].is_up
    assert "HTTP 500" in fragile.restarts[0]
    failed = [sample for sample in samples if isinstance(sample.outcome, Failure)]
    assert [sample.is_final for sample in failed] == [False, False]  # what went wrong is kept, and tried again
    after = samples[samples.index(failed[-1]) + 1]
    assert after.is_first  # it was loaded anew, so this answer is a cold one


def test_several_in_flight_cause_one_restart_and_not_one_each():
    with Fragile(4) as fragile:
        samples, restarted = run(fragile, 8, concurrency=4, retries=5)
    assert sum(isinstance(sample.outcome, Completion) for sample in samples if sample.is_final) == 8
    assert 1 <= len(restarted) <= 2


def test_without_a_way_to_start_it_again_or_without_success_the_failures_count():
    with Fragile(1) as fragile:
        samples, restarted = run(fragile, 2, retries=1, is_restartable=False)
        assert restarted == []
        assert [type(sample.outcome) for sample in samples if sample.is_final] == [Completion, Failure]
    with Fragile(1, can_restart=False) as fragile:
        samples, restarted = run(fragile, 2, retries=2)
    assert [event.is_up for event in restarted] == [False]
    assert samples[-1].outcome.kind == "server"


def test_a_judge_that_went_wrong_is_started_again_and_no_score_is_made_up():
    question = Question(messages=(Message(role="user", content="Is ice cold?"),), max_tokens=4)

    async def ask(fragile, n, retries):
        questioner = ChatQuestioner(fragile.endpoint, None, timeout_s=5.0, retries=retries, restart=fragile.restart)
        try:
            return [await questioner.ask(question) for _ in range(n)]
        finally:
            await questioner.close()

    with Fragile(2) as fragile:
        replies = asyncio.run(ask(fragile, 6, 2))
    assert [reply.failure for reply in replies] == [None] * 6
    assert len(fragile.restarts) == 2
    with Fragile(1, can_restart=False) as fragile:
        replies = asyncio.run(ask(fragile, 2, 1))
    assert (replies[1].failure.kind, replies[1].text) == ("server", "")

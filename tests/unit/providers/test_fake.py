import asyncio

import pytest
from harness.calls import request

from bench.clock import Clock, FakeClock
from bench.providers.fake import EXAMPLES, Fake, FakeModel
from bench.records.exchange import Completion
from bench.records.serving import Endpoint


def endpoint(query=""):
    return Endpoint(base_url=f"fake://model{query}", served_model="fake", owned=False)


def answers(clock, query, n, **generation):
    async def run():
        fake = Fake(endpoint(query), None, clock)
        return [(await fake.call(request("one two three", **generation), seed=None, timeout_s=60)).decode() for _ in range(n)]

    return asyncio.run(run())


def test_the_same_calls_get_the_same_answers_and_times():
    first, second = (answers(FakeClock(), "?ttft_ms=50", 5) for _ in range(2))
    assert first == second
    assert len({exchange.timing.first_token_s - exchange.timing.sent_s for exchange in first}) == 5


def test_the_fake_moves_a_fake_clock_to_the_end_of_its_answer():
    clock = FakeClock()
    exchange = answers(clock, "?ttft_ms=1000&itl_ms=100&n=11&spread=0", 1)[0]
    assert clock.now_s() == exchange.timing.finished_s == pytest.approx(2.0)


def test_on_a_real_clock_the_times_run_ahead_without_waiting():
    clock = Clock()
    exchanges = answers(clock, "?ttft_ms=60000&itl_ms=0&n=1&spread=0", 3)
    assert clock.now_s() < 5
    assert exchanges[2].timing.sent_s >= exchanges[1].timing.finished_s


def test_calls_side_by_side_overlap_on_the_virtual_line():
    async def run():
        fake = Fake(endpoint("?spread=0"), None, Clock())
        return [one.decode() for one in await asyncio.gather(*[fake.call(request(f"{k}"), seed=None, timeout_s=60) for k in range(4)])]

    exchanges = asyncio.run(run())
    assert max(exchange.timing.sent_s for exchange in exchanges) < min(exchange.timing.finished_s for exchange in exchanges)


def test_settings_are_in_the_query_and_a_wrong_one_is_refused():
    for example in EXAMPLES:
        Fake(Endpoint(base_url=example, served_model="fake", owned=False), None, FakeClock())
    with pytest.raises(ValueError, match="float"):
        Fake(endpoint("?ttft_ms=soon"), None, FakeClock())


def test_failures_come_in_the_asked_share_and_kind():
    exchanges = answers(FakeClock(), "?failure_share=0.3&failure=rate_limit", 200)
    failed = [exchange.outcome.kind for exchange in exchanges if not isinstance(exchange.outcome, Completion)]
    assert set(failed) == {"rate_limit"}
    assert 35 <= len(failed) <= 85


def test_a_limit_of_tokens_cuts_the_answer_and_says_so():
    outcome = answers(FakeClock(), "", 1, max_tokens=2)[0].outcome
    assert (outcome.text, outcome.finish_reason, outcome.usage.completion_tokens) == ("one two", "length", 2)
    assert answers(FakeClock(), "", 1)[0].outcome.usage.completion_tokens == FakeModel().n


def test_answers_that_are_not_streamed_have_no_token_times():
    timing = answers(FakeClock(), "", 1, stream=False)[0].timing
    assert timing.token_s == ()
    assert timing.first_token_s is None

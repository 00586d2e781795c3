import pytest
from harness.summarized import spec_of, summary_of, the

from bench.records.sketch import observation
from bench.records.spec import Slo


def sequence(*tokens, **said):
    """One answer after the other, a second each with a second between them."""
    return [
        observation(prompt_id=f"p{n}", sent_s=2.0 * n, first_token_s=2.0 * n + 0.2, finished_s=2.0 * n + 1, completion_tokens=count, **said)
        for n, count in enumerate(tokens)
    ]


def test_tokens_per_second_of_time_in_flight():
    summary = summary_of(sequence(10, 20, 30))
    output, requests = the(summary, "output_tps", "rate"), the(summary, "request_rate", "rate")
    assert (output.value, output.n, output.unit) == (20.0, 3, "tokens/s")
    assert (requests.value, requests.unit) == (1.0, "1/s")
    assert 0 <= output.low < 20 < output.high


def test_answers_side_by_side_add_up():
    seen = [observation(prompt_id=f"p{n}", sent_s=0.0, finished_s=2.0, completion_tokens=50) for n in range(4)]
    assert the(summary_of(seen), "output_tps", "rate").value == pytest.approx(100.0)


def test_failures_take_time_and_bring_nothing():
    failed = observation(prompt_id="f", failure="timeout", sent_s=100.0, finished_s=103.0)
    summary = summary_of([*sequence(10, 20, 30), failed])
    assert the(summary, "output_tps", "rate").value == pytest.approx(10.0)
    assert the(summary, "request_rate", "rate").value == pytest.approx(0.5)


def test_warm_up_and_first_request_count_neither_time_nor_tokens():
    apart = [
        observation(prompt_id="w", is_warmup=True, sent_s=50.0, finished_s=90.0, completion_tokens=900),
        observation(prompt_id="x", is_first=True, sent_s=150.0, finished_s=190.0, completion_tokens=900),
    ]
    assert the(summary_of([*sequence(10, 20, 30), *apart]), "output_tps", "rate").value == 20.0


def test_uncounted_tokens_leave_their_time_out():
    summary = summary_of(sequence(10, None, 30))
    output = the(summary, "output_tps", "rate")
    assert (output.value, output.n, output.not_applicable) == (20.0, 2, 1)


def goodput(seen, **slo):
    return the(summary_of(seen, spec=spec_of(seen, slo=Slo(**slo))), "goodput", "rate")


def test_goodput_counts_answers_within_every_limit():
    seen = sequence(10, 20, 30)
    late = observation(prompt_id="late", sent_s=50.0, first_token_s=50.9, finished_s=51.0)
    assert goodput([*seen, late], ttft_s=0.5).value == pytest.approx(0.75)
    assert goodput(seen, ttft_s=0.5, latency_s=0.9).value == 0.0
    assert goodput(seen, tpot_s=1e-6).value == 0.0


def test_goodput_needs_an_objective_and_a_first_token():
    seen = [observation(prompt_id="a", first_token_s=None, finished_s=1.0)]
    assert not [estimate for estimate in summary_of(seen).estimates if estimate.metric == "goodput"]
    unseen = goodput(seen, ttft_s=0.5)
    assert (unseen.value, unseen.not_applicable) == (None, 1)
    assert goodput(seen, latency_s=2.0).value == 1.0


def test_answer_of_one_token_meets_any_time_per_token():
    seen = [observation(prompt_id="a", token_s=(0.1,), completion_tokens=1, finished_s=0.5)]
    assert goodput(seen, tpot_s=0.001).value == 2.0

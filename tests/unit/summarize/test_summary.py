import random

import msgspec
import pytest
from harness.summarized import block_health, manifest, plan_of, served, spec_of, summary_of, the

from bench.records.sketch import observation
from bench.records.spec import GateSpec


def rounds_of(prompts=10, rounds=3, **said):
    """Trials one second apart; prompt p, round r waits 0.1 + p/100 + r/1000 s."""
    return [
        observation(
            prompt_id=f"p{p:02}",
            round=r,
            sent_s=(start := float(p * rounds + r)),
            first_token_s=start + 0.1 + p / 100 + r / 1000,
            finished_s=start + 0.5,
            **said,
        )
        for p in range(prompts)
        for r in range(1, rounds + 1)
    ]


def test_median_has_an_interval_and_p95_of_thirty_is_a_point():
    summary = summary_of(rounds_of())
    p50, p95 = the(summary, "ttft", "p50"), the(summary, "ttft", "p95")
    assert p50.value == pytest.approx(0.147)
    assert 0.1 < p50.low < p50.value < p50.high < 0.2
    assert (p50.n, p50.clusters, p50.method, p50.note) == (30, 10, "bootstrap over prompts", None)
    assert p95.value == pytest.approx(0.19155)
    assert (p95.low, p95.high, p95.note) == (None, None, "n too small for an interval: 10 of 72 prompts")


def test_prompts_asked_once_get_the_exact_interval():
    summary = summary_of(rounds_of(prompts=72, rounds=1))
    assert the(summary, "ttft", "p95").high is not None
    assert the(summary, "ttft", "p95").method == "order statistics, exact binomial"
    assert the(summary, "ttft", "p99").note == "n too small for an interval: 72 of 368"


def test_what_only_a_gate_looks_at_is_made_only_for_it():
    seen = rounds_of(prompts=72, rounds=1)
    gates = (GateSpec(metric="ttft", at="p90", max=1), GateSpec(metric="latency", at="max", max=1))
    summary = summary_of(seen, spec=spec_of(seen, gates=gates))
    p90, most = the(summary, "ttft", "p90"), the(summary, "latency", "max")
    assert the(summary, "ttft", "p50").value < p90.low < p90.value < p90.high < the(summary, "ttft", "p99").value
    assert (most.value, most.low, most.note, most.method) == (0.5, None, None, "the most that was seen")
    made = {(found.metric, found.statistic) for found in summary_of(seen).estimates}
    assert {(found.metric, found.statistic) for found in summary.estimates} - made == {("ttft", "p90"), ("latency", "max")}


def test_warm_up_and_first_request_never_enter_a_latency():
    seen = rounds_of(prompts=6, rounds=1)
    slow = observation(prompt_id="p00", is_warmup=True, is_first=True, sent_s=0.0, first_token_s=90.0)
    first = observation(prompt_id="p99", is_first=True, sent_s=0.0, first_token_s=50.0, completion_tokens=9)
    alone = summary_of(seen)
    summary = summary_of([slow, first, *seen])
    assert the(summary, "ttft", "p50").value == the(alone, "ttft", "p50").value
    assert the(summary, "ttft", "p50").not_applicable == 1
    assert the(summary, "completion_tokens", "mean").value == pytest.approx((6 * 3 + 9) / 7)
    apart = the(summary, "first_request_ttft", "value")
    assert (apart.value, apart.n) == (70.0, 2)
    assert summary.counts[0].planned == summary.counts[0].completed == 7


def test_failed_and_not_applicable_are_counted_apart():
    seen = [*rounds_of(prompts=2, rounds=1), observation(prompt_id="f", failure="timeout"), observation(prompt_id="n", first_token_s=None)]
    summary = summary_of(seen)
    ttft = the(summary, "ttft", "p50")
    assert (ttft.n, ttft.failed, ttft.not_applicable) == (2, 1, 1)
    rate = the(summary, "error_rate", "share")
    assert (rate.value, rate.n, rate.failed) == (0.25, 4, 0)
    assert summary.counts[0].failures == {"timeout": 1}


def test_a_metric_without_any_value_is_told_not_zero():
    summary = summary_of([observation(failure="server"), observation(prompt_id="q", first_token_s=None)])
    ttft = the(summary, "ttft", "p50")
    assert (ttft.value, ttft.n, ttft.note) == (None, 0, "no value: 1 failed, not applicable to 1")


def test_missing_trials_are_neither_failed_nor_completed():
    seen = rounds_of(prompts=3, rounds=1)
    summary = summary_of(seen[:2], planned=seen[2:], run=manifest("interrupted", "interrupt"))
    count = summary.counts[0]
    assert (count.planned, count.completed, count.failed, count.missing) == (3, 2, 0, 1)
    assert summary.notes[0] == "1 of 3 planned trials are missing (ended by: interrupt); every figure speaks of the others."


def test_same_lines_in_any_order_give_the_same_bytes():
    seen = [*rounds_of(model_id="a"), *rounds_of(model_id="b", worker="w2"), observation(model_id="a", prompt_id="p00", round=9, failure="empty")]
    spec, plan = spec_of(seen), plan_of(seen)
    health = [block_health(), block_health(worker="w2", treatment_digests=("treatment b default",))]
    statuses = [served("a"), served("b")]
    expected = msgspec.json.encode(summary_of(seen, spec=spec, plan=plan, statuses=statuses, health=health))
    for seed in range(3):
        mixed = random.Random(seed).sample(seen, len(seen))
        found = summary_of(mixed, spec=spec, plan=plan, statuses=statuses[::-1], health=health[::-1])
        assert msgspec.json.encode(found) == expected


def test_ttft_is_also_told_by_cold_and_warm_prefix():
    seen = [
        observation(
            prompt_id=f"p{p}", round=r, sent_s=0.0, first_token_s=0.8 if r == 1 else 0.02, prompt_tokens=400, cached_tokens=20 if r == 1 else 399
        )
        for p in range(6)
        for r in (1, 2, 3)
    ]
    summary = summary_of(seen)
    assert the(summary, "ttft", "p50", prefix="cold").value == 0.8
    assert the(summary, "ttft", "p50", prefix="warm").value == 0.02
    assert any("12 of 12 repeated prompts were in the server's prefix cache" in note for note in summary.notes)
    assert not summary.outliers


def test_speed_is_the_ratio_of_sums():
    short = observation(prompt_id="a", token_s=(0.0, 1.0), completion_tokens=2)
    long = observation(prompt_id="b", token_s=(0.0, 5.0, 10.0), completion_tokens=101)
    assert the(summary_of([short, long]), "decode_tps", "ratio").value == pytest.approx(101 / 11)


def test_one_prompt_speaks_only_of_itself():
    summary = summary_of(rounds_of(prompts=1, rounds=8))
    p50 = the(summary, "ttft", "p50")
    assert p50.note == "one prompt: the interval covers repeats of it, not other prompts"
    assert (p50.low, p50.high) == (the(summary, "ttft", "p50", prompt_id="p00").low, the(summary, "ttft", "p50", prompt_id="p00").high)


def test_outlier_of_a_prompt_is_flagged_and_kept():
    seen = rounds_of(prompts=2, rounds=6)
    far = observation(prompt_id="p00", round=7, sent_s=100.0, first_token_s=101.0, finished_s=100.5)
    summary = summary_of([*seen, far])
    (found,) = [outlier for outlier in summary.outliers if outlier.metric == "ttft"]
    assert (found.trial_id, found.value) == (far.trial.id, 1.0)
    assert the(summary, "ttft", "p50").n == 13


def test_client_that_lags_more_than_its_share_is_saturated():
    seen = rounds_of(prompts=6, rounds=1)  # median TTFT 0.126 s: 5 % are 6.3 ms
    assert not summary_of(seen, health=[block_health(lag_p99_s=0.006)]).client_saturated
    late = summary_of(seen, health=[block_health(lag_p99_s=0.0065)])
    assert late.client_saturated
    assert late.notes[0].startswith("The measuring client could not keep up in 1 of 1 blocks")
    assert summary_of(seen, health=[block_health(lag_p99_s=0.006, worker="other")]).client_saturated


def test_a_late_loop_that_does_no_harm_is_told_of_and_is_no_saturation():
    seen = rounds_of(prompts=6, rounds=1)
    calm = summary_of(seen, health=[block_health(lag_p99_s=0.015, process_stamped=0, asked_in_flight=4, in_flight=3.98)])
    assert not calm.client_saturated
    assert calm.notes[0].startswith("The client's event loop was up to 15.0 ms late at p99")
    assert not any("event loop" in note for note in summary_of(seen, health=[block_health(lag_p99_s=0.002, process_stamped=0)]).notes)


def test_model_that_was_never_reached_has_a_row_with_a_reason():
    other = observation(model_id="other", prompt_id="p00")
    summary = summary_of(rounds_of(prompts=1, rounds=1), planned=[other], statuses=[served()])
    assert [(status.model_id, status.state) for status in summary.models] == [("m", "served"), ("other", "skipped")]
    assert summary.counts[1].missing == 1


def test_last_status_holds_and_loads_are_counted_once():
    again = served(load_s=1.0, pid=1, rss_peak_bytes=10)
    lines = [served(load_s=1.0, pid=1), again, served(load_s=2.0, pid=2, rss_peak_bytes=20), served(load_s=3.0, pid=3, rss_peak_bytes=30)]
    summary = summary_of(rounds_of(prompts=1, rounds=1), statuses=lines)
    load, peak = the(summary, "load_s", "value"), the(summary, "rss_peak_bytes", "value")
    assert (load.value, load.n, peak.value, peak.n) == (2.0, 3, 30.0, 3)
    assert load.low == 0.0
    assert load.high == pytest.approx(2 + 4.30265 / 3**0.5, abs=1e-3)
    assert summary.models[0].endpoint.pid == 3


def test_answers_to_unplanned_trials_are_told():
    summary = summary_of(rounds_of(prompts=2, rounds=1), strangers=1)
    assert "Left out: 1 answer to trials that are not in the plan." in summary.notes

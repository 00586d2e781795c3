"""Loads as they were: windows, series, steps and capacity, from answers whose times are known."""

import numpy as np
import pytest
from harness.summarized import block_health, spec_of, summary_of, the
from hypothesis import given
from hypothesis import strategies as st

from bench.execute.load.sweep import Sweep
from bench.metrics.latency import Latency
from bench.metrics.ttft import TimeToFirstToken
from bench.records.sketch import observation
from bench.records.spec import Load, Slo
from bench.summarize.flight import MOST_SLICES, flight, mean_between, most_at_once, series, slice_s, steady
from bench.summarize.rows import read_rows

METRICS = {"ttft": TimeToFirstToken(), "latency": Latency()}
TIMES = st.lists(st.tuples(st.floats(0, 100), st.floats(0, 10), st.floats(0.001, 50)), min_size=1, max_size=60)


def answers(times, **more):
    """Observations that were due, waited and took so long."""
    return [
        observation(
            prompt_id=f"p{k:04}", scheduled_s=due, sent_s=due + wait, finished_s=due + wait + took,
            token_s=(due + wait + took / 2, due + wait + took), **more,
        )
        for k, (due, wait, took) in enumerate(times)
    ]  # fmt: skip


def flown(times):
    return flight(read_rows(answers(times), METRICS))


def closed(n, concurrency, took=1.0, start=0.0, **more):
    """A closed loop whose answers take all the same time."""
    return [
        observation(prompt_id=f"p{k % 10}", round=k // 10 + 1, sent_s=start + k // concurrency * took,
                    finished_s=start + (k // concurrency + 1) * took, token_s=(start + (k // concurrency + 0.5) * took,), **more)
        for k in range(n)
    ]  # fmt: skip


@given(TIMES)
def test_slices_hold_every_request_once_and_all_of_its_time(times):
    seen = flown(times)
    found = series(seen)
    assert len(found.in_flight) == len(found.waiting) == len(found.ttft_p50_s) <= MOST_SLICES
    assert sum(found.arrivals_per_s) * found.width_s == pytest.approx(len(times), rel=1e-4)
    assert sum(found.answers_per_s) * found.width_s == pytest.approx(len(times), rel=1e-4)
    assert sum(found.in_flight) * found.width_s == pytest.approx(sum(took for _, _, took in times), rel=1e-4)
    assert sum(found.waiting) * found.width_s == pytest.approx(sum(wait for _, wait, _ in times), rel=1e-4, abs=1e-4)
    assert sum(value is not None for value in found.ttft_p50_s) >= 1


@given(TIMES)
def test_most_at_once_is_what_counting_finds(times):
    seen = flown(times)
    counted = max(int(((seen.sent <= at) & (at < seen.ended)).sum()) for at in seen.sent)
    assert most_at_once(seen.sent, seen.ended) == counted


@given(TIMES)
def test_a_steady_window_parts_the_requests_into_before_inside_and_after(times):
    found = steady(flown(times))
    assert found.n + found.cut_before + found.cut_after >= len(times)
    assert found.from_s < found.to_s
    assert min(found.n, found.cut_before, found.cut_after) >= 0


@given(st.floats(0.001, 1e6))
def test_slices_are_round_and_few(span_s):
    width_s = slice_s(span_s)
    assert width_s * MOST_SLICES >= span_s * (1 - 1e-6)
    assert float(f"{width_s:.0e}") == pytest.approx(width_s)


def test_mean_in_flight_between_two_moments():
    seen = flown([(0, 0, 2), (1, 0, 2)])
    assert mean_between(seen.sent, seen.ended, np.array([0.0, 1.0, 2.0, 3.0])).tolist() == [1.0, 2.0, 1.0]


def test_ramp_up_and_drain_of_an_open_loop_are_cut_and_counted():
    """One arrival per second, ten seconds each: ten in flight from second nine to second 99."""
    spec = {"load": Load(kind="constant", concurrency=64, settings={"rate": 1})}
    seen = answers([(float(k), 0.0, 10.0) for k in range(100)])
    summary = summary_of(seen, spec=spec_of(seen, **spec))
    (facts,) = summary.loads
    window = facts.steady
    assert 7.9 <= window.from_s <= 9.1
    assert 98 <= window.to_s <= 101
    assert window.n + window.cut_before + window.cut_after == 100
    assert 8 <= window.cut_before <= 9
    assert 8 <= window.cut_after <= 10
    assert window.answers_per_s == pytest.approx(1, rel=0.03)
    assert window.in_flight == pytest.approx(10, rel=0.02)
    assert the(summary, "latency", "p50", window="steady").n == window.n
    assert facts.arrivals_per_s is None  # nothing waited, so nothing tells it from a closed loop
    assert facts.answers_per_s == pytest.approx(100 / 109, rel=1e-4)


def test_one_request_at_a_time_has_no_window_to_cut():
    seen = closed(20, 1)
    summary = summary_of(seen, spec=spec_of(seen))
    assert summary.loads[0].steady is None
    assert not [found for found in summary.estimates if found.group.window]


def test_backlog_send_delay_and_drops_are_counted():
    seen = answers([(0.0, 0.0, 1.0), (0.1, 0.9, 1.0), (0.2, 1.8, 1.0)])
    dropped = observation(prompt_id="late", scheduled_s=0.3, sent_s=2.3, finished_s=2.3, failure="dropped")
    summary = summary_of([*seen, dropped])
    (facts,) = summary.loads
    assert (facts.requests, facts.dropped, facts.waiting_max, facts.in_flight_max) == (4, 1, 3, 1)
    assert facts.send_delay_max_s == 2.0
    assert facts.send_delay_p50_s == pytest.approx(1.35)
    assert facts.arrivals_per_s == pytest.approx(10)
    assert any("1 of 4 arrivals were dropped" in note for note in summary.notes)
    assert summary.counts[0].failures == {"dropped": 1}


def test_sessions_are_laid_end_to_end():
    first, second = closed(4, 2, worker="w1", start=100.0), closed(4, 2, worker="w2", start=5.0)
    renamed = [
        observation(prompt_id=f"q{k}", sent_s=one.sample.timing.sent_s, finished_s=one.sample.timing.finished_s, worker="w2")
        for k, one in enumerate(second)
    ]
    (facts,) = summary_of([*first, *renamed]).loads
    assert facts.span_s == 4.0
    assert (facts.in_flight, facts.in_flight_max) == (2.0, 2)


def sweep_of(*step_sizes, ended=None, slo=None, n=20, steps=4, **settings):
    """Steps of a closed loop on a server of four slots: beyond four, every answer takes longer."""
    given = {"from": 1, "to": 8} | settings
    load = Load(kind="sweep", steps=steps, concurrency=8, slo=slo or Slo(latency_s=10), settings=given)
    seen, start = [], 0.0
    for number, level in enumerate(step_sizes, start=1):
        took = max(1.0, level / 4)
        seen += closed(n, level, took, start, step=number)
        start += 1000.0
    numbered = [
        observation(prompt_id=one.trial.prompt_id, round=number, step=one.trial.step, sent_s=one.sample.timing.sent_s,
                    finished_s=one.sample.timing.finished_s, token_s=one.sample.timing.token_s)
        for number, one in enumerate(seen, start=1)
    ]  # fmt: skip
    unreached = [observation(prompt_id="p0", round=1000 + k, step=steps) for k in range(5)] if len(step_sizes) < steps else []
    health = [block_health(model_ids=("m",), load_ended=ended)]
    return summary_of(numbered, planned=unreached, spec=spec_of(numbered, load=load, slo=load.slo), health=health)


def test_capacity_is_the_highest_rate_at_which_the_objective_was_met():
    summary = sweep_of(1, 2, 4, 8, ended="step 4 (concurrency 8): throughput stopped growing")
    (facts,) = summary.loads
    assert [(step.level, step.requests, step.good) for step in facts.steps] == [(1, 20, 20), (2, 20, 20), (4, 20, 20), (8, 20, 20)]
    assert [step.request_rate for step in facts.steps] == [1, 2, 4, 3.33333]
    capacity = facts.capacity
    assert (capacity.of, capacity.step, capacity.level, capacity.request_rate) == ("concurrency", 3, 4, 4)
    assert capacity.ended.startswith("step 4")
    assert not capacity.is_lower_bound
    assert the(summary, "latency", "p50", step=4).value == 2.0
    assert the(summary, "goodput", "rate", step=2).value == pytest.approx(2)
    assert the(summary, "error_rate", "share", step=1).value == 0


def test_capacity_counts_only_steps_that_met_the_objective():
    (facts,) = sweep_of(1, 2, 4, 8, slo=Slo(latency_s=0.5)).loads
    assert (facts.capacity.step, facts.capacity.request_rate, facts.capacity.is_lower_bound) == (None, None, False)


def test_a_sweep_that_no_criterion_ended_gives_a_lower_bound():
    (facts,) = sweep_of(1, 2, steps=2, to=2).loads
    assert (facts.capacity.step, facts.capacity.is_lower_bound) == (2, True)


def test_steps_that_were_not_needed_are_neither_missing_nor_planned():
    summary = sweep_of(1, 2, 4, ended="step 3: enough")
    assert (summary.counts[0].planned, summary.counts[0].missing) == (60, 0)
    assert summary.loads[0].not_needed == 5
    stopped = sweep_of(1, 2, 4)
    assert (stopped.counts[0].planned, stopped.counts[0].missing) == (65, 5)


def test_summary_and_sweep_agree_on_the_levels():
    given = {"from": 2, "to": 50, "spacing": "linear"}
    load = Load(kind="sweep", steps=5, slo=Slo(ttft_s=1), settings=given)
    assert Sweep(load).levels == (2, 14, 26, 38, 50)

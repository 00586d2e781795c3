"""Whether verdicts keep what they promise, on answers of a real model: alike is called alike, and what is planted is found as often as said."""

import os
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from harness.pool import LOST, SLOW, Pool

from bench.compare.compare import Asked, compare

pytestmark = pytest.mark.slow
IS_LONG = pytest.mark.skipif("BENCH_LONG" not in os.environ, reason="minutes; by night, with BENCH_LONG=1")


@pytest.fixture(scope="module")
def pool():
    return Pool(slower=1.10, lost="sentence")


def compared(pool, n, rounds, third=0, share=1.0):
    """So many comparisons of a run with one that has something planted."""
    rng = np.random.default_rng(20261123)
    return [compare(pool.drawn(rng, rounds), pool.drawn(rng, rounds, third, share), Asked()) for _ in range(n)]


def found(comparisons, metric, aspect=None):
    """The share of comparisons that call a figure worse, and the median of the smallest change that each says it would find."""
    told = [
        next(change for change in (*each.changes, *each.aspects) if (change.metric, change.aspect_id) == (metric, aspect)) for each in comparisons
    ]
    return sum(change.verdict == "worse" for change in told) / len(told), float(np.median([change.mde for change in told]))


@pytest.mark.parametrize("rounds", [3, 8])
def test_of_runs_that_are_alike_at_least_95_per_cent_say_nothing_else(pool, rounds):
    comparisons = compared(pool, 200, rounds)
    verdicts = [Counter(change.verdict for change in (*each.changes, *each.aspects)) for each in comparisons]
    alarms = sum(bool(each["better"] or each["worse"]) for each in verdicts)
    assert alarms <= 10, alarms
    assert sum(each["same"] for each in verdicts) >= 200  # no request failed on either side, which every one of them can tell


def test_slow_down_is_found_as_often_as_the_detectable_change_promises(pool):
    comparisons = compared(pool, 120, 66, SLOW)
    share, detectable = found(comparisons, "latency")
    assert detectable == pytest.approx(1.10, abs=0.01)  # so it is found in four of five cases
    assert 0.70 <= share <= 0.90
    share, detectable = found(comparisons, "decode_tps")
    assert detectable < 1.09
    assert share > 0.85
    assert found(comparisons, "quality")[0] <= 0.05


def test_lost_aspect_is_found_as_often_as_the_detectable_change_promises(pool):
    planted = compared(pool, 120, 5, LOST, 0.25)
    share, detectable = found(planted, "aspect", "sentence")
    lost = -np.mean([change.difference for each in planted for change in each.aspects if change.aspect_id == "sentence"])
    assert detectable == pytest.approx(lost, abs=0.03)  # so it is found in four of five cases
    assert 0.65 <= share <= 0.90
    assert found(compared(pool, 40, 5, LOST, 0.5), "aspect", "sentence")[0] == 1.0


OVER_ALL = ("ttft:p50", "ttft:p95", "latency:p95", "latency:mean", "output_tps", "request_rate", "cost_per_request")


def test_rates_and_costs_of_few_prompts_that_are_alike_say_nothing_else():
    few, rng = Pool(), np.random.default_rng(20261123)
    found = [
        compare(*pair, Asked(metrics=("output_tps", "cost_per_request"))).levels for pair in pairwise(few.drawn_whole(rng, 3) for _ in range(61))
    ]
    assert all(each.mde for figures in found for each in figures)  # each of them could have said something
    assert sum(any(each.verdict in {"better", "worse"} for each in figures) for figures in found) <= 4


@IS_LONG
def test_figures_over_all_answers_of_runs_that_are_alike_say_nothing_else():
    many, rng = Pool(copies=6), np.random.default_rng(20261123)
    pairs = list(pairwise(many.drawn_whole(rng, 3) for _ in range(201)))
    for asked in (OVER_ALL, ("ttft:p95",), ("cost_per_request",)):
        found = [compare(*pair, Asked(metrics=asked)).levels for pair in pairs]
        assert {len(each) for each in found} == {len(asked)}
        assert all(each.mde for figures in found for each in figures)  # each of them could have said something
        alarms = sum(any(each.verdict in {"better", "worse"} for each in figures) for figures in found)
        assert alarms <= 10, (asked, alarms)


@IS_LONG
@pytest.mark.parametrize(("figure", "slower", "share"), [("output_tps", 1.10, (0.7, 0.95)), ("latency:p95", 1.18, (0.65, 0.9))])
def test_slow_down_shows_in_figures_over_all_answers_as_often_as_promised(figure, slower, share):
    many, rng = Pool(slower=slower, copies=6), np.random.default_rng(20261123)
    found = [compare(many.drawn_whole(rng, 3), many.drawn_whole(rng, 3, SLOW), Asked(metrics=(figure,))).levels[0] for _ in range(60)]
    assert np.median([each.mde for each in found]) == pytest.approx(slower, abs=0.015)
    assert share[0] <= sum(each.verdict == "worse" for each in found) / len(found) <= share[1]

"""Whether verdicts keep what they promise, on answers of a real model: alike is called alike, and what is planted is found as often as said."""

from collections import Counter

import numpy as np
import pytest
from harness.pool import LOST, SLOW, Pool

from bench.compare.compare import Asked, compare

pytestmark = pytest.mark.slow


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

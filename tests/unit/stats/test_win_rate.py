import doctest

import pytest
from scipy.stats import binomtest

from bench.stats import win_rate
from bench.stats.win_rate import win_rate_interval


def test_examples_hold():
    assert doctest.testmod(win_rate).failed == 0


@pytest.mark.parametrize(("wins", "n"), [(15, 20), (14, 20), (20, 20), (0, 7), (1, 1)])
def test_independent_tries_have_the_interval_that_scipy_gives(wins, n):
    expected = binomtest(wins, n).proportion_ci(method="wilson")
    interval = win_rate_interval([place < wins for place in range(n)], range(n))
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high))


def test_names_of_clusters_do_not_matter():
    wins = [True, False, True, True, False, True]
    assert win_rate_interval(wins, "aabbcc") == win_rate_interval(wins, [3, 3, 1, 1, 2, 2])


def test_one_cluster_of_several_has_no_bounds():
    assert win_rate_interval([True, True, False], ["a", "a", "a"]).low is None

"""The interval of a difference: of what two intervals say, and how often it holds the truth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.stats.mover import Bounded, difference_interval
from bench.stats.wilson import wilson_interval

SHARES = st.tuples(st.integers(0, 50), st.integers(1, 50)).filter(lambda pair: pair[0] <= pair[1])


def share(met, of):
    return Bounded(met / of, *wilson_interval(met / of, of))


@given(SHARES, SHARES)
def test_the_value_lies_inside_and_the_other_way_round_is_the_mirror(first, second):
    a, b = share(*first), share(*second)
    found, back = difference_interval(a, b), difference_interval(b, a)
    assert found.low <= found.value <= found.high
    assert [found.low, found.high] == pytest.approx([-back.high, -back.low])


def test_equal_normal_intervals_give_the_root_of_the_sum_of_squares():
    found = difference_interval(Bounded(5.0, 2.0, 8.0), Bounded(1.0, -3.0, 5.0))
    assert found == Bounded(4.0, -1.0, 9.0)


@pytest.mark.parametrize(("p", "q", "n"), [(0.9, 0.9, 30), (0.5, 0.7, 20), (0.95, 0.6, 40)])
def test_it_holds_the_true_difference_of_shares_in_about_95_percent(p, q, n):
    rng = np.random.default_rng(7)
    drawn = zip(rng.binomial(n, p, 2000).tolist(), rng.binomial(n, q, 2000).tolist(), strict=True)
    held = [(found := difference_interval(share(a, n), share(b, n))).low <= p - q <= found.high for a, b in drawn]
    assert np.mean(held) > 0.93

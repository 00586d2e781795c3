"""The ratio of two sums: its test is that of flipped signs, and keeps its level where few units make up most of the sums."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.stats.paired import sign_flips
from bench.stats.ratio_flips import ratio_flips

RNG = np.random.default_rng(5)
AMOUNTS = st.integers(1, 10_000).map(float)


@given(st.lists(st.tuples(AMOUNTS, AMOUNTS), min_size=2, max_size=9))
def test_p_is_that_of_the_flipped_differences(pairs):
    first, second = np.array(pairs).T
    found = ratio_flips(first, second, RNG)
    assert found.p == pytest.approx(sign_flips(second - first, RNG).p)


@given(st.lists(st.tuples(AMOUNTS, AMOUNTS), min_size=6, max_size=9), st.booleans())
def test_interval_holds_the_ratios_that_are_not_refused(pairs, is_low):
    first, second = np.array(pairs).T
    found = ratio_flips(first, second, RNG)
    bound = found.low if is_low else found.high
    assert found.low <= found.value * (1 + 1e-9)
    assert found.value <= found.high * (1 + 1e-9)
    outside = bound * (0.99 if is_low else 1.01)
    assert sign_flips(second - outside * first, RNG).p <= 0.05
    turned = ratio_flips(second, first, RNG)
    assert (1 / turned.high, 1 / turned.low, turned.p) == pytest.approx((found.low, found.high, found.p))


@pytest.mark.parametrize(("n", "spread"), [(6, 1.5), (12, 1.5), (600, 0.5)])
def test_of_sums_that_are_alike_one_in_twenty_is_refused_whatever_the_units_weigh(n, spread):
    rng, times = np.random.default_rng(n), 200
    ps = []
    for _ in range(times):
        weights = np.exp(spread * rng.standard_normal(n))
        first, second = (weights * np.exp(0.4 * rng.standard_normal(n)) for _ in range(2))
        ps.append(ratio_flips(first, second, rng).p)
    assert np.mean(np.array(ps) <= 0.05) <= 0.05 + 2 * np.sqrt(0.05 / times)


def test_another_ratio_than_one_is_tested_when_asked():
    first, second = np.exp(RNG.standard_normal((2, 8)))
    found = ratio_flips(first, second, RNG, against=1.5)
    assert found.p == pytest.approx(sign_flips(second - 1.5 * first, RNG).p)
    assert ratio_flips(np.ones(8), 2 * np.ones(8), RNG, against=2.0).p == 1.0
    many = ratio_flips(np.ones(600), 2 * np.ones(600), RNG, against=2.0)
    assert (many.p, many.low) == (1.0, pytest.approx(2.0))


def test_few_units_refuse_nothing_and_nothing_is_a_part_that_refuses_nothing():
    few = ratio_flips(np.array([1.0, 2, 3]), np.array([2.0, 4, 6]), RNG)
    assert (few.value, few.low, few.high, few.p) == (2.0, None, None, 0.25)
    scaled = ratio_flips(np.arange(1.0, 8), 3 * np.arange(1.0, 8), RNG)
    assert (scaled.low, scaled.high) == (pytest.approx(3.0), pytest.approx(3.0))
    empty = ratio_flips(np.array([1.0] * 6 + [0.0]), np.array([2.0] * 6 + [0.0]), RNG)
    assert (empty.value, empty.p) == (2.0, pytest.approx(2 * 2 / 2**7))
    assert ratio_flips(np.ones(6), np.ones(6), RNG).p == 1.0

import numpy as np
import pytest
from scipy import stats

from bench.stats.outliers import far_from_median


def test_scale_is_the_median_absolute_deviation():
    values = np.random.default_rng(1).normal(size=31)
    found = far_from_median(values)
    assert found.mad == pytest.approx(stats.median_abs_deviation(values))
    assert found.median == np.median(values)


def test_five_mads_is_not_yet_far():
    values = np.array([-2.0, -1.0, 0.0, 1.0, 2.0, 5.0, -5.0])  # median 0, MAD 2
    assert not far_from_median(values).is_far.any()
    edge = np.array([-1.0, -1.0, 0.0, 1.0, 1.0, 5.0, -5.0])  # median 0, MAD 1: exactly five of them
    assert not far_from_median(edge).is_far.any()
    assert far_from_median(np.where(edge == 5.0, 5.01, edge)).is_far.tolist() == [False] * 5 + [True, False]


def test_equal_values_have_no_outlier():
    assert not far_from_median(np.full(9, 3.0)).is_far.any()


def test_one_that_differs_from_many_equal_ones_is_far():
    found = far_from_median(np.array([1.0] * 9 + [1.5]))
    assert found.is_far.tolist() == [False] * 9 + [True]
    assert found.mad == pytest.approx(0.05)


@pytest.mark.parametrize("n", [0, 1, 4])
def test_few_values_are_never_judged(n):
    assert not far_from_median(np.array([1.0, 1.0, 1.0, 900.0][:n])).is_far.any()

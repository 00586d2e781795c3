"""The interval over repeats of given strata holds what it says."""

import numpy as np
import pytest
from scipy import stats

from bench.stats.stratified import stratified_mean


def test_one_stratum_is_students_own_test():
    values = np.array([0.3, 0.1, -0.2, 0.6, 0.4])
    found = stratified_mean(values, np.zeros(5, dtype=np.intp))
    student = stats.ttest_1samp(values, 0)
    interval = student.confidence_interval()
    assert (found.low, found.high, found.p) == pytest.approx((interval.low, interval.high, student.pvalue))


def test_each_stratum_counts_once_however_many_repeats_it_has():
    found = stratified_mean(np.array([1.0, 1.2, 3.0, 3.1, 2.9, 3.0]), np.array([0, 0, 4, 4, 4, 4]))
    assert found.mean == pytest.approx((1.1 + 3.0) / 2)
    assert (found.n_strata, found.n) == (2, 6)


def test_a_stratum_with_a_single_repeat_leaves_the_mean_alone():
    found = stratified_mean(np.array([1.0, 2.0, 3.0]), np.array([0, 1, 1]))
    assert found.mean == 1.75
    assert (found.low, found.high, found.p) == (None, None, None)


def test_what_does_not_vary_has_an_interval_of_no_width():
    assert stratified_mean(np.zeros(4), np.array([0, 0, 1, 1])).p == 1.0
    assert stratified_mean(np.full(4, 0.5), np.array([0, 0, 1, 1]))[1:4] == (0.5, 0.5, 0.0)


def test_the_interval_covers_the_strata_s_own_mean_as_often_as_it_says():
    rng = np.random.default_rng(4)
    strata = np.repeat(np.arange(3), 6)
    truth = np.array([0.0, 1.0, 5.0])  # strata far apart: that is no part of the question
    spreads = np.array([0.1, 0.3, 0.2])
    covered = 0
    for _ in range(2000):
        found = stratified_mean(truth[strata] + rng.normal(size=18) * spreads[strata], strata)
        covered += found.low <= 2.0 <= found.high
    assert 0.94 <= covered / 2000 <= 0.97

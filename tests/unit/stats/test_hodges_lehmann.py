import numpy as np
import pytest
from scipy import stats

from bench.stats.hodges_lehmann import MOST, hodges_lehmann

# Hollander and Wolfe, Nonparametric Statistical Methods (1973), table 3.1: depression scores before and after, and their estimate and 96 % interval.
BEFORE = np.array([1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30])
AFTER = np.array([0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29])


def test_textbook_case():
    assert hodges_lehmann(AFTER - BEFORE, 0.96) == pytest.approx((-0.46, -0.786, -0.010))


def refused(differences, shift, level):
    return stats.wilcoxon(differences - shift, method="exact").pvalue <= 1 - level


@pytest.mark.parametrize(("n", "seed"), [(6, 0), (9, 1), (14, 2), (25, 3), (40, 4)])
def test_interval_holds_the_shifts_that_scipy_does_not_refuse(n, seed):
    differences = np.random.default_rng(seed).normal(0.3, 1.0, n)
    found = hodges_lehmann(differences)
    assert found.low <= found.value <= found.high
    edge = 1e-6
    assert refused(differences, found.low - edge, 0.95)
    assert not refused(differences, found.low + edge, 0.95)
    assert not refused(differences, found.high - edge, 0.95)
    assert refused(differences, found.high + edge, 0.95)


def test_estimate_is_the_median_of_all_pairwise_means():
    differences = np.random.default_rng(5).exponential(1.0, 31)
    pairs = [(differences[i] + differences[j]) / 2 for i in range(31) for j in range(i, 31)]
    assert hodges_lehmann(differences).value == pytest.approx(float(np.median(pairs)))


def test_bounds_of_many_units_join_those_of_few_without_a_step():
    differences = np.random.default_rng(6).normal(0.0, 1.0, 61)
    few, many = (found.high - found.low for found in (hodges_lehmann(differences[:60]), hodges_lehmann(differences)))
    assert many == pytest.approx(few, rel=0.1)


def test_one_unit_far_away_hardly_moves_it():
    differences = np.append(np.random.default_rng(7).normal(0.0, 0.1, 20), 1000.0)
    assert abs(hodges_lehmann(differences).value) < 0.2


def test_few_units_have_no_bounds_and_very_many_no_estimate():
    assert hodges_lehmann(np.array([1.0, 2.0, 4.0])) == (2.25, None, None)
    assert hodges_lehmann(np.zeros(MOST + 1)) is None


def test_coverage_is_what_is_said():
    rng = np.random.default_rng(8)
    found = [hodges_lehmann(rng.normal(0.0, 1.0, 12)) for _ in range(1000)]
    assert 0.935 <= np.mean([each.low <= 0 <= each.high for each in found]) <= 0.975

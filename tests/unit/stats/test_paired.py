import itertools
import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as their_mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from bench.stats.paired import holm, mcnemar, minimum_detectable, sign_flips, tally

DARWIN = np.array([49.0, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48])


def flips(differences, seed=0):
    return sign_flips(np.asarray(differences, dtype=float), np.random.default_rng(seed))


def by_every_flip(differences):
    """p by writing out all 2ⁿ flips."""
    seen = abs(sum(differences))
    sums = [abs(sum(s * d for s, d in zip(signs, differences, strict=True))) for signs in itertools.product((1, -1), repeat=len(differences))]
    return sum(one >= seen - 1e-9 for one in sums) / len(sums)


@pytest.mark.parametrize("n", [1, 2, 5, 6, 9])
def test_p_is_the_share_of_all_flips(n):
    differences = np.random.default_rng(n).normal(0.5, 1, n)
    assert flips(differences).p == pytest.approx(by_every_flip(differences))


@pytest.mark.parametrize("differences", [[0.25] * 4 + [-0.25] * 2 + [0.0] * 3, [0.1, 0.2, -0.3, 0.1, 0.1], [0.0] * 6, [1, -1, 1, -1]])
def test_ties_count_as_far_out_as_what_was_seen(differences):
    assert flips(differences).p == pytest.approx(by_every_flip(differences))


def test_agrees_with_scipy_on_darwins_maize():
    theirs = stats.permutation_test((DARWIN,), lambda x, axis: x.mean(axis=axis), permutation_type="samples", n_resamples=40_000, vectorized=True)
    assert flips(DARWIN).p == pytest.approx(theirs.pvalue)
    assert flips(DARWIN).method == "sign flips, all"


def test_drawn_flips_are_near_all_flips():
    differences = np.random.default_rng(3).normal(0.25, 1, 20)
    theirs = stats.permutation_test(
        (differences,),
        lambda x, axis: abs(x.mean(axis=axis)),
        permutation_type="samples",
        alternative="greater",
        n_resamples=9_999,
        vectorized=True,
        rng=np.random.default_rng(9),
    ).pvalue
    ours = flips(differences)
    assert ours.method.endswith("drawn")
    assert ours.p == pytest.approx(theirs, abs=4 * math.sqrt(theirs * (1 - theirs) / 9_999) * math.sqrt(2))


def test_drawn_p_is_never_zero():
    assert flips(np.full(40, 2.0)).p == pytest.approx(1 / 10_000)


def test_many_units_agree_with_students_test():
    differences = np.random.default_rng(5).normal(0.08, 1, 900)
    theirs = stats.ttest_1samp(differences, 0)
    ours = flips(differences)
    assert ours.method == "sign flips, by their variance"
    assert ours.p == pytest.approx(theirs.pvalue, rel=0.05)
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs.confidence_interval()), abs=1e-3)


@pytest.mark.parametrize("n", [6, 11, 30, 600])
def test_the_interval_holds_the_means_that_the_test_does_not_refuse(n):
    differences = np.random.default_rng(n).normal(1, 1, n)
    found = flips(differences)
    inside, outside = 1e-6, -1e-6
    for bound, inwards in ((found.low, 1), (found.high, -1)):
        assert flips(differences - bound - inwards * inside).p > 0.05
        assert flips(differences - bound - inwards * outside).p <= 0.05


@pytest.mark.parametrize("n", [1, 2, 5])
def test_too_few_units_bound_nothing_whatever_they_say(n):
    found = flips(np.full(n, 3.0) + np.arange(n) / 10)
    assert (found.low, found.high) == (None, None)
    assert found.p > 0.05


def test_differences_that_all_agree_have_an_interval_of_that_point():
    found = flips([0.5] * 8)
    assert (found.low, found.high, found.p) == (0.5, 0.5, 2 / 2**8)
    assert flips([0.0] * 800)[1:4] == (0.0, 0.0, 1.0)


@pytest.mark.parametrize(
    "draw", [lambda rng: rng.normal(0, 1, 12), lambda rng: np.round(rng.normal(0, 0.4, 12) * 4) / 4, lambda rng: rng.laplace(0, 1, 30)]
)
def test_a_difference_that_is_not_there_is_found_in_one_of_twenty(draw):
    rng = np.random.default_rng(11)
    found = [sign_flips(draw(rng), rng) for _ in range(150)]
    slack = 3 * math.sqrt(0.05 * 0.95 / 150)
    assert np.mean([one.p <= 0.05 for one in found]) <= 0.05 + slack
    assert np.mean([one.low <= 0 <= one.high for one in found]) >= 0.95 - slack


@pytest.mark.parametrize(("b", "c"), [(5, 0), (10, 3), (7, 7), (0, 1), (101, 121)])
def test_mcnemar_agrees_with_statsmodels(b, c):
    assert mcnemar(b, c) == pytest.approx(their_mcnemar([[3, b], [c, 9]], exact=True).pvalue)


def test_nobody_differing_is_no_difference():
    assert mcnemar(0, 0) == 1.0


@pytest.mark.parametrize(("b", "c"), [(5, 1), (4, 4), (9, 2)])
def test_mcnemar_is_the_sign_flip_test_of_rights_and_wrongs(b, c):
    assert mcnemar(b, c) == pytest.approx(flips([1.0] * b + [-1.0] * c + [0.0] * 2).p)


@pytest.mark.parametrize("ps", [[0.01, 0.04, 0.03, 0.005], [0.5], [0.04, 0.04, 0.04], [0.9, 1.0, 0.001], []])
def test_holm_agrees_with_statsmodels(ps):
    theirs = multipletests(ps, method="holm")[1] if ps else []
    assert holm(ps) == pytest.approx(list(theirs))


@pytest.mark.parametrize(("n", "alpha"), [(5, 0.05), (10, 0.05), (34, 0.05), (200, 0.01)])
def test_detectable_difference_agrees_with_statsmodels(n, alpha):
    effect = TTestPower().solve_power(nobs=n, alpha=alpha, power=0.8)
    assert minimum_detectable(2.0, n, alpha) == pytest.approx(2.0 * effect, rel=0.005)


def test_what_is_called_detectable_is_detected_in_four_of_five():
    rng = np.random.default_rng(2)
    shift = minimum_detectable(1.0, 20)
    found = [sign_flips(rng.normal(shift, 1, 20), rng).p <= 0.05 for _ in range(150)]
    assert np.mean(found) == pytest.approx(0.8, abs=3 * math.sqrt(0.8 * 0.2 / 150))


def test_no_spread_says_nothing_of_what_could_be_detected():
    assert minimum_detectable(0.0, 20) is None
    assert minimum_detectable(1.0, 2) is None


def test_tally_counts_rounding_as_a_tie():
    assert tally(np.array([0.5, 0.1 + 0.2 - 0.3, 0.0, -0.5])) == (1, 2, 1)
    assert tally(np.empty(0)) == (0, 0, 0)

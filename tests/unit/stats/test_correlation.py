import itertools
import warnings

import numpy as np
import pytest
from scipy import stats

from bench.stats.correlation import against_people, agreement, ceiling, kendall, spearman, why_undefined
from bench.stats.resampled import cluster_bootstrap

NAN = np.nan
TIED = (np.array([1.0, 2, 2, 3, 5, 5, 4]), np.array([2.0, 2, 3, 3, 4, 5, 5]))


def test_spearman_agrees_with_scipys_own_with_ties():
    assert spearman(*TIED) == pytest.approx(stats.spearmanr(*TIED).statistic)


def test_spearman_of_kendalls_ten_boys():
    """Ranks in mathematics and music (M. G. Kendall, Rank Correlation Methods, ch. 1); without ties ρ = 1 − 6Σd²/(n³ − n)."""
    a, b = np.array([7.0, 4, 3, 10, 6, 2, 9, 8, 1, 5]), np.array([5.0, 7, 3, 10, 1, 9, 6, 2, 8, 4])
    assert spearman(a, b) == pytest.approx(1 - 6 * float(((a - b) ** 2).sum()) / (10**3 - 10))
    assert spearman(a, b) == pytest.approx(-0.103, abs=5e-4)


def test_kendall_is_the_count_of_pairs_corrected_for_ties():
    a, b = TIED
    pairs = list(itertools.combinations(range(len(a)), 2))
    signs = [(np.sign(a[i] - a[j]), np.sign(b[i] - b[j])) for i, j in pairs]
    both = sum(x * y for x, y in signs)
    assert kendall(a, b) == pytest.approx(both / np.sqrt(sum(x != 0 for x, _ in signs) * sum(y != 0 for _, y in signs)))


@pytest.mark.parametrize("measure", [spearman, kendall])
def test_a_constant_rater_agrees_with_nobody_and_contradicts_nobody(measure):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert measure(np.full(5, 3.0), np.arange(5.0)) is None
        assert measure(np.arange(5.0), np.full(5, 3.0)) is None
        assert measure(np.full(5, 3.0), np.full(5, 3.0)) is None


def test_missing_labels_leave_their_answers_out():
    a, b = np.array([1.0, 2, 3, 4, NAN]), np.array([2.0, 1, 3, NAN, 9])
    assert spearman(a, b) == pytest.approx(0.5)
    assert spearman(a, np.full(5, NAN)) is None
    assert why_undefined(a[3:], b[3:]) == "both rated 0 answers, 3 are needed"


def test_agreement_says_why_there_is_none():
    found = agreement(spearman, np.full(9, 3.0), np.arange(9.0), np.arange(9), np.random.default_rng(0))
    assert (found.value, found.interval[:2], found.why) == (None, (None, None), "the first gives every answer the same value")


def test_interval_of_a_correlation_is_that_of_whole_prompts():
    """Every answer five times over is five times the answers and not one more prompt."""
    rng = np.random.default_rng(1)
    a = rng.normal(size=30)
    b = a + rng.normal(size=30)
    once = agreement(spearman, a, b, np.arange(30), np.random.default_rng(2), resamples=400)
    often = agreement(spearman, np.repeat(a, 5), np.repeat(b, 5), np.repeat(np.arange(30), 5), np.random.default_rng(2), resamples=400)
    assert often.value == pytest.approx(once.value)
    assert often.interval[:2] == pytest.approx(once.interval[:2])
    assert (once.clusters, often.clusters, often.n) == (30, 30, 150)


def test_interval_is_near_scipys_bootstrap():
    rng = np.random.default_rng(3)
    a = rng.normal(size=60)
    b = a + rng.normal(size=60)
    ours = agreement(spearman, a, b, np.arange(60), rng, resamples=800).interval
    theirs = stats.bootstrap(
        (stats.rankdata(a), stats.rankdata(b)),
        spearman,
        paired=True,
        vectorized=False,
        n_resamples=800,
        method="percentile",
        rng=rng,
    ).confidence_interval
    assert ours[:2] == pytest.approx((theirs.low, theirs.high), abs=0.06)


def test_no_interval_of_few_prompts_nor_where_resamples_are_undefined():
    rng = np.random.default_rng(4)
    values = np.arange(5.0)
    assert agreement(spearman, values, values, np.arange(5), rng).interval[:2] == (None, None)
    once_good = np.array([5.0, 1, 1, 1, 1, 1, 1, 1])
    assert agreement(spearman, once_good, np.arange(8.0), np.arange(8), rng, resamples=200).interval[:2] == (None, None)


def test_interval_covers():
    rng = np.random.default_rng(6)
    truth = 0.5
    covered = []
    for _ in range(120):
        whose, values = np.repeat(np.arange(15), 2), np.repeat(rng.normal(truth, 1, 15), 2)
        found = cluster_bootstrap(lambda places, values=values: float(values[places].mean()), whose, rng, resamples=200)
        covered.append(found.low <= truth <= found.high)
    assert np.mean(covered) >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / 120)


def test_ceiling_is_each_person_against_the_mean_of_the_others():
    people = np.array([[1.0, 2, 3, 4, 5, NAN], [2.0, 1, 4, 3, 5, 1], [1.0, 3, 2, 5, 4, NAN]])
    found = ceiling(people)
    by_hand = [
        stats.spearmanr(people[0, :5], people[[1, 2], :5].mean(axis=0)).statistic,
        stats.spearmanr(people[1, :5], people[[0, 2], :5].mean(axis=0)).statistic,
        stats.spearmanr(people[2, :5], people[[0, 1], :5].mean(axis=0)).statistic,
    ]
    assert found.each == pytest.approx(tuple(by_hand))
    assert found.value == pytest.approx(np.mean(by_hand))


def test_a_constant_person_does_not_lower_the_ceiling():
    people = np.array([[1.0, 2, 3, 4], [1.0, 2, 3, 4], [3.0, 3, 3, 3]])
    assert ceiling(people).each == (1.0, 1.0, None)
    assert ceiling(people).value == 1.0


def test_one_person_is_no_ceiling():
    assert ceiling(np.array([[1.0, 2, 3]])) == (None, ())
    assert against_people(np.arange(3.0), np.array([[1.0, 2, 3]])) == (None, ())


def test_a_judge_that_copies_a_person_meets_the_ceiling_of_that_person():
    people = np.array([[1.0, 2, 3, 4, 5], [2.0, 1, 4, 3, 5], [1.0, 3, 2, 5, 4]])
    assert against_people(people[0], people).each[0] == ceiling(people).each[0]

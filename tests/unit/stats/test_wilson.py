import math

import numpy as np
import pytest
from scipy import stats

from bench.stats.wilson import effective_n, share_interval, wilson_interval


@pytest.mark.parametrize(("hits", "n"), [(81, 263), (15, 148), (0, 20), (1, 29), (20, 20)])
def test_agrees_with_scipy(hits, n):
    theirs = stats.binomtest(hits, n).proportion_ci(0.95, method="wilson")
    assert wilson_interval(hits / n, n) == pytest.approx((theirs.low, theirs.high))


def test_no_hit_is_bounded_by_zero_itself():
    assert wilson_interval(0.0, 3)[0] == 0.0
    assert wilson_interval(1.0, 3)[1] == 1.0


@pytest.mark.parametrize(("hits", "n", "low", "high"), [(15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)])
def test_agrees_with_newcombe_table_1(hits, n, low, high):
    assert wilson_interval(hits / n, n) == pytest.approx((low, high), abs=5e-5)


def test_trials_of_their_own_are_independent():
    values = np.array([0.0, 1.0, 1.0, 1.0])
    assert share_interval(values, np.arange(4))[:2] == wilson_interval(0.75, 4)


def test_one_cluster_of_several_has_no_bounds():
    assert share_interval(np.array([0.0, 1.0]), np.array([0, 0]))[:2] == (None, None)


def test_clusters_that_all_agree_count_once_each():
    values, ids = np.ones(30), np.repeat(np.arange(10), 3)
    assert effective_n(values, ids) == 10
    assert share_interval(values, ids)[:2] == wilson_interval(1.0, 10)


def test_scores_that_all_agree_still_have_a_width():
    interval = share_interval(np.full(10, 0.8), np.arange(10))
    assert interval.low < 0.8 < interval.high


def test_zeros_and_ones_never_count_for_more_than_they_are():
    values, ids = np.array([1.0, 0.0] * 10), np.repeat(np.arange(10), 2)  # every cluster exactly half: less spread than chance
    assert effective_n(values, ids) <= 20
    mixed = np.array([1.0, 0.0] * 9 + [1.0, 1.0])
    assert effective_n(mixed, ids) <= 20


RUNS = 800
SLACK = 3 * math.sqrt(0.95 * 0.05 / RUNS)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.7])
def test_clustered_shares_cover_where_naive_ones_do_not(share):
    """Each of 30 prompts has its own chance, beta distributed: nearly always or nearly never."""
    rng, ids = np.random.default_rng(1), np.repeat(np.arange(30), 3)
    samples = [(rng.random(90) < np.repeat(rng.beta(share * 0.4, (1 - share) * 0.4, size=30), 3)).astype(float) for _ in range(RUNS)]
    ours = np.mean([(i := share_interval(x, ids)).low <= share <= i.high for x in samples])
    naive = np.mean([(i := share_interval(x, np.arange(90))).low <= share <= i.high for x in samples])
    assert ours >= 0.95 - SLACK - 0.01
    assert naive < 0.85


def test_mean_scores_near_the_top_cover():
    """Scores in quarters, most of them one: Student's interval covers 91 % here."""
    rng = np.random.default_rng(2)

    def draw(n):
        return np.round(rng.beta(8, 1, size=n) * 4) / 4

    truth = float(draw(200_000).mean())
    covered = [(i := share_interval(draw(10), np.arange(10))).low <= truth <= i.high for _ in range(RUNS)]
    assert np.mean(covered) >= 0.95 - SLACK

import math

import numpy as np
import pytest

from bench.stats.rogan_gladen import Rated, true_share


def test_a_judge_that_is_always_right_changes_nothing():
    assert true_share(Rated(40, 100), Rated(50, 50), Rated(0, 50)).value == pytest.approx(0.4)


def test_the_published_formula():
    """Rogan and Gladen's form: (p + specificity − 1) / (sensitivity + specificity − 1)."""
    assert true_share(Rated(30, 100), Rated(18, 20), Rated(4, 20)).value == pytest.approx((0.3 + 0.8 - 1) / (0.9 + 0.8 - 1), abs=5e-5)


@pytest.mark.parametrize(
    "given",
    [
        (Rated(0, 0), Rated(9, 10), Rated(1, 10)),
        (Rated(4, 9), Rated(0, 0), Rated(1, 10)),
        (Rated(4, 9), Rated(5, 10), Rated(5, 10)),
        (Rated(4, 9), Rated(2, 10), Rated(8, 10)),
    ],
)
def test_a_judge_no_better_than_chance_or_never_tried_says_nothing(given):
    assert true_share(*given) == (None, None, None)


def test_it_never_leaves_what_a_share_can_be():
    found = true_share(Rated(1, 100), Rated(45, 50), Rated(10, 50))
    assert found.value == 0.0
    assert found.low == 0.0
    assert true_share(Rated(99, 100), Rated(40, 50), Rated(5, 50))[::2] == (1.0, 1.0)


@pytest.mark.parametrize(("truth", "sensitivity", "specificity"), [(0.5, 0.85, 0.75), (0.15, 0.9, 0.8), (0.85, 0.7, 0.9)])
def test_interval_covers_where_the_judges_own_does_not(truth, sensitivity, specificity):
    rng, runs, n = np.random.default_rng(1), 1000, 300
    seen = truth * sensitivity + (1 - truth) * (1 - specificity)
    draws = zip(rng.binomial(n, seen, runs), rng.binomial(40, sensitivity, runs), rng.binomial(40, 1 - specificity, runs), strict=True)
    found, naive = [], []
    for all_passed, good_passed, bad_passed in draws:
        one = true_share(Rated(int(all_passed), n), Rated(int(good_passed), 40), Rated(int(bad_passed), 40))
        found.append(one.low <= truth <= one.high)
        share = all_passed / n
        naive.append(abs(share - truth) <= 1.96 * math.sqrt(share * (1 - share) / n))
    assert np.mean(found) >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / runs)
    assert np.mean(naive) < np.mean(found)
    assert np.mean(naive) < 0.8 or abs(seen - truth) < 0.06

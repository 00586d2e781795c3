import doctest
from itertools import combinations

import pytest
from scipy.stats import hypergeom

from bench.stats import pass_k
from bench.stats.pass_k import pass_at_k, pass_hat_k


def test_examples_hold():
    assert doctest.testmod(pass_k).failed == 0


@pytest.mark.parametrize(("n", "c"), [(n, c) for n in range(1, 7) for c in range(n + 1)])
def test_both_are_what_counting_every_choice_of_k_answers_gives(n, c):
    for k in range(1, n + 1):
        choices = list(combinations([True] * c + [False] * (n - c), k))
        assert pass_at_k(n, c, k) == pytest.approx(sum(map(any, choices)) / len(choices))
        assert pass_hat_k(n, c, k) == pytest.approx(sum(map(all, choices)) / len(choices))


def test_both_are_the_tails_of_the_hypergeometric_distribution():
    assert pass_at_k(200, 17, 10) == pytest.approx(1 - hypergeom(200, 17, 10).pmf(0))
    assert pass_hat_k(200, 170, 10) == pytest.approx(hypergeom(200, 170, 10).pmf(10))


def test_of_one_answer_both_are_the_share_that_is_right():
    assert pass_at_k(5, 2, 1) == pass_hat_k(5, 2, 1) == pytest.approx(0.4)


def test_more_answers_than_there_are_have_no_value():
    assert pass_at_k(2, 2, 3) is None
    assert pass_hat_k(2, 2, 3) is None
    assert pass_at_k(2, 1, 0) is None

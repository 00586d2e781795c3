import numpy as np
import pytest
from scipy import optimize

from bench.stats.bradley_terry import log_strengths, strengths

# A. Agresti, Categorical Data Analysis, 3rd ed. (2013), §11.6: baseball, American League East 1987; wins of the row over the column.
BASEBALL = np.array(
    [
        [0, 7, 9, 7, 7, 9, 11],
        [6, 0, 7, 5, 11, 9, 9],
        [4, 6, 0, 7, 7, 8, 12],
        [6, 8, 6, 0, 6, 7, 10],
        [6, 2, 6, 7, 0, 7, 12],
        [4, 4, 5, 6, 6, 0, 6],
        [2, 4, 1, 3, 1, 7, 0],
    ],
    dtype=float,
)


def test_baseball_has_its_published_strengths():
    found = log_strengths(BASEBALL)
    assert (found - found[-1]).round(2).tolist() == [1.58, 1.44, 1.29, 1.25, 1.11, 0.68, 0.0]


def test_agrees_with_the_likelihood_climbed_by_scipy():
    wins = np.array([[0, 5.5, 2], [2.5, 0, 3], [4, 1, 0]])

    def loss(free):
        s = np.append(free, 0.0)
        return sum(wins[i, j] * np.log1p(np.exp(s[j] - s[i])) for i in range(3) for j in range(3))

    best = np.append(optimize.minimize(loss, [0.0, 0.0], tol=1e-12).x, 0.0)
    assert log_strengths(wins) == pytest.approx(best - best.mean(), abs=1e-4)


def test_two_models_have_the_log_odds_of_their_wins():
    found = log_strengths(np.array([[0, 6.0], [2.0, 0]]))
    assert found[0] - found[1] == pytest.approx(np.log(3))


@pytest.mark.parametrize("wins", [[[0, 5], [0, 0]], [[0, 0], [0, 0]], [[0, 2, 1], [3, 0, 1], [0, 0, 0]], [[0.0]]])
def test_a_model_that_never_lost_or_never_met_has_no_finite_strength(wins):
    assert log_strengths(np.array(wins, dtype=float)) is None
    assert strengths(np.array([wins] * 8, dtype=float), np.random.default_rng(0)) is None


def test_only_ties_are_equal_strengths():
    assert log_strengths(np.full((3, 3), 0.5)) == pytest.approx([0, 0, 0], abs=1e-9)


def test_intervals_are_those_of_prompts():
    rng = np.random.default_rng(1)
    wins = np.zeros((20, 2, 2))
    first = rng.random(20) < 0.65
    wins[first, 0, 1] = 1
    wins[~first, 1, 0] = 1
    found = strengths(wins, np.random.default_rng(2))
    assert found[0].interval.low < found[0].log < found[0].interval.high
    assert found[0].beats_the_mean == pytest.approx(1 / (1 + np.exp(-found[0].log)))
    few = strengths(wins[:4] + 0.1, np.random.default_rng(2))
    assert few[0].interval[:2] == (None, None)

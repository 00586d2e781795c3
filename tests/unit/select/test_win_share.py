"""Whether a win share means what it says: by simulation, with models whose true difference is known."""

from math import erf, sqrt

import numpy as np
import pytest
from harness.contests import criterion, who

from bench.select.contest import Contest, Entrant, Figure
from bench.select.decide import CLEAR, decide
from bench.stats.resampling import draws, resampled_quantile, resampled_ratio, widened, widths

N_PROMPTS, RESAMPLES, EXPERIMENTS = 16, 400, 150
SPREAD = 0.1  # of the difference of two models on one prompt


def win_share(rng, margin):
    """One experiment: prompts that are hard for both, two rounds each; a is better by `margin` on average. How often a wins."""
    hardness = rng.normal(0, 0.2, N_PROMPTS)
    clusters = np.repeat(np.arange(N_PROMPTS), 2)
    drawn = draws(N_PROMPTS, 7, RESAMPLES)
    entrants = []
    for name, lead in (("a", margin), ("b", 0.0)):
        own = rng.normal(0, SPREAD / sqrt(2), N_PROMPTS)
        values = np.repeat(5 + hardness + own + lead, 2)
        figure = Figure(float(values.mean()), drawn=resampled_ratio(values, np.ones(values.size), clusters, drawn))
        entrants.append(Entrant(who(name), figures={"quality": figure}))
    found = decide(Contest((criterion("quality", 1.0),), tuple(entrants), N_PROMPTS, resamples=RESAMPLES))
    return found.candidates[0].win_share


def shares(margin):
    rng = np.random.default_rng(20261123)
    return np.array([win_share(rng, margin) for _ in range(EXPERIMENTS)])


def normal(z):
    return (1 + erf(z / sqrt(2))) / 2


def test_of_two_equal_models_each_wins_half():
    found = shares(0.0)
    assert found.mean() == pytest.approx(0.5, abs=0.06)
    assert np.quantile(found, [0.25, 0.75]) == pytest.approx([0.25, 0.75], abs=0.08)


DRAWN = {
    "normal": lambda rng, shape: rng.normal(0, 1, shape),
    "skewed": lambda rng, shape: rng.beta(0.3, 2, shape) - rng.beta(0.3, 2, shape),
    "one check": lambda rng, shape: (rng.random(shape) < 0.5) * 1.0 - (rng.random(shape) < 0.5),
    "seldom unlike": lambda rng, shape: (rng.random(shape) < 0.1) * 1.0 - (rng.random(shape) < 0.1),
}


@pytest.mark.parametrize("kind", DRAWN)
@pytest.mark.parametrize("n", [6, 12, 40])
def test_of_two_equal_models_one_is_called_clear_in_at_most_one_of_twenty_experiments(n, kind):
    """As the t test has it."""
    rng = np.random.default_rng(20261123)
    shares = []
    for seed in range(4):
        differences = DRAWN[kind](rng, (n, 1000))
        found = widened(differences.mean(axis=0), draws(n, seed, 1000) @ differences / (n - 1), widths(n, 1000)[:, None])
        shares.append((found > 1e-9).mean(axis=0) + (np.abs(found) <= 1e-9).mean(axis=0) / 2)
    is_called_clear = (found := np.concatenate(shares) >= CLEAR) | (np.concatenate(shares) <= 1 - CLEAR)
    assert found.size == 4000
    assert is_called_clear.mean() <= 0.05 + 0.007  # two standard errors of 4,000 experiments


def test_without_the_widths_six_prompts_would_call_one_of_ten_clear():
    rng = np.random.default_rng(20261123)
    found = (draws(6, 1, 1000) @ rng.normal(0, 1, (6, 4000)) > 0).mean(axis=0)
    assert ((found >= CLEAR) | (found <= 1 - CLEAR)).mean() == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize("candidates", [3, 5])
def test_of_several_equal_models_one_is_called_clear_more_seldom_still(candidates):
    """The best must stay ahead of all others at once, so that many candidates need no correction of their own."""
    rng = np.random.default_rng(20261123)
    values = rng.normal(0, 1, (candidates, 6, 500))
    drawn = widened(values.mean(axis=1)[:, None], draws(6, 1, 400) @ values / 5, widths(6, 400)[:, None])
    wins = np.stack([(drawn.argmax(axis=0) == place).mean(axis=0) for place in range(candidates)])
    assert (wins.max(axis=0) >= CLEAR).mean() <= 0.025


def test_a_model_that_is_ahead_by_two_standard_deviations_is_found_with_six_prompts():
    rng = np.random.default_rng(20261123)
    differences = rng.normal(2, 1, (6, 2000))
    found = widened(differences.mean(axis=0), draws(6, 1, 1000) @ differences / 5, widths(6, 1000)[:, None])
    assert ((found > 0).mean(axis=0) >= CLEAR).mean() >= 0.9


@pytest.mark.parametrize("errors", [0.5, 1.0, 2.0, 3.5])
def test_the_better_model_wins_as_often_as_its_margin_in_standard_errors_says(errors):
    # Of a normal difference of `errors` standard errors, seen with one standard error of noise, the expected share is Φ(errors / √2).
    found = shares(errors * SPREAD / sqrt(N_PROMPTS))
    assert found.mean() == pytest.approx(normal(errors / sqrt(2)), abs=0.05)


def test_noise_that_prompts_share_takes_no_certainty():
    """Paired: what is hard for both is in both resamples, so a small but steady lead is seen."""
    hardness = np.random.default_rng(1).normal(0, 1, N_PROMPTS)
    drawn, clusters = draws(N_PROMPTS, 7, RESAMPLES), np.arange(N_PROMPTS)
    steady = (("a", 0.1), ("b", 0.0))
    entrants = tuple(
        Entrant(who(name), figures={"quality": Figure(5 + lead, drawn=resampled_ratio(5 + hardness + lead, np.ones(N_PROMPTS), clusters, drawn))})
        for name, lead in steady
    )
    assert decide(Contest((criterion("quality", 1.0),), entrants, N_PROMPTS, resamples=RESAMPLES)).candidates[0].win_share == 1.0


def test_spread_of_resampled_means_is_the_standard_error():
    values = np.random.default_rng(3).normal(10, 2, 12)
    found = resampled_ratio(values, np.ones(12), np.arange(12), draws(12, 7, 20_000))
    assert found.mean() == pytest.approx(values.mean(), abs=0.02)
    assert found.std() == pytest.approx(values.std(ddof=1) / sqrt(12), rel=0.03)


@pytest.mark.parametrize("p", [0.5, 0.9, 0.95, 1.0])
def test_resampled_quantile_is_that_of_the_values_drawn(p):
    rng = np.random.default_rng(5)
    values, clusters = rng.lognormal(0, 1, 60).round(2), np.repeat(np.arange(20), 3)
    drawn = draws(20, 11, 50)
    expected = [np.quantile(np.concatenate([np.repeat(values[clusters == one], int(n)) for one, n in enumerate(row)]), p) for row in drawn]
    assert resampled_quantile(values, clusters, p, drawn) == pytest.approx(expected)


def test_resampled_quantile_of_counted_values_is_that_of_the_values_repeated():
    values, weights, clusters = np.array([1.0, 2.0, 3.0]), np.array([5, 1, 4]), np.array([0, 1, 1])
    drawn = draws(2, 1, 30)
    repeated = resampled_quantile(np.repeat(values, weights), np.repeat(clusters, weights), 0.5, drawn)
    assert resampled_quantile(values, clusters, 0.5, drawn, weights) == pytest.approx(repeated)


def test_draws_without_a_value_give_none():
    drawn = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert np.isnan(resampled_ratio(np.array([2.0]), np.array([1.0]), np.array([0]), drawn)).tolist() == [False, True]
    assert np.isnan(resampled_quantile(np.array([2.0]), np.array([0]), 0.5, drawn)).tolist() == [False, True]


def test_many_values_are_thinned_by_less_than_their_noise():
    values, clusters = np.random.default_rng(2).random(50_000), np.arange(50_000) % 40
    found = resampled_quantile(values, clusters, 0.95, draws(40, 1, 100))
    assert found.mean() == pytest.approx(0.95, abs=0.005)


def test_same_seed_gives_the_same_draws():
    assert np.array_equal(draws(9, 4), draws(9, 4))
    assert not np.array_equal(draws(9, 4), draws(9, 5))

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from bench.stats.calibrated import calibrate

NAN = np.nan
PROMPTS = np.repeat(np.arange(30), 3)


def scores(rng):
    return rng.uniform(1, 5, PROMPTS.size)


def test_a_judge_that_is_too_kind_by_as_much_everywhere_is_shifted():
    rng = np.random.default_rng(1)
    x = scores(rng)
    found = calibrate(x, x - 1.2 + rng.normal(0, 0.5, x.size), PROMPTS, rng)
    assert found.kind == "shift"
    assert found.bend(np.array([4.0]))[0] == pytest.approx(2.8, abs=0.2)
    assert found.errors["shift"] < found.errors["none"]


def test_a_judge_that_is_kind_only_at_the_top_is_bent():
    rng = np.random.default_rng(2)
    x = scores(rng)
    y = np.where(x > 3, 2.0, x) + rng.normal(0, 0.2, x.size)
    assert calibrate(x, y, PROMPTS, rng).kind == "isotonic"


def test_a_judge_that_is_right_is_left_as_it_is():
    rng = np.random.default_rng(3)
    x = scores(rng)
    found = calibrate(x, x + rng.normal(0, 0.5, x.size), PROMPTS, rng)
    assert found.kind == "none"
    assert found.bend(np.array([2.5]))[0] == 2.5


def test_noise_is_bent_in_few_of_many_tries():
    rng = np.random.default_rng(4)
    kinds = []
    for _ in range(60):
        x = scores(rng)
        kinds.append(calibrate(x, x + rng.normal(0, 1, x.size), PROMPTS, rng).kind)
    assert kinds.count("none") >= 50


def test_few_labels_bend_nothing_and_say_so():
    found = calibrate(np.arange(19.0), np.arange(19.0) + 3, np.arange(19), np.random.default_rng(0))
    assert (found.kind, found.why) == ("none", "19 labels on 19 prompts; 20 on 6 are needed")
    alike = calibrate(np.arange(40.0), np.arange(40.0) + 3, np.repeat(np.arange(4), 10), np.random.default_rng(0))
    assert alike.kind == "none"


def test_prompts_are_not_split_between_folds():
    """The score gives the prompt away: a curve that has seen the prompt's other answers knows the label."""
    rng = np.random.default_rng(5)
    labels = np.cumsum(rng.exponential(1, 30))[PROMPTS]
    by_prompt = calibrate(PROMPTS / 10, labels, PROMPTS, rng)
    by_answer = calibrate(PROMPTS / 10, labels, np.arange(PROMPTS.size), rng)
    assert by_answer.errors["isotonic"] < 0.1 * by_prompt.errors["isotonic"]


def test_missing_labels_are_left_out():
    rng = np.random.default_rng(6)
    x = scores(rng)
    y = x - 1
    y[::2] = NAN
    assert calibrate(x, y, PROMPTS, rng).bend(np.array([3.0]))[0] == pytest.approx(2.0, abs=0.1)


def test_the_curve_is_scikit_learns_isotonic_one():
    rng = np.random.default_rng(7)
    x = np.round(scores(rng), 1)  # with ties
    y = np.where(x > 3, 2.0, x) + rng.normal(0, 0.2, x.size)
    found = calibrate(x, y, PROMPTS, rng)
    assert found.kind == "isotonic"
    theirs = IsotonicRegression(out_of_bounds="clip").fit(x, y)
    at = np.linspace(0.5, 5.5, 40)
    assert found.bend(at) == pytest.approx(theirs.predict(at))

import importlib
import math
import warnings

import numpy as np
import pytest
from scipy import stats

from bench.stats.ppi import Labelled, corrected_difference, corrected_mean, tuned

NAN = np.nan


@pytest.fixture(scope="module")
def theirs():
    with warnings.catch_warnings():  # it silences all warnings of its process when it is loaded
        return importlib.import_module("ppi_py")


def drawn(rng, n=50, rest=450):
    """A judge that is too kind by a point and a half and knows something: what it says, what people would say."""
    says = np.clip(rng.normal(3.9, 0.7, n + rest), 1, 5)
    people = np.clip(says - 1.5 + rng.normal(0, 0.6, n + rest), 1, 5)
    return says, people


def labelled(says, people, n, clusters=None):
    labels = people.copy()
    labels[n:] = NAN
    return Labelled(says, labels, np.arange(says.size) if clusters is None else clusters)


def test_point_and_tuning_agree_with_ppi_python(theirs):
    says, people = drawn(np.random.default_rng(1))
    found = corrected_mean(labelled(says, people, 50))
    assert found.value == pytest.approx(float(theirs.ppi_mean_pointestimate(people[:50], says[:50], says[50:])[0]))
    untuned = float(theirs.ppi_mean_pointestimate(people[:50], says[:50], says[50:], lam=found.tuning)[0])
    assert found.value == pytest.approx(untuned)


def test_interval_is_ppi_pythons_with_t_for_z_at_95_percent(theirs):
    says, people = drawn(np.random.default_rng(2))
    found = corrected_mean(labelled(says, people, 50))
    low, high = (float(bound[0]) for bound in theirs.ppi_mean_ci(people[:50], says[:50], says[50:], alpha=0.05))
    z_reach, t_over_z = (high - low) / 2, stats.t.ppf(0.975, 49) / stats.norm.ppf(0.975)
    reach = (found.interval.high - found.interval.low) / 2
    assert reach == pytest.approx(z_reach * t_over_z * math.sqrt(50 / 49), rel=0.002)  # theirs divides by n, not n − 1
    by_default = [float(bound[0]) for bound in theirs.ppi_mean_ci(people[:50], says[:50], says[50:])]
    assert by_default[1] - by_default[0] < 0.85 * 2 * reach  # 90 %


def test_without_a_judge_it_is_students_interval():
    people = np.random.default_rng(3).normal(3, 1, 30)
    found = corrected_mean(Labelled(np.full(30, 4.0), people, np.arange(30)))
    assert found.tuning == 0.0
    expected = stats.ttest_1samp(people, 0).confidence_interval()
    assert found.interval[:2] == pytest.approx((expected.low, expected.high))
    assert found.by_labels_interval[:2] == pytest.approx(found.interval[:2])
    assert found.worth == pytest.approx(30)


@pytest.mark.parametrize("says", [np.full(60, 3.0), np.linspace(5, 1, 60)])
def test_a_judge_that_says_nothing_or_the_opposite_is_left_out(says):
    people = np.linspace(1, 5, 60)
    assert tuned(labelled(says, people, 40)) == 0.0


def test_a_perfect_judge_makes_labels_worth_as_many_as_there_are_answers():
    people = np.random.default_rng(4).normal(3, 1, 400)
    found = corrected_mean(labelled(people + 1.0, people, 100))
    assert found.tuning == pytest.approx(0.75, abs=0.08)  # 1 / (1 + n/N)
    assert found.worth == pytest.approx(400, rel=0.15)
    assert found.value == pytest.approx(people.mean(), abs=0.08)
    assert found.naive == pytest.approx(people.mean() + 1.0)


SIMULATIONS = 2_000


@pytest.fixture(scope="module")
def simulated():
    """Draws of 50 labelled and 450 other answers, with what is true of them."""
    rng = np.random.default_rng(20)
    _, people = drawn(rng, 50_000, 450_000)
    truth, found = float(people.mean()), []
    for _ in range(SIMULATIONS):
        some_says, some_people = drawn(rng)
        seen = labelled(some_says, some_people, 50)
        reach = stats.norm.ppf(0.975) * some_says.std(ddof=1) / math.sqrt(500)
        found.append((corrected_mean(seen), abs(some_says.mean() - truth) <= reach))
    return truth, found


def test_interval_covers_where_the_naive_one_never_does(simulated):
    truth, found = simulated
    covered = np.mean([one.interval.low <= truth <= one.interval.high for one, _ in found])
    assert 0.93 <= covered <= 0.97
    assert np.mean([naive for _, naive in found]) <= 0.01


def test_interval_is_narrower_than_that_of_the_labels_alone(simulated):
    _, found = simulated
    ours = np.mean([one.interval.high - one.interval.low for one, _ in found])
    alone = np.mean([one.by_labels_interval.high - one.by_labels_interval.low for one, _ in found])
    gain = (alone / ours) ** 2
    assert gain > 1.3
    assert np.median([one.worth for one, _ in found]) == pytest.approx(50 * gain, rel=0.1)


def clustered(rng, prompts=30, each=6, labels_each=2):
    """Answers to prompts that differ in difficulty, for the judge and for people alike; some of every prompt are labelled."""
    whose = np.repeat(np.arange(prompts), each)
    hard = rng.normal(0, 1, prompts)[whose]
    people = 3 + hard + rng.normal(0, 0.4, whose.size)
    says = 4.2 + 0.7 * hard + rng.normal(0, 0.4, whose.size)
    is_labelled = np.tile(np.arange(each) < labels_each, prompts)
    return Labelled(says, np.where(is_labelled, people, NAN), whose)


def test_interval_covers_when_answers_share_prompts_and_that_of_independent_answers_does_not():
    rng = np.random.default_rng(7)
    found = [clustered(rng) for _ in range(400)]
    ours = [corrected_mean(seen).interval for seen in found]
    wrong = [corrected_mean(seen._replace(clusters=np.arange(seen.labels.size))).interval for seen in found]
    assert np.mean([one.low <= 3 <= one.high for one in ours]) >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / 400)
    assert np.mean([one.low <= 3 <= one.high for one in wrong]) < 0.9


def test_difference_of_the_same_prompts_is_paired():
    rng = np.random.default_rng(8)
    covered, widths = [], []
    for _ in range(400):
        first = clustered(rng)
        second = first._replace(labels=first.labels - 0.5 + rng.normal(0, 0.3, first.labels.size), predictions=first.predictions + 0.3)
        found = corrected_difference(first, second)
        covered.append(found.interval.low <= 0.5 <= found.interval.high)
        widths.append((found.interval.high - found.interval.low, *np.diff(corrected_mean(first).interval[:2])))
    assert np.mean(covered) >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / 400)
    paired, alone = np.mean(widths, axis=0)
    assert paired < 0.5 * alone


def test_difference_of_means_without_a_judge_is_students_paired_interval():
    rng = np.random.default_rng(9)
    a, b = rng.normal(3, 1, 25), rng.normal(2.5, 1, 25)
    says = np.full(25, 3.0)
    found = corrected_difference(Labelled(says, a, np.arange(25)), Labelled(says, b, np.arange(25)))
    expected = stats.ttest_rel(a, b).confidence_interval()
    assert found.value == pytest.approx(a.mean() - b.mean())
    assert found.interval[:2] == pytest.approx((expected.low, expected.high))


def test_nothing_labelled_is_no_value_and_few_labels_are_no_interval():
    says = np.linspace(1, 5, 10)
    none = corrected_mean(Labelled(says, np.full(10, NAN), np.arange(10)))
    assert (none.value, none.interval[:2], none.naive, none.worth) == (None, (None, None), 3.0, None)
    two = corrected_mean(labelled(says, says - 1, 2))
    assert two.value is not None
    assert two.interval[:2] == (None, None)
    assert (two.interval.have, two.interval.needed) == (2, 3)


def test_labels_that_all_agree_have_no_interval_rather_than_an_empty_one():
    found = corrected_mean(Labelled(np.full(30, 4.0), np.full(30, 3.0), np.arange(30)))
    assert (found.value, found.interval[:2]) == (3.0, (None, None))


def test_an_answer_without_a_prediction_is_left_out():
    says, people = drawn(np.random.default_rng(5))
    seen = labelled(says, people, 50)
    more = Labelled(np.append(seen.predictions, [NAN, NAN]), np.append(seen.labels, [1.0, NAN]), np.append(seen.clusters, [500, 501]))
    assert corrected_mean(more)[:1] == corrected_mean(seen)[:1]
    assert corrected_mean(more).n_answers == 500

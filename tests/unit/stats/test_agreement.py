import builtins
import sys

import numpy as np
import pytest
from statsmodels.stats.inter_rater import cohens_kappa, to_table

from bench.errors import MissingExtension
from bench.stats.agreement import krippendorff_alpha, on_grades, quadratic_kappa
from bench.stats.bradley_terry import log_strengths
from bench.stats.correlation import agreement

NAN = np.nan
SCALE = (1, 5)


def graded(*values):
    return np.array(values, dtype=float)


def test_kappa_agrees_with_statsmodels():
    rng = np.random.default_rng(1)
    a = rng.integers(1, 6, 60)
    b = np.clip(a + rng.integers(-1, 2, 60), 1, 5)
    table = np.zeros((5, 5))
    np.add.at(table, (a - 1, b - 1), 1)
    assert quadratic_kappa(a.astype(float), b.astype(float), SCALE) == pytest.approx(cohens_kappa(table, weights=np.arange(5), wt="quadratic").kappa)


def test_kappa_of_fleiss_and_cohens_case_by_mean_squares():
    """With quadratic weights kappa is 1 − mean squared difference / that of all pairs (J. L. Fleiss and J. Cohen, Educ. Psychol. Meas. 33, 1973)."""
    a, b = graded(1, 2, 3, 4, 5, 3, 2, 4), graded(2, 2, 3, 5, 4, 3, 1, 4)
    every = np.subtract.outer(a, b) ** 2
    assert quadratic_kappa(a, b, SCALE) == pytest.approx(1 - np.mean((a - b) ** 2) / every.mean())


def test_kappa_speaks_of_the_declared_scale_not_of_the_grades_seen():
    """Nobody gave a 3 or a 4: from the grades seen alone, 5 would stand next to 2."""
    a, b = graded(1, 2, 5, 2, 2, 1), graded(1, 5, 5, 5, 2, 2)
    every = np.subtract.outer(a, b) ** 2
    seen_only = cohens_kappa(to_table(np.stack((a, b), axis=1))[0], weights=np.arange(3), wt="quadratic").kappa
    ours = quadratic_kappa(a, b, SCALE)
    assert ours == pytest.approx(1 - np.mean((a - b) ** 2) / every.mean())
    assert abs(ours - seen_only) > 0.05


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (graded(3, 3, 3, 3), graded(3, 3, 3, 3)),
        (graded(3, 3, 3, 3), graded(1, 2, 3, 4)),
        (graded(1, 2, 3, 4), graded(3, 3, 3, 3)),
        (graded(NAN, 2), graded(1, NAN)),
        (graded(), graded()),
    ],
)
def test_kappa_of_a_constant_rater_or_of_nothing_is_undefined(a, b):
    assert quadratic_kappa(a, b, SCALE) is None


def test_kappa_leaves_missing_labels_out():
    a, b = graded(1, 2, 3, NAN, 5), graded(1, 3, 3, 4, NAN)
    assert quadratic_kappa(a, b, SCALE) == pytest.approx(quadratic_kappa(a[:3], b[:3], SCALE))


@pytest.mark.parametrize("wrong", [0.0, 6.0, 2.5])
def test_what_is_no_grade_of_the_scale_is_refused(wrong):
    with pytest.raises(ValueError, match="is no grade of the scale 1 to 5"):
        quadratic_kappa(graded(1, wrong), graded(1, 2), SCALE)
    with pytest.raises(ValueError, match="is no grade of the scale 1 to 5"):
        krippendorff_alpha(np.array([[1, wrong], [1, 2]]), SCALE)


def test_kappa_has_an_interval_over_prompts():
    rng = np.random.default_rng(1)
    a = rng.integers(1, 6, 20).astype(float)
    b = np.clip(a + rng.integers(-1, 2, 20), 1, 5)
    found = agreement(lambda x, y: quadratic_kappa(x, y, SCALE), a, b, np.arange(20), rng, resamples=40)
    assert found.interval.low < found.value < found.interval.high


# K. Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), §E: four observers, twelve units, missing data.
OBSERVERS = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
        [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
    ]
)


def test_alpha_is_krippendorffs_published_one():
    assert krippendorff_alpha(OBSERVERS, SCALE) == pytest.approx(0.815, abs=5e-4)


def ordinal_alpha(ratings):
    """Alpha by writing out every pair of ratings of a unit, and of all ratings."""
    units = [[int(v) for v in column if not np.isnan(v)] for column in ratings.T]
    units = [unit for unit in units if len(unit) > 1]
    given = [v for unit in units for v in unit]
    count = {grade: given.count(grade) for grade in range(1, 6)}

    def distance(c, k):
        low, high = sorted((c, k))
        return (sum(count[g] for g in range(low, high + 1)) - (count[c] + count[k]) / 2) ** 2

    seen = sum(distance(a, b) / (len(unit) - 1) for unit in units for i, a in enumerate(unit) for j, b in enumerate(unit) if i != j)
    chance = sum(distance(a, b) for i, a in enumerate(given) for j, b in enumerate(given) if i != j) / (len(given) - 1)
    return 1 - seen / chance


def test_alpha_agrees_with_every_pair_written_out():
    rng = np.random.default_rng(2)
    ratings = rng.integers(1, 6, (3, 15)).astype(float)
    ratings[rng.random(ratings.shape) < 0.2] = NAN
    assert krippendorff_alpha(ratings, SCALE) == pytest.approx(ordinal_alpha(ratings))
    assert krippendorff_alpha(OBSERVERS, SCALE) == pytest.approx(ordinal_alpha(OBSERVERS))


@pytest.mark.parametrize("ratings", [[[3, 3], [3, 3]], [[1, NAN], [NAN, 2]], [[NAN, NAN], [NAN, NAN]], [[3, 3, 1], [3, 3, NAN]]])
def test_alpha_without_any_spread_or_shared_unit_is_undefined(ratings):
    assert krippendorff_alpha(np.array(ratings, dtype=float), SCALE) is None


def test_halves_round_up_and_stay_on_the_scale():
    assert on_grades(graded(0.2, 1.5, 2.5, 4.49, 7.0), SCALE).tolist() == [1.0, 2.0, 3.0, 4.0, 5.0]


@pytest.mark.parametrize(
    ("package", "call"),
    [
        ("sklearn", lambda: quadratic_kappa(graded(1, 2), graded(1, 2), SCALE)),
        ("krippendorff", lambda: krippendorff_alpha(OBSERVERS, SCALE)),
        ("choix", lambda: log_strengths(np.ones((2, 2)))),
    ],
)
def test_what_is_not_installed_is_said_with_the_line_that_installs_it(monkeypatch, package, call):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.split(".")[0] == package:
            raise ModuleNotFoundError(f"No module named {package!r}", name=package)
        return real(name, *args, **kwargs)

    for loaded in [name for name in sys.modules if name.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtension, match=f"needs the Python package '{package}'") as error:
        call()
    assert error.value.hint == "install it with `pip install 'bench-spec[judge]'`"

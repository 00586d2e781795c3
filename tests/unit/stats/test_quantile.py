import math
from itertools import product

import numpy as np
import pytest
from scipy import stats

from bench.stats.quantile import needed, quantile, quantile_interval, ranks


@pytest.mark.parametrize("values", [[3.0], [1.0, 2.0], [5.0, 1.0, 4.0, 2.0, 2.0]])
@pytest.mark.parametrize("p", [0.0, 0.5, 0.95, 1.0])
def test_point_is_type_7(values, p):
    ordered, place = sorted(values), p * (len(values) - 1)
    below = math.floor(place)
    above = min(below + 1, len(values) - 1)
    expected = ordered[below] + (place - below) * (ordered[above] - ordered[below])
    assert quantile(np.array(values), p) == pytest.approx(expected)


def tail_below(count, n, p):
    """P(B < count) by exact enumeration with math.comb."""
    return math.fsum(math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(count))


@pytest.mark.parametrize(("n", "p"), list(product((6, 7, 20, 72, 100, 368), (0.5, 0.9, 0.95, 0.99))))
def test_ranks_are_the_innermost_with_both_tails_small(n, p):
    lower, upper = ranks(n, p)
    if lower is None:
        assert tail_below(1, n, p) > 0.025
    else:
        assert tail_below(lower, n, p) <= 0.025 < tail_below(lower + 1, n, p)
    if upper is None:
        assert p**n > 0.025
    else:
        assert 1 - tail_below(upper, n, p) <= 0.025 < 1 - tail_below(upper - 1, n, p) + 1e-15


@pytest.mark.parametrize(("p", "first"), [(0.95, 72), (0.99, 368), (0.5, 6), (0.9, 36), (0.05, 72)])
def test_bounds_on_both_sides_start_at(p, first):
    assert needed(p) == first
    assert None in ranks(first - 1, p)
    assert None not in ranks(first, p)


def test_other_levels():
    assert needed(0.95, level=0.9) == 59  # the classical 59 of a 95 % one-sided limit (Wilks, 1941)
    assert ranks(59, 0.95, level=0.9)[1] == 59


@pytest.mark.parametrize(("n", "p"), [(25, 0.5), (100, 0.5), (200, 0.95)])
def test_agrees_with_scipy_quantile_test(n, p):
    values = np.random.default_rng(1).lognormal(size=n)
    ours = quantile_interval(values, p)
    theirs = stats.quantile_test(values, q=0, p=p).confidence_interval(0.95)
    assert (ours.low, ours.high) == (theirs.low, theirs.high)


def test_interval_says_how_many_it_has_and_needs():
    interval = quantile_interval(np.arange(30.0), 0.95)
    assert (interval.low, interval.high, interval.have, interval.needed) == (25.0, None, 30, 72)
    assert not interval.is_whole


@pytest.mark.parametrize(("n", "p"), [(10, 0.5), (30, 0.5), (100, 0.95), (400, 0.99)])
def test_covers_at_least_as_often_as_it_says(n, p):
    """Of 2000 samples at least 95 % less three standard errors (0.5 %) are covered; the exact coverage is above 95 % by construction."""
    rng, runs, truth = np.random.default_rng(2), 2000, stats.lognorm.ppf(p, 1.0)
    lower, upper = ranks(n, p)
    drawn = np.sort(rng.lognormal(size=(runs, n)), axis=1)
    covered = np.mean((drawn[:, lower - 1] <= truth) & (truth <= drawn[:, upper - 1]))
    assert covered >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / runs)


def test_ties_keep_the_coverage():
    rng, runs = np.random.default_rng(3), 1000
    hits = [quantile_interval(rng.integers(0, 5, size=20).astype(float), 0.5) for _ in range(runs)]
    assert np.mean([interval.low <= 2 <= interval.high for interval in hits]) >= 0.95

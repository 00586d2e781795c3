"""When each shape says that requests are due, and what it refuses."""

import importlib
import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bench.catalog import CATALOG, REGISTRY
from bench.execute.load.burst import Burst
from bench.execute.load.constant import Constant
from bench.execute.load.poisson import Poisson
from bench.execute.load.ramp import Ramp
from bench.execute.load.sweep import Sweep
from bench.execute.load.trace import Trace
from bench.records.spec import Load, Slo

SLO = Slo(ttft_s=0.5)
RATES = st.floats(0.1, 1000)


def load(kind, concurrency=64, **settings):
    settings = {"from" if key == "start" else key: value for key, value in settings.items()}
    return Load(kind=kind, concurrency=concurrency, settings=settings)


def sweep(steps=4, **settings):
    settings = {"from" if key == "start" else key: value for key, value in settings.items()}
    return Sweep(Load(kind="sweep", concurrency=64, steps=steps, slo=SLO, settings=settings))


def _examples():
    for name in sorted(CATALOG["load"]):
        for example, expected in importlib.import_module(CATALOG["load"][name].partition(":")[0]).EXAMPLES:
            yield pytest.param(REGISTRY.load("load", name)(example), expected, id=f"{name}-{example.settings}")


EXAMPLES = list(_examples())


@pytest.mark.parametrize(("shape", "expected"), EXAMPLES)
def test_examples_hold(shape, expected):
    if isinstance(expected, int):
        assert shape.concurrency == expected
    elif isinstance(expected, float):
        assert 1000 / list(shape.arrivals(1000, 1))[-1] == pytest.approx(expected, rel=0.1)
    elif isinstance(shape, Sweep):
        assert shape.levels == pytest.approx(expected)
    else:
        assert list(shape.arrivals(3, 1)) == [due if due is None else pytest.approx(due) for due in expected]


@pytest.mark.parametrize("shape", [example.values[0] for example in EXAMPLES], ids=[example.id for example in EXAMPLES])
@given(n=st.integers(0, 200), more=st.integers(0, 50), seed=st.integers(0, 2**32))
def test_same_seed_same_arrivals_never_falling_and_a_longer_run_begins_alike(shape, n, more, seed):
    arrivals = list(shape.arrivals(n + more, seed))
    assert arrivals == list(shape.arrivals(n + more, seed))
    assert arrivals[:n] == list(shape.arrivals(n, seed))
    due = [one for one in arrivals if one is not None]
    assert len(due) in {0, n + more}
    assert all(0 <= first <= second for first, second in itertools.pairwise(due))


@given(rate=RATES, n=st.integers(2, 300))
def test_constant_arrivals_are_evenly_spaced(rate, n):
    arrivals = list(Constant(load("constant", rate=rate)).arrivals(n, 0))
    assert arrivals[0] == 0
    assert arrivals[-1] == pytest.approx((n - 1) / rate)
    assert all(later - sooner == pytest.approx(1 / rate, rel=1e-6) for sooner, later in itertools.pairwise(arrivals))


def test_poisson_gaps_are_exponential_with_the_mean_that_was_asked_for_and_independent():
    arrivals = list(Poisson(load("poisson", rate=20)).arrivals(5000, 7))
    gaps = [arrivals[0], *(later - sooner for sooner, later in itertools.pairwise(arrivals))]
    assert sum(gaps) / len(gaps) == pytest.approx(1 / 20, rel=4 / math.sqrt(5000))
    assert stats.kstest(gaps, "expon", args=(0, 1 / 20)).pvalue > 0.01
    assert abs(stats.pearsonr(gaps[:-1], gaps[1:]).statistic) < 4 / math.sqrt(5000)


def test_other_seeds_draw_other_arrivals():
    shape = Poisson(load("poisson", rate=1))
    assert len({tuple(shape.arrivals(5, seed)) for seed in range(20)}) == 20


@given(first=RATES, last=RATES, over=st.floats(0.1, 1000), n=st.integers(1, 300))
def test_as_many_arrivals_as_the_integral_of_the_ramp_says(first, last, over, n):
    """Just before the k-th arrival (from 0) the integral of the rate is k."""
    for k, due in enumerate(Ramp(load("ramp", start=first, to=last, over=over)).arrivals(n, 0)):
        rising = min(due, over)
        integral = first * rising + (last - first) * rising**2 / (2 * over) + last * max(0.0, due - over)
        assert integral == pytest.approx(k, rel=1e-6, abs=1e-6)


@given(first=st.integers(1, 20), more=st.integers(0, 200), over=st.floats(0.1, 100), at=st.floats(0, 1))
def test_places_open_as_the_ramp_of_concurrency_rises(first, more, over, at):
    shape = Ramp(load("ramp", of="concurrency", start=first, to=first + more, over=over))
    opens = list(shape.opens())
    assert len(opens) == shape.concurrency == first + more
    assert opens.count(0.0) == first
    assert max(opens) <= over * (1 + 1e-9)
    opened = sum(open_s <= at * over for open_s in opens)
    assert abs(opened - (first + math.floor(more * at))) <= 1


@given(size=st.integers(1, 64), every=st.floats(0.01, 100), n=st.integers(1, 500))
def test_all_requests_of_a_burst_are_due_at_one_moment(size, every, n):
    arrivals = list(Burst(load("burst", size=size, every=every)).arrivals(n, 0))
    bursts = [list(group) for _, group in itertools.groupby(arrivals)]
    assert all(len(burst) == size for burst in bursts[:-1])
    assert [burst[0] for burst in bursts] == [pytest.approx(k * every) for k in range(len(bursts))]


def test_trace_that_is_too_short_starts_over_one_mean_gap_later():
    assert list(Trace(load("trace", arrivals=[10, 11, 14])).arrivals(7, 0)) == [0, 1, 4, 6, 7, 10, 12]


@pytest.mark.parametrize(
    ("kind", "settings", "said"),
    [
        ("closed", {"rate": 5}, "does not know `rate`; it knows `concurrency`"),
        ("constant", {}, "needs `rate`"),
        ("constant", {"rate": 0}, "`rate` is 0; expected a number above 0"),
        ("constant", {"rate": "fast"}, "Expected `float`, got `str`"),
        ("poisson", {"rates": 5}, "did you mean `rate`"),
        ("poisson", {"rate": 5, "max_wait": "-1 s"}, "`max_wait`"),
        ("poisson", {"rate": 5, "max_wait": "soon"}, "`max_wait`: 'soon' is not a number with a unit"),
        ("ramp", {"from": 1, "to": 5}, "needs `over`"),
        ("ramp", {"of": "concurrency", "from": 1.5, "to": 5, "over": 10}, "one whole number up to another"),
        ("ramp", {"of": "concurrency", "from": 5, "to": 1, "over": 10}, "one whole number up to another"),
        ("ramp", {"of": "concurrency", "from": 1, "to": 5, "over": 10, "max_wait": 1}, "remove `max_wait`"),
        ("burst", {"size": 0, "every": 1}, "`size` is 0"),
        ("burst", {"size": 65, "every": 1}, "needs `concurrency` of at least 65"),
        ("trace", {"arrivals": [1]}, "has 1 arrivals; expected at least 2"),
        ("trace", {"arrivals": [1, 3, 2]}, "arrival 3 of the trace (2 s) is before arrival 2 (3 s); sort it"),
        ("trace", {"arrivals": [-1, 3]}, "arrival 1 of the trace is -1"),
        ("sweep", {"from": 1, "to": 8}, "add `slo:`"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(kind, settings, said):
    problem = REGISTRY.problem("load", kind, Load(kind=kind, concurrency=64, settings=settings))
    assert problem is not None
    assert said in problem


@pytest.mark.parametrize(
    ("steps", "settings", "said"),
    [
        (4, {"start": 8, "to": 8}, "is not above"),
        (4, {"start": 8, "to": 2}, "is not above"),
        (9, {"start": 1, "to": 8}, "not 9 different whole numbers; ask for fewer `steps`"),
        (2, {"start": 1, "to": 8.5}, "concurrency is a whole number"),
        (2, {"start": 1, "to": 8, "max_wait": 1}, "remove `max_wait`"),
        (2, {"start": 1, "to": 8, "min_goodput": "195 %"}, "outside 0 % to 100 %"),
    ],
)
def test_sweeps_that_do_not_rise_are_refused(steps, settings, said):
    with pytest.raises(ValueError, match=said):
        sweep(steps, **settings)


def test_only_a_sweep_has_steps():
    problem = REGISTRY.problem("load", "poisson", Load(kind="poisson", steps=3, settings={"rate": 1}))
    assert problem == "`steps` is 3; load `poisson` does not rise in steps"


@given(first=st.integers(1, 50), factor=st.integers(2, 50), steps=st.integers(1, 5), spacing=st.sampled_from(["linear", "geometric"]))
def test_levels_of_a_sweep_rise_from_the_first_to_the_last(first, factor, steps, spacing):
    found = sweep(steps, of="rate", start=first, to=first * factor, spacing=spacing).levels
    assert len(found) == steps
    assert found[0] == first
    assert steps == 1 or found[-1] == pytest.approx(first * factor)
    assert all(low < high for low, high in itertools.pairwise(found))

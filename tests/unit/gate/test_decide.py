"""The rule: a gate passes or fails only where the whole interval says so."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.gate.decide import Bounds, Decision, Figure, decide

NUMBERS = st.floats(-1e6, 1e6, allow_nan=False)
MAYBE = st.none() | NUMBERS


@st.composite
def figures(draw):
    low, value, high = sorted(draw(st.tuples(NUMBERS, NUMBERS, NUMBERS)))
    return Figure(value, low, high) if draw(st.booleans()) else Figure(value, None, None)


@st.composite
def demands(draw):
    least, most = draw(MAYBE), draw(MAYBE)
    if least is not None and most is not None:
        least, most = sorted((least, most))
    return Bounds(least, most)


@pytest.mark.parametrize(
    ("figure", "bounds", "expected"),
    [
        (Figure(0.5, 0.4, 0.6), Bounds(None, 0.8), Decision("pass", "bound")),
        (Figure(0.5, 0.4, 0.8), Bounds(None, 0.8), Decision("pass", "bound")),  # what is allowed is allowed
        (Figure(0.9, 0.85, 1.2), Bounds(None, 0.8), Decision("fail", "bound")),
        (Figure(0.7, 0.6, 0.9), Bounds(None, 0.8), Decision("undecided", "noise")),
        (Figure(0.9, 0.7, 1.2), Bounds(None, 0.8), Decision("undecided", "noise")),
        (Figure(0.9, 0.8, 1.2), Bounds(None, 0.8), Decision("undecided", "noise")),  # the bound itself is allowed, so nothing is proven
        (Figure(0.9, 0.85, 0.95), Bounds(0.8, None), Decision("pass", "bound")),
        (Figure(0.7, 0.6, 0.79), Bounds(0.8, None), Decision("fail", "bound")),
        (Figure(0.5, 0.4, 0.6), Bounds(0.4, 0.6), Decision("pass", "bound")),
        (Figure(0.5, 0.3, 0.6), Bounds(0.4, 0.6), Decision("undecided", "noise")),
        (Figure(0.5, None, None), Bounds(None, 0.8), Decision("undecided", "too_few")),
        (Figure(None, None, None), Bounds(None, 0.8), Decision("undecided", "no_value")),
    ],
)
def test_the_interval_decides(figure, bounds, expected):
    assert decide(figure, bounds) == expected


@pytest.mark.parametrize(
    ("figure", "on_noise", "expected"),
    [
        (Figure(0.7, 0.6, 0.9), "pass", "pass"),
        (Figure(0.9, 0.7, 1.2), "pass", "pass"),
        (Figure(0.7, 0.6, 0.9), "value", "pass"),
        (Figure(0.9, 0.7, 1.2), "value", "fail"),
        (Figure(0.9, None, None), "value", "fail"),
        (Figure(0.9, None, None), "pass", "pass"),
        (Figure(None, None, None), "pass", "undecided"),  # nothing was measured: that is no noise
        (Figure(None, None, None), "value", "undecided"),
        (Figure(0.9, 0.85, 1.2), "pass", "fail"),  # a proven breach fails whatever is said of noise
        (Figure(0.5, 0.4, 0.6), "value", "pass"),
    ],
)
def test_the_spec_says_what_noise_becomes(figure, on_noise, expected):
    assert decide(figure, Bounds(None, 0.8), on_noise).outcome == expected


@given(figures(), demands(), st.sampled_from(["undecided", "pass", "value"]))
def test_the_outcome_never_contradicts_the_interval(figure, bounds, on_noise):
    outcome, cause = decide(figure, bounds, on_noise)
    if figure.low is None:
        assert cause == "too_few"
        return
    points = [figure.low + share * (figure.high - figure.low) for share in (0.0, 0.25, 0.5, 0.75, 1.0)]
    allowed = [bounds.hold(point) for point in (figure.low, figure.high, *points[1:4])]
    if cause == "bound":
        assert outcome == ("pass" if all(allowed) else "fail")
    else:
        assert cause == "noise"
        assert not (allowed[0] and allowed[1])
    if all(allowed):
        assert outcome == "pass"
    if outcome == "fail" and on_noise != "value":
        assert not any(allowed)
    if outcome == "pass" and on_noise == "undecided":
        assert all(allowed)


@given(figures(), demands(), NUMBERS)
def test_a_stricter_bound_never_turns_a_failure_into_a_pass(figure, bounds, shift):
    rank = {"fail": 0, "undecided": 1, "pass": 2}
    stricter = Bounds(None, -math.inf if bounds.most is None else bounds.most - abs(shift))
    looser = Bounds(None, bounds.most)
    assert rank[decide(figure, stricter).outcome] <= rank[decide(figure, looser).outcome]

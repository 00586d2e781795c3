"""A gate's numbers in words: as many digits as the interval is sure of, more where a bound is near, and what changed into what."""

import pytest

from bench.gate.decide import Bounds, Figure
from bench.gate.figures import Found
from bench.gate.words import bounds_in_words, change_in_words, figure_in_words

MOST = Bounds(None, 0.8)


@pytest.mark.parametrize(
    ("figure", "unit", "bounds", "words"),
    [
        (Figure(0.81234, 0.79012, 0.84321), "s", MOST, "812 [790–843] ms"),
        (Figure(0.7901, 0.741, 0.80042), "s", MOST, "790.1 [741.0–800.4] ms"),  # 800 would seem to be allowed
        (Figure(0.0, 0.0, 0.24253), "score", Bounds(0.75, None), "0 [0–24] %"),
        (Figure(0.98765, 0.91234, 1.0), "share", Bounds(0.9, None), "98.8 [91.2–100.0] %"),
        (Figure(12345.678, 12000.0, 13000.0), "tokens/s", Bounds(1.0, None), "12346 [12000–13000] tokens/s"),
        (Figure(*[0.000012346] * 3), "EUR", Bounds(None, 1.0), "0.00001235 EUR"),
        (Figure(2.0, 2.0, 2.0000001), "", Bounds(None, 3.0), "2.000 [2.000–2.000]"),
        (Figure(0.5, None, None), "s", MOST, "500 ms"),
        (Figure(None, None, None), "s", MOST, "no value"),
    ],
)
def test_digits_follow_the_interval(figure, unit, bounds, words):
    assert figure_in_words(figure, unit, bounds) == words


@pytest.mark.parametrize(
    ("figure", "more", "words"),
    [
        (Figure(0.2345, 0.2013, 0.2654), {"sides": (1.2077, 1.4909), "sides_unit": "s"}, "1.21 s → 1.49 s, worse by 23.4 [20.1–26.5] %"),
        (Figure(-0.2345, -0.2654, -0.2013), {"sides": (1.4909, 1.2077), "sides_unit": "s"}, "1.49 s → 1.21 s, better by 23.4 [20.1–26.5] %"),
        (Figure(0.01, -0.05, 0.07), {"sides": (1.0, 1.01), "sides_unit": "s"}, "1 s → 1.01 s, worse by 1 [−5 to 7] %"),
        (
            Figure(0.25, 0.1, 0.4),
            {"sides": (0.8, 0.55), "sides_unit": "score", "is_points": True, "prompts": 12},
            "80 % → 55 %, worse by 25 [10–40] points over 12 prompts",
        ),
        (Figure(0.0, 0.0, 0.0), {"sides": (1.0, 1.0), "sides_unit": "score", "is_points": True}, "100 %, unchanged"),
        (Figure(0.1, 0.1, 0.1), {"sides": (2e9, 2.2e9), "sides_unit": "B"}, "2 GB → 2.2 GB, worse by 10 %"),
        (Figure(-0.1, -0.1, -0.1), {"sides": (2e9, 1.8e9), "sides_unit": "B"}, "2 GB → 1.8 GB, better by 10 %"),
        (Figure(-0.1, None, None), {}, "better by 10 %"),
        (Figure(None, None, None), {}, "no value"),
    ],
)
def test_a_change_says_from_what_to_what(figure, more, words):
    assert change_in_words(Found(figure, "share", **more), Bounds(None, 0.1)) == words


def test_scores_may_become_worse_by_points():
    assert bounds_in_words(Bounds(None, 0.05), "points") == "≤ 5 points"

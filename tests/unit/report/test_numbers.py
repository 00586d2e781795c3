import math

import pytest

from bench.records.estimate import Estimate, Group
from bench.report import numbers

GROUP = Group(model_id="m", variant_id="default")


def estimate(value, low=None, high=None, *, unit="s", statistic="p50", n=30, **more):
    said = {"metric": "ttft", "better": "lower", "group": GROUP, "clusters": 10, "method": "x"} | more
    return Estimate(statistic=statistic, unit=unit, value=value, low=low, high=high, n=n, **said)


def shown(found, *, absent=numbers.NOT_APPLICABLE):
    return numbers.estimate_cell(found, numbers.scale(found.unit, [found.value]) if found else numbers.Scale(1.0, ""), absent=absent).text


@pytest.mark.parametrize(
    ("value", "low", "high", "text"),
    [
        (1.2382, 1.1791, 1.3104, "1.24 s [1.18–1.31]"),
        (1.2382, 0.9, 2.2, "1.2 s [0.9–2.2]"),
        (1.2382, 1.2371, 1.2399, "1.2382 s [1.2371–1.2399]"),
        (0.1421, 0.1312, 0.1553, "142 ms [131–155]"),
        (0.00042, 0.00041, 0.00043, "420 µs [410–430]"),
        (1234.5, 1100.0, 1400.0, "1,234 s [1,100–1,400]"),
        (0.0, 0.0, 0.0, "0 s [0–0]"),
        (0.0, 0.0, 0.34, "0.00 s [0.00–0.34]"),
    ],
)
def test_digits_follow_the_width_of_the_interval(value, low, high, text):
    assert shown(estimate(value, low, high)) == text


def test_negative_numbers_carry_a_true_minus_and_the_interval_says_to():
    assert shown(estimate(-1.5, -2.0, 1.0, unit="x")) == "−1.5 x [−2.0 to 1.0]"
    assert numbers.plain(-0.001, 2) == "0.00"


def test_a_share_is_shown_in_per_cent():
    assert shown(estimate(0.7083, 0.583, 0.833, unit="score", statistic="mean")) == "71 % [58–83]"
    assert [numbers.share(value) for value in (0.0, 0.004, 0.5, 0.996, 1.0)] == ["0 %", "0.400 %", "50 %", ">99 %", "100 %"]


def test_a_point_without_an_interval_has_two_digits_and_says_why():
    cell = numbers.estimate_cell(estimate(3.4021, statistic="p95", note="n too small for an interval: 30 of 72"), numbers.Scale(1.0, "s"))
    assert (cell.text, cell.state) == ("3.4 s (n too small)", "uncertain")


def test_a_single_reading_needs_no_excuse():
    assert shown(estimate(98_362_432.0, unit="B", statistic="value", n=1)) == "98.4 MB"


def test_missing_failed_not_applicable_and_zero_are_four_different_things():
    texts = [
        shown(estimate(None, n=0, failed=3, clusters=0)),
        shown(estimate(None, n=0, not_applicable=3, clusters=0)),
        shown(None, absent=numbers.NO_DATA),
        shown(estimate(0.0, statistic="value", n=1)),
    ]
    assert texts == ["failed", "–", "no data", "0 s"]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_never_printed_as_one(value):
    assert shown(estimate(value)) == numbers.TOO_SMALL
    assert numbers.seconds(value) == numbers.size(value) == numbers.money(value, "EUR") == "–"
    assert shown(estimate(1.0, value, 2.0)).startswith("1.0 s (")


def test_bytes_of_a_column_share_the_unit_of_the_smallest():
    scale = numbers.scale("B", [98_362_432.0, 2_100_000_000.0])
    assert [numbers.with_unit(numbers.significant(value * scale.factor), scale.unit) for value in (98_362_432.0, 2_100_000_000.0)] == [
        "98.4 MB",
        "2,100 MB",
    ]


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0.0, "0 EUR"), (0.0000046123, "0.0000046 EUR"), (0.0412, "0.041 EUR"), (1.5, "1.50 EUR"), (12345.678, "12,345.68 EUR"), (None, "–")],
)
def test_money_is_readable_from_millionths_to_thousands(amount, text):
    assert numbers.money(amount, "EUR") == text


def test_single_durations_and_sizes_choose_their_unit():
    assert [numbers.seconds(value) for value in (0.0, 0.00085, 0.42, 1.24, 210.0, None)] == ["0 s", "850 µs", "420 ms", "1.24 s", "3.5 min", "–"]
    assert [numbers.size(value) for value in (0, 512, 8_200_000_000, None)] == ["0 B", "512 B", "8.20 GB", "–"]


def test_counts_agree_with_their_noun():
    assert [numbers.count(n, "prompt") for n in (0, 1, 1200)] == ["0 prompts", "1 prompt", "1,200 prompts"]

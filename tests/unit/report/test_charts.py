import pytest
from harness.report_run import view

from bench.report.charts import ticks


@pytest.mark.parametrize(
    ("largest", "steps"),
    [(0.83, (0, 0.2, 0.4, 0.6, 0.8, 1.0)), (1.0, (0, 0.2, 0.4, 0.6, 0.8, 1.0)), (3.1, (0, 1, 2, 3, 4)), (600, (0, 200, 400, 600)), (0.0, (0, 1))],
)
def test_ticks_are_round_and_cover_the_largest_value(largest, steps):
    assert ticks(largest) == pytest.approx(steps)


def test_every_point_lies_inside_its_chart():
    for chart in view().charts:
        for point in chart.points:
            for value in (point.x, point.low, point.high):
                assert not value or float(chart.left) <= float(value) <= float(chart.right)
            for value in (point.y, point.bottom, point.top):
                assert not value or float(chart.top) <= float(value) <= float(chart.bottom)


def test_an_interval_spans_its_point():
    for chart in view().charts:
        for point in chart.points:
            assert not point.low or float(point.low) <= float(point.x) <= float(point.high)
            assert not point.top or float(point.top) <= float(point.y) <= float(point.bottom)


def test_a_chart_starts_at_zero_and_names_unit_and_direction():
    chart = next(chart for chart in view().charts if chart.id == "ttft")
    assert chart.x_ticks[0].label == "0"
    assert chart.x_title == "TTFT, ms; less is better"

"""The course of a load over time, as small pictures: answers per second, requests in flight, first tokens."""

import math
from collections.abc import Callable, Sequence

from bench.records.load import LoadFacts, Series
from bench.records.view import Chart, ChartLine
from bench.report import numbers
from bench.report.charts import Axis, pixel
from bench.report.escape import short
from bench.report.lookup import Key, Lookup

_WIDTH, _LEFT, _RIGHT, _TOP, _BOTTOM = 360, 52, 344, 24, 200
_AXIS = 44
_MOST_LINES = 4
_BESIDE, _ROW = 2, 12  # labels beside each other, so that the longest ones do not touch, and the height of a row of them
_LABEL = 22  # characters: 146 pixels at 11 pixels a letter's height
_LEAST, _LARGEST = 1e-9, 1e12  # beyond them a figure is damage, and no axis could hold it
Points = list[tuple[float, float]]
_Values = Callable[[Series], Sequence[float | None]]

_WANTED: tuple[tuple[str, str, str, _Values], ...] = (
    ("answers-over-time", "Answers per second over time", "1/s", lambda series: series.answers_per_s),
    ("in-flight-over-time", "Requests in flight over time", "", lambda series: series.in_flight),
    ("ttft-over-time", "TTFT p50 over time", "s", lambda series: series.ttft_p50_s),
)


def courses(seen: Lookup) -> tuple[Chart, ...]:
    """One picture per quantity with a line per served model, where there were requests side by side."""
    drawn = [(each, each.series) for each in seen.summary.loads if each.series is not None and (each.in_flight_max > 1 or each.steps)]
    sound = [(each, series) for each, series in drawn if _LEAST < series.width_s < _LARGEST][:_MOST_LINES]
    found = (_chart(seen, sound, wanted) for wanted in _WANTED)
    return tuple(chart for chart in found if chart is not None)


def _chart(seen: Lookup, drawn: Sequence[tuple[LoadFacts, Series]], wanted: tuple[str, str, str, _Values]) -> Chart | None:
    name, title, unit, read = wanted
    return course((name, title, unit), [(_label(seen, each), points_of(series.width_s, read(series))) for each, series in drawn])


def course(named: tuple[str, str, str], given: Sequence[tuple[str, Points]]) -> Chart | None:
    """A picture with a line for each label that has points; None when none has. `named`: its id, its title, and the unit of its values."""
    name, title, unit = named
    lines = [(label, points) for label, points in given if points][:_MOST_LINES]
    if not lines:
        return None
    shown = numbers.scale(unit, [value for _, points in lines for _, value in points])
    across = Axis(max(at_s for _, points in lines for at_s, _ in points), _LEFT, _RIGHT)
    top = _TOP + _ROW * ((len(lines) - 1) // _BESIDE)
    up = Axis(max(value for _, points in lines for _, value in points) * shown.factor, _BOTTOM, top)
    return Chart(
        id=name,
        kind="course",
        title=title,
        summary="; ".join(_in_words(label, points, shown) for label, points in lines),
        width=str(_WIDTH),
        height=str(_BOTTOM + _AXIS),
        left=str(_LEFT),
        right=str(_RIGHT),
        top=str(top),
        bottom=str(_BOTTOM),
        points=(),
        lines=tuple(
            ChartLine(
                label=short(label, _LABEL),
                path=" ".join(f"{across.at(at_s)},{up.at(value * shown.factor)}" for at_s, value in points),
                label_x=pixel(_LEFT + (_RIGHT - _LEFT) / _BESIDE * (place % _BESIDE)),
                label_y=str(_TOP - 10 + _ROW * (place // _BESIDE)),
                place=place,
            )
            for place, (label, points) in enumerate(lines)
        ),
        x_title="s from the first arrival",
        x_ticks=across.marks(),
        y_title=shown.unit,
        y_ticks=up.marks(),
    )


def points_of(width_s: float, values: Sequence[float | None]) -> Points:
    """(middle of the slice, value) of every slice that has one."""
    found = [((place + 0.5) * width_s, value) for place, value in enumerate(values) if value is not None]
    return [(at_s, value if value > _LEAST else 0.0) for at_s, value in found if math.isfinite(value) and 0 <= value < _LARGEST and at_s < _LARGEST]


def _label(seen: Lookup, each: LoadFacts) -> str:
    return seen.label(Key(each.model_id, each.variant_ids[0])) if len(each.variant_ids) == 1 else each.model_id


def _in_words(label: str, points: Points, shown: numbers.Scale) -> str:
    values = [value * shown.factor for _, value in points]
    first, last, most = (numbers.with_unit(numbers.significant(value), shown.unit) for value in (values[0], values[-1], max(values)))
    return f"{label}: {first} at first, {last} at last, at most {most}"

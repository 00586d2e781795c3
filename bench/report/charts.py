"""Small pictures as coordinates: medians with their intervals, and quality against latency. The templates only draw them.

Unit of all coordinates: pixels of the chart's own box. Axes start at zero and are linear, so that lengths compare as they look.
"""

import math
from collections.abc import Sequence

import msgspec

from bench.records.estimate import Estimate
from bench.records.exchange import Transport
from bench.records.view import Chart, ChartPoint, ChartTick
from bench.report import numbers
from bench.report.escape import short
from bench.report.lookup import WAYS, Key, Lookup
from bench.report.results import FOOTPRINT, SPEED, Wanted, scale_of

_WIDTH, _LEFT, _RIGHT, _TOP = 360, 12, 344, 10
_ROW = 40
_AXIS = 44  # below the plot: tick labels and the axis title
_PLOT_HEIGHT = 200  # of a scatter
_SCATTER_LEFT = 52
_MOST_ROWS = 20

_DRAWN = {"ttft": "Time to first token (p50)", "latency": "Whole answer (p50)", "decode_tps": "Writing speed", "rss_peak_bytes": "Memory peak"}


def charts(seen: Lookup) -> tuple[Chart, ...]:
    """The pictures that this run has numbers for."""
    drawn = [wanted for wanted in (*SPEED, *FOOTPRINT) if wanted.metric in _DRAWN and wanted.statistics[0] != "p95"]
    found = []
    for way in seen.ways:
        some = [_quality_by_latency(seen, way), *(_intervals(seen, wanted, way) for wanted in drawn)]
        found += [chart if way == "http" else _marked(chart, way) for chart in some if chart is not None]
    return tuple(found)


def _marked(chart: Chart, way: Transport) -> Chart:
    """A picture of those whose answers did not come over HTTP."""
    return msgspec.structs.replace(chart, id=f"{chart.id}-{way}", title=f"{chart.title}, {WAYS[way]}")


def ticks(largest: float, most: int = 5) -> tuple[float, ...]:
    """At most so many round steps above zero that cover the largest value: 0.83 -> 0, 0.2, 0.4, 0.6, 0.8, 1."""
    if not largest > 0:
        return (0.0, 1.0)
    power = 10.0 ** math.floor(math.log10(largest / most))
    step = next(power * part for part in (1, 2, 5, 10) if power * part * most >= largest * (1 - 1e-9))
    n = math.ceil(largest / step - 1e-9)
    return tuple(step * place for place in range(n + 1))


def pixel(value: float) -> str:
    """A coordinate, to a tenth of a pixel."""
    return f"{value:.1f}".removesuffix(".0")


class Axis:
    """Values to pixels: zero at `start`, the last tick at `end`."""

    def __init__(self, largest: float, start: float, end: float, most: int = 5) -> None:
        """`largest` is the largest value that it must hold."""
        self.ticks = ticks(largest, most)
        self._start, self._per = start, (end - start) / self.ticks[-1]
        self._decimals = max(0, -math.floor(math.log10(self.ticks[1]) + 1e-9))

    def at(self, value: float) -> str:
        """Where a value lies."""
        return pixel(self._start + value * self._per)

    def marks(self) -> tuple[ChartTick, ...]:
        """Its labelled lines."""
        return tuple(ChartTick(at=self.at(value), label=numbers.plain(value, self._decimals)) for value in self.ticks)


def _values(seen: Lookup, wanted: Wanted, way: Transport) -> list[tuple[Key, Estimate]]:
    found = [
        (key, estimate)
        for key in seen.measured
        if seen.transport(key) == way and (estimate := seen.of(key, wanted.metric, *wanted.statistics)) is not None
    ]
    return [(key, estimate) for key, estimate in found if estimate.value is not None and estimate.value >= 0 and math.isfinite(estimate.value)]


def _intervals(seen: Lookup, wanted: Wanted, way: Transport) -> Chart | None:
    found = _values(seen, wanted, way)[:_MOST_ROWS]
    if not found:
        return None
    shown = scale_of([estimate for _, estimate in found])
    axis = Axis(max(_top(estimate) * shown.factor for _, estimate in found), _LEFT, _RIGHT)
    bottom = _TOP + _ROW * len(found)
    points = tuple(_row(seen.label(key), estimate, shown, axis, _TOP + _ROW * place) for place, (key, estimate) in enumerate(found))
    name = seen.title(wanted.metric)
    return Chart(
        id=wanted.metric,
        kind="interval",
        title=_DRAWN[wanted.metric],
        summary="; ".join(f"{point.label}: {point.value}" for point in points),
        width=str(_WIDTH),
        height=str(bottom + _AXIS),
        left=str(_LEFT),
        right=str(_RIGHT),
        top=str(_TOP),
        bottom=str(bottom),
        points=points,
        x_title=f"{name}, {shown.unit}; {'more' if found[0][1].better == 'higher' else 'less'} is better",
        x_ticks=axis.marks(),
    )


def _top(estimate: Estimate) -> float:
    return max(estimate.value or 0.0, estimate.high or 0.0)


def _row(label: str, estimate: Estimate, shown: numbers.Scale, axis: Axis, y: int) -> ChartPoint:
    has_interval = estimate.low is not None and estimate.high is not None
    return ChartPoint(
        label=short(label, 26),
        value=numbers.estimate_cell(estimate, shown).text,
        x=axis.at((estimate.value or 0.0) * shown.factor),
        y=str(y + 27),
        low=axis.at((estimate.low or 0.0) * shown.factor) if has_interval else "",
        high=axis.at((estimate.high or 0.0) * shown.factor) if has_interval else "",
        label_x=str(_LEFT),
        label_y=str(y + 14),
    )


def _quality_by_latency(seen: Lookup, way: Transport) -> Chart | None:
    quality = dict(_values(seen, SPEED[0], way))
    latency = next(wanted for wanted in SPEED if wanted.metric == "latency")
    found = [(key, estimate) for key, estimate in _values(seen, latency, way) if key in quality][:_MOST_ROWS]
    if len(found) < 2:
        return None
    shown = scale_of([estimate for _, estimate in found])
    bottom = _TOP + _PLOT_HEIGHT
    across = Axis(max(_top(estimate) * shown.factor for _, estimate in found), _SCATTER_LEFT, _RIGHT)
    up = Axis(100.0, bottom, _TOP)
    points = tuple(_place(seen, key, estimate, quality[key], (shown, across, up)) for key, estimate in found)
    return Chart(
        id="quality-latency",
        kind="scatter",
        title=f"{seen.title('quality')} against latency",
        summary="; ".join(f"{point.label}: {point.value}" for point in points),
        width=str(_WIDTH),
        height=str(bottom + _AXIS),
        left=str(_SCATTER_LEFT),
        right=str(_RIGHT),
        top=str(_TOP),
        bottom=str(bottom),
        points=_apart(points),
        x_title=f"Latency p50, {shown.unit}; up and left is better",
        x_ticks=across.marks(),
        y_title=f"{seen.title('quality')}, %",
        y_ticks=up.marks(),
    )


def _place(seen: Lookup, key: Key, latency: Estimate, quality: Estimate, axes: tuple[numbers.Scale, Axis, Axis]) -> ChartPoint:
    shown, across, up = axes
    x = across.at((latency.value or 0.0) * shown.factor)
    is_right = float(x) > (_SCATTER_LEFT + _RIGHT) / 2
    has_x, has_y = latency.low is not None and latency.high is not None, quality.low is not None and quality.high is not None
    percent = scale_of([quality])
    y = up.at(min(100.0, (quality.value or 0.0) * 100))
    return ChartPoint(
        label=short(seen.label(key), 26),
        value=f"{numbers.estimate_cell(quality, percent).text} met in {numbers.estimate_cell(latency, shown).text}",
        x=x,
        y=y,
        low=across.at((latency.low or 0.0) * shown.factor) if has_x else "",
        high=across.at((latency.high or 0.0) * shown.factor) if has_x else "",
        bottom=up.at((quality.low or 0.0) * 100) if has_y else "",
        top=up.at(min(1.0, quality.high or 0.0) * 100) if has_y else "",
        label_x=pixel(float(x) + (-8 if is_right else 8)),
        label_y=pixel(float(y) - 7 if float(y) > _TOP + 16 else float(y) + 17),
        anchor="end" if is_right else "start",
    )


def _apart(points: Sequence[ChartPoint]) -> tuple[ChartPoint, ...]:
    """Labels moved down until none lies on another."""
    taken: list[float] = []
    moved = []
    for point in sorted(points, key=lambda one: (float(one.label_y), one.label)):
        y = float(point.label_y)
        while any(abs(y - other) < 14 for other in taken):
            y += 14
        taken.append(y)
        moved.append(msgspec.structs.replace(point, label_y=pixel(y)))
    return tuple(moved)

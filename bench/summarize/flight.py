"""Requests on one axis of time: when they were due, sent and ended. Everything here is arithmetic on arrays."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bench.records.load import Series, Steady
from bench.stats.quantile import Floats
from bench.summarize.busy import by_worker
from bench.summarize.rows import Row, Rows

MOST_SLICES = 60
_PLATEAU = 0.9
_NARROWEST_S = 0.1


class Flight(NamedTuple):
    """Times of n requests. Unit: s from the first arrival; clocks that cannot be compared are laid end to end. Shape: `float64[n]` each."""

    rows: Rows
    due: Floats
    sent: Floats
    ended: Floats
    is_answered: Floats

    @property
    def span_s(self) -> float:
        """From the first arrival to the last end."""
        return float(self.ended.max()) if self.rows else 0.0


def flight(rows: Sequence[Row]) -> Flight:
    """Lay requests on one axis."""
    parts: list[Floats] = []
    groups = list(by_worker(rows).values())
    offset_s = 0.0
    for group in groups:
        times = np.stack([group.number(name) for name in ("scheduled_s", "sent_s", "finished_s")], axis=1)
        times -= times.min() - offset_s
        offset_s = float(times.max())
        parts.append(times)
    whole = np.concatenate(parts) if parts else np.empty((0, 3))
    ordered = Rows.joined(groups) if groups else Rows.of(())
    return Flight(ordered, whole[:, 0], whole[:, 1], whole[:, 2], (ordered.codes("failure") == 0).astype(np.float64))


def mean_between(starts: Floats, ends: Floats, edges: Floats) -> Floats:
    """How many of the intervals from start to end are open, on average between neighbouring edges. Shape: `float64[edges − 1]`. O(n log n)."""

    def begun_s(moments: Floats) -> Floats:
        ordered = np.sort(moments)
        sums = np.concatenate(([0.0], np.cumsum(ordered)))
        before = np.searchsorted(ordered, edges)
        return np.asarray(before * edges - sums[before], dtype=np.float64)

    area = begun_s(starts) - begun_s(ends)
    return np.maximum(np.diff(area) / np.diff(edges), 0.0)


def most_at_once(starts: Floats, ends: Floats) -> int:
    """The largest number of open intervals; one that ends when another starts is not open beside it, and one without length never is."""
    has_length = ends > starts
    starts, ends = starts[has_length], ends[has_length]
    moments = np.concatenate((starts, ends))
    change = np.concatenate((np.ones(starts.size), -np.ones(ends.size)))
    order = np.lexsort((change, moments))
    return int(np.cumsum(change[order]).max(initial=0.0))


def steady(seen: Flight) -> Steady | None:
    """The load between its first and its last moment on the plateau; None when there is none."""
    if not seen.rows:
        return None
    moments = np.unique(np.concatenate((seen.sent, seen.ended)))
    lengths = np.diff(moments)
    change = np.bincount(np.searchsorted(moments, seen.sent), minlength=moments.size) - np.bincount(
        np.searchsorted(moments, seen.ended), minlength=moments.size
    )
    level = np.cumsum(change)[:-1]
    if not lengths.size:
        return None
    order = np.argsort(level, kind="stable")
    middle = level[order][np.searchsorted(np.cumsum(lengths[order]), lengths.sum() / 2)]
    on_plateau = np.flatnonzero(level >= _PLATEAU * middle)
    from_s, to_s = float(moments[on_plateau[0]]), float(moments[on_plateau[-1] + 1])
    inside = is_inside(seen, from_s, to_s)
    ends_inside = (seen.ended > from_s) & (seen.ended <= to_s) & (seen.is_answered > 0)
    return Steady(
        from_s=_short(from_s),
        to_s=_short(to_s),
        n=int(inside.sum()),
        cut_before=int((seen.sent < from_s).sum()),
        cut_after=int(((seen.sent >= from_s) & (seen.ended > to_s)).sum()),
        answers_per_s=_short(float(ends_inside.sum()) / (to_s - from_s)),
        in_flight=_short(float(mean_between(seen.sent, seen.ended, np.array([from_s, to_s]))[0])),
    )


def is_inside(seen: Flight, from_s: float, to_s: float) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """Which requests were sent and ended between two moments."""
    return np.asarray((seen.sent >= from_s) & (seen.ended <= to_s))


def series(seen: Flight) -> Series | None:
    """The course of the load in at most sixty slices of a round width."""
    if not seen.rows or seen.span_s <= 0:
        return None
    width_s = slice_s(seen.span_s)
    n = max(1, int(np.ceil(seen.span_s / width_s - 1e-9)))
    edges = np.arange(n + 1, dtype=np.float64) * np.float64(width_s)
    place = np.minimum((seen.due / width_s).astype(np.intp), n - 1)
    done = np.minimum((seen.ended / width_s).astype(np.intp), n - 1)
    waits = seen.rows.values("ttft")[:, 0]
    of_slot = [waits[(place == slot) & ~np.isnan(waits)] for slot in range(n)]
    return Series(
        width_s=width_s,
        arrivals_per_s=_all_short(np.bincount(place, minlength=n) / width_s),
        answers_per_s=_all_short(np.bincount(done, weights=seen.is_answered, minlength=n) / width_s),
        in_flight=_all_short(mean_between(seen.sent, seen.ended, edges)),
        waiting=_all_short(mean_between(seen.due, seen.sent, edges)),
        ttft_p50_s=tuple(_short(float(np.median(slot))) if slot.size else None for slot in of_slot),
    )


def slice_s(span_s: float) -> float:
    """The narrowest of 0.1, 0.2, 0.5, 1, 2, 5, … seconds that cuts a span into at most sixty slices.

    >>> slice_s(3.0), slice_s(60.0), slice_s(61.0)
    (0.1, 1.0, 2.0)
    """
    width_s = _NARROWEST_S
    while True:
        for factor in (1, 2, 5):
            if width_s * factor * MOST_SLICES >= span_s * (1 - 1e-9):
                return round(width_s * factor, 6)
        width_s *= 10


def _short(value: float) -> float:
    """Six significant digits: a plot shows no more."""
    return float(f"{value:.6g}")


def _all_short(values: Floats) -> tuple[float, ...]:
    return tuple(_short(value) for value in values.tolist())

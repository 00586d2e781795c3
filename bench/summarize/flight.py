"""Requests on one axis of time: when they were due, sent and ended. Everything here is arithmetic on arrays."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import repeat

import numpy as np

from bench.records.load import Series, Steady
from bench.stats.quantile import Floats
from bench.summarize.busy import by_worker
from bench.summarize.columns import BLOCK
from bench.summarize.part import Mask, Whole
from bench.summarize.rows import Row, Rows

MOST_SLICES = 60
_PLATEAU = 0.9
_NARROWEST_S = 0.1


class Flight:
    """Times of n requests, read when they are asked for. Unit: s from the first arrival; clocks that cannot be compared are laid end to end.

    Shape: `float64[n]` each, in the order of `rows`.
    """

    def __init__(self, groups: Sequence[Rows]) -> None:
        """Lay the rows of each clock after those of the one before."""
        self.rows = Rows.joined(groups) if groups else Rows.of(())
        self._groups: list[tuple[Rows, float]] = []
        self.span_s = 0.0  # from the first arrival to the last end
        for group in groups:
            shift_s = min(float(group.number(name).min()) for name in _TIMES) - self.span_s
            self.span_s = max(float((group.number(name) - shift_s).max()) for name in _TIMES)
            self._groups.append((group, shift_s))
        self.span_s = float(self.ended.max()) if groups else 0.0

    def _times(self, name: str) -> Floats:
        parts = []
        for group, shift_s in self._groups:
            times = group.number(name)
            parts.append(times - shift_s)
        return parts[0] if len(parts) == 1 else np.concatenate(parts) if parts else np.empty(0)

    @property
    def due(self) -> Floats:
        """When each was scheduled."""
        return self._times("scheduled_s")

    @property
    def sent(self) -> Floats:
        """When each was sent."""
        return self._times("sent_s")

    @property
    def ended(self) -> Floats:
        """When each ended."""
        return self._times("finished_s")

    @cached_property
    def is_answered(self) -> Mask:
        """Whether each was."""
        return np.asarray(self.rows.codes("failure") == 0)


_TIMES = ("scheduled_s", "sent_s", "finished_s")


def flight(rows: Sequence[Row]) -> Flight:
    """Lay requests on one axis."""
    return Flight(list(by_worker(rows).values()) if len(rows) else ())


def mean_between(starts: Floats, ends: Floats, edges: Floats) -> Floats:
    """How many of the intervals from start to end are open, on average between neighbouring edges. Shape: `float64[edges − 1]`. O(n log n)."""

    def begun_s(moments: Floats) -> Floats:
        ordered = np.sort(moments)
        before = np.searchsorted(ordered, edges)
        sums = np.cumsum(ordered, out=ordered)
        return np.asarray(before * edges - np.where(before > 0, sums[before - 1], 0.0), dtype=np.float64)

    if not starts.size:
        return np.zeros(edges.size - 1)
    area = begun_s(starts) - begun_s(ends)
    return np.maximum(np.diff(area) / np.diff(edges), 0.0)


def most_at_once(starts: Floats, ends: Floats) -> int:
    """The largest number of open intervals; one that ends when another starts is not open beside it, and one without length never is."""
    has_length = ends > starts
    starts, ends = np.sort(starts[has_length]), np.sort(ends[has_length])
    most = 0
    for start in range(0, starts.size, BLOCK):
        some = starts[start : start + BLOCK]
        most = max(most, int((np.arange(start + 1, start + 1 + some.size) - np.searchsorted(ends, some, side="right")).max()))
    return most


def _levels(starts: Floats, ends: Floats) -> Iterator[tuple[Floats, Whole]]:
    """Some neighbouring moments at a time, the last one of one part being the first one of the next, and how many intervals are open after each."""
    starts, ends = np.sort(starts), np.sort(ends)
    last, level, at_start, at_end = min(starts[0], ends[0]), 0, 0, 0
    while at_end < ends.size:
        to_start = min(at_start + BLOCK, starts.size)
        until = starts[to_start - 1] if to_start < starts.size else np.inf
        to_start, to_end = (int(np.searchsorted(moments, until, side="right")) for moments in (starts, ends))
        some_starts, some_ends = starts[at_start:to_start], ends[at_end:to_end]
        moments = np.unique(np.concatenate(([last], some_starts, some_ends)))
        change = np.bincount(np.searchsorted(moments, some_starts), minlength=moments.size)
        change -= np.bincount(np.searchsorted(moments, some_ends), minlength=moments.size)
        levels = level + np.cumsum(change)
        yield moments, levels
        last, level, at_start, at_end = moments[-1], int(levels[-1]), to_start, to_end


def steady(seen: Flight) -> Steady | None:
    """The load between its first and its last moment on the plateau; None when there is none."""
    if not seen.rows:
        return None
    lengths: Floats = np.zeros(1)  # s at each level
    for moments, levels in _levels(seen.sent, seen.ended):
        some = np.bincount(np.maximum(levels[:-1], 0), weights=np.diff(moments), minlength=lengths.size).astype(np.float64)
        some[: lengths.size] = some[: lengths.size] + lengths
        lengths = some
    if not lengths.any():
        return None
    middle = int(np.searchsorted(np.cumsum(lengths), lengths.sum() / 2))
    from_s, to_s = np.inf, 0.0
    for moments, levels in _levels(seen.sent, seen.ended):
        on_plateau = np.flatnonzero(levels[:-1] >= _PLATEAU * middle)
        if on_plateau.size:
            from_s, to_s = min(from_s, float(moments[on_plateau[0]])), float(moments[on_plateau[-1] + 1])
    inside = is_inside(seen, from_s, to_s)
    sent, ended = seen.sent, seen.ended
    ends_inside = (ended > from_s) & (ended <= to_s) & seen.is_answered
    return Steady(
        from_s=_short(from_s),
        to_s=_short(to_s),
        n=int(inside.sum()),
        cut_before=int((sent < from_s).sum()),
        cut_after=int(((sent >= from_s) & (ended > to_s)).sum()),
        answers_per_s=_short(float(ends_inside.sum()) / (to_s - from_s)),
        in_flight=_short(float(mean_between(sent, ended, np.array([from_s, to_s]))[0])),
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
    place = np.minimum(seen.due / width_s, n - 1).astype(np.int16)
    done = np.minimum(seen.ended / width_s, n - 1).astype(np.int16)
    waits = seen.rows.values("ttft")[:, 0]
    is_seen = ~np.isnan(waits)
    of_slot = (waits[(place == slot) & is_seen] for slot in range(n)) if is_seen.any() else repeat(waits[:0], n)
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

"""When requests were in flight. Clock readings compare only within one worker's file, so every worker is swept alone."""

from collections.abc import Sequence
from itertools import chain
from math import fsum

import numpy as np

from bench.stats.quantile import Floats
from bench.summarize.columns import BLOCK
from bench.summarize.rows import Row, Rows


def by_worker(rows: Sequence[Row]) -> dict[str, Rows]:
    """Rows of each worker, in the order of workers' names."""
    known = Rows.of(rows)
    words, codes = known.words("worker"), known.codes("worker")
    present = sorted(np.flatnonzero(np.bincount(codes)).tolist(), key=lambda code: words[code])
    return {words[code]: known.where(codes == code) for code in present}


def busy_shares(rows: Rows) -> Floats:
    """Each row's share of the time in flight: at every moment the requests in flight share it evenly, so that all shares sum to the busy time.

    Unit: seconds. The sum over any group is the wall time it kept the server for, at any concurrency. O(n log n).
    """
    codes = rows.codes("worker")
    present = np.flatnonzero(np.bincount(codes)).tolist()
    if len(present) == 1:
        return _shares(rows)
    shares = np.zeros(len(rows))
    for code in present:
        is_of = codes == code
        shares[is_of] = _shares(rows.where(is_of))
    return shares


def _shares(rows: Rows) -> Floats:
    """As `busy_shares`, of one worker: some starts at a time, with the ends between them."""
    starts, of_starts = _ordered(rows.number("sent_s"))
    ends, of_ends = _ordered(rows.number("finished_s"))
    open_before, grown_before, last = 0, 0.0, float(min(starts[0], ends[0])) if starts.size else 0.0
    at_start = at_end = 0
    while at_end < ends.size:
        to_start = min(at_start + BLOCK, starts.size)
        until = starts[to_start - 1] if to_start < starts.size else np.inf
        to_start = int(np.searchsorted(starts, until, side="right"))
        to_end = int(np.searchsorted(ends, until, side="right"))
        some_starts, some_ends = starts[at_start:to_start], ends[at_end:to_end]
        moments = np.unique(np.concatenate(([last], some_starts, some_ends)))
        first, ended = np.searchsorted(moments, some_starts), np.searchsorted(moments, some_ends)
        change = np.bincount(first, minlength=moments.size) - np.bincount(ended, minlength=moments.size)
        in_flight = open_before + np.cumsum(change)
        grown = np.divide(np.diff(moments), in_flight[:-1], out=np.zeros(moments.size - 1), where=in_flight[:-1] > 0)
        per_request = np.cumsum(np.concatenate(([grown_before], grown)))
        starts[at_start:to_start], ends[at_end:to_end] = per_request[first], per_request[ended]  # read once, and of no use any more
        open_before, grown_before, last = int(in_flight[-1]), float(per_request[-1]), float(moments[-1])
        at_start, at_end = to_start, to_end
    shares = np.empty(len(rows))
    shares[of_ends] = ends
    del ends, of_ends
    shares[of_starts] -= starts
    return shares


def _ordered(moments: Floats) -> "tuple[Floats, np.ndarray[tuple[int], np.dtype[np.int32]]]":
    """Moments in their order, and where they were."""
    order = np.argsort(moments).astype(np.int32)
    return moments[order], order


def busy_s(rows: Rows) -> float:
    """Seconds with at least one of these requests in flight, summed over workers."""
    shares = busy_shares(rows)
    return fsum(chain.from_iterable(shares[start : start + BLOCK].tolist() for start in range(0, shares.size, BLOCK)))


def wall_s(rows: Rows) -> float:
    """Seconds from the first send to the last end, summed over workers."""
    return fsum(float(of.number("finished_s").max() - of.number("sent_s").min()) for of in by_worker(rows).values())

"""When requests were in flight. Clock readings compare only within one worker's file, so every worker is swept alone."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from math import fsum

import numpy as np

from bench.summarize.rows import Row


def by_worker(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Rows of each worker, in the order of workers' names."""
    found: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row.worker].append(row)
    return dict(sorted(found.items()))


def busy_shares(rows: Sequence[Row]) -> dict[str, float]:
    """Trial id -> its share of the time in flight: at every moment the requests in flight share it evenly, so that all shares sum to the busy time.

    Unit: seconds. The sum over any group is the wall time it kept the server for, at any concurrency. O(n log n).
    """
    shares: dict[str, float] = {}
    for group in by_worker(rows).values():
        starts, ends = np.array([row.sent_s for row in group]), np.array([row.finished_s for row in group])
        moments = np.unique(np.concatenate((starts, ends)))
        first, last = np.searchsorted(moments, starts), np.searchsorted(moments, ends)
        change = np.bincount(first, minlength=moments.size) - np.bincount(last, minlength=moments.size)
        in_flight = np.cumsum(change)[:-1]
        grown = np.divide(np.diff(moments), in_flight, out=np.zeros(in_flight.size), where=in_flight > 0)
        per_request = np.concatenate(([0.0], np.cumsum(grown)))
        shares.update(zip((row.trial_id for row in group), (per_request[last] - per_request[first]).tolist(), strict=True))
    return shares


def busy_s(rows: Sequence[Row]) -> float:
    """Seconds with at least one of these requests in flight, summed over workers."""
    return fsum(busy_shares(rows).values())


def wall_s(rows: Sequence[Row]) -> float:
    """Seconds from the first send to the last end, summed over workers."""
    return fsum(max(row.finished_s for row in group) - min(row.sent_s for row in group) for group in by_worker(rows).values())

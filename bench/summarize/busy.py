"""When requests were in flight. Clock readings compare only within one worker's file, so every worker is swept alone."""

from collections.abc import Sequence
from math import fsum

import numpy as np

from bench.stats.quantile import Floats
from bench.summarize.rows import Index, Row, Rows


def by_worker(rows: Sequence[Row]) -> dict[str, Rows]:
    """Rows of each worker, in the order of workers' names."""
    known = Rows.of(rows)
    words = known.words("worker")
    return {words[code]: known.at(places) for code, places in sorted(_places(known).items(), key=lambda item: words[item[0]])}


def _places(rows: Rows) -> dict[int, Index]:
    """The places of each worker's rows."""
    codes = rows.codes("worker")
    return {int(code): np.flatnonzero(codes == code) for code in np.unique(codes)}


def busy_shares(rows: Rows) -> Floats:
    """Each row's share of the time in flight: at every moment the requests in flight share it evenly, so that all shares sum to the busy time.

    Unit: seconds. The sum over any group is the wall time it kept the server for, at any concurrency. O(n log n).
    """
    shares = np.zeros(len(rows))
    sent_s, finished_s = rows.number("sent_s"), rows.number("finished_s")
    for places in _places(rows).values():
        starts, ends = sent_s[places], finished_s[places]
        moments = np.unique(np.concatenate((starts, ends)))
        first, last = np.searchsorted(moments, starts), np.searchsorted(moments, ends)
        change = np.bincount(first, minlength=moments.size) - np.bincount(last, minlength=moments.size)
        in_flight = np.cumsum(change)[:-1]
        grown = np.divide(np.diff(moments), in_flight, out=np.zeros(in_flight.size), where=in_flight > 0)
        per_request = np.concatenate(([0.0], np.cumsum(grown)))
        shares[places] = per_request[last] - per_request[first]
    return shares


def busy_s(rows: Rows) -> float:
    """Seconds with at least one of these requests in flight, summed over workers."""
    return fsum(busy_shares(rows).tolist())


def wall_s(rows: Rows) -> float:
    """Seconds from the first send to the last end, summed over workers."""
    sent_s, finished_s = rows.number("sent_s"), rows.number("finished_s")
    return fsum(float(finished_s[places].max() - sent_s[places].min()) for places in _places(rows).values())

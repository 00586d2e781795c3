"""What a cell as a whole got done per second: figures of the system, not of one request."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from bench.records.estimate import Estimate, Group
from bench.records.spec import Slo
from bench.stats.quantile import Floats
from bench.summarize.busy import busy_shares
from bench.summarize.estimates import Subject, gathered, ratio, told
from bench.summarize.rows import Row, Rows
from bench.summarize.table import Cell


class Rate(NamedTuple):
    """What is counted per second of busy time, of each row; `nan` where it does not apply to a trial."""

    name: str
    unit: str
    counts: Floats


def throughput(cell: Cell, given: Sequence[Row], slo: Slo | None) -> Iterator[Estimate]:
    """`output_tps`, `request_rate` and, with an objective, `goodput`: sums over the time with requests in flight.

    Failed requests take time and bring nothing. Warm-up and first requests take their share of a moment they were in flight together with others,
    and neither their time nor their tokens count. Assumes: `given` holds all trials of the cell, warm-up included. Source: measurement.md §2.
    """
    for rate, measured, shares in rates(given, slo):
        yield _estimate(cell, rate, measured, shares)


def rates(given: Sequence[Row], slo: Slo | None) -> Iterator[tuple[Rate, Rows, Floats]]:
    """What is counted, the rows it is counted of, and each row's share of the time in flight."""
    rows = Rows.of(given)
    is_counted = ~rows.is_warmup & ~rows.is_first
    shares = busy_shares(rows)
    if not is_counted.all():
        shares = shares[is_counted]
    measured = rows.where(is_counted)
    has_failed = measured.codes("failure") > 0
    yield Rate("output_tps", "tokens/s", np.where(has_failed, 0.0, measured.number("completion_tokens"))), measured, shares
    yield Rate("request_rate", "1/s", (~has_failed).astype(np.float64)), measured, shares
    if slo is not None:
        yield Rate("goodput", "1/s", meets(slo, measured)), measured, shares


def meets(slo: Slo, rows: Rows) -> Floats:
    """For each row 1 when the answer came within the objective, 0 when not; `nan` when its first token was not to be seen (not streamed).

    An answer of one token has no time per token and meets any limit on it.
    """
    is_good = np.ones(len(rows))
    for name, limit in (("ttft", slo.ttft_s), ("tpot", slo.tpot_s), ("latency", slo.latency_s)):
        if limit is not None:
            is_good[rows.values(name)[:, 0] > limit] = 0.0
    if slo.ttft_s is not None:
        is_good[np.isnan(rows.values("ttft")[:, 0])] = np.nan
    is_good[rows.codes("failure") > 0] = 0.0
    return is_good


def _estimate(cell: Cell, rate: Rate, rows: Rows, shares: Floats) -> Estimate:
    is_there = ~np.isnan(rate.counts)
    applies = None if is_there.all() else np.flatnonzero(is_there)
    pairs = np.stack((rate.counts, shares) if applies is None else (rate.counts[applies], shares[applies])).T
    seen = gathered(pairs, applies, rows, (0, len(rows) - len(pairs)))
    group = Group(model_id=cell.model_id, variant_id=cell.variant_id)
    return told(Subject(rate.name, rate.unit, "higher", group), "rate", seen, ratio(seen))

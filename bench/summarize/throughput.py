"""What a cell as a whole got done per second: figures of the system, not of one request."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from bench.records.estimate import Estimate, Group
from bench.records.spec import Slo
from bench.summarize.busy import busy_shares
from bench.summarize.estimates import Subject, gathered, ratio, told
from bench.summarize.rows import Cell, Row


class Rate(NamedTuple):
    """What is counted per second of busy time. `read` returns None where it does not apply to a trial."""

    name: str
    unit: str
    read: Callable[[Row], float | None]


def throughput(cell: Cell, rows: Sequence[Row], slo: Slo | None) -> Iterator[Estimate]:
    """`output_tps`, `request_rate` and, with an objective, `goodput`: sums over the time with requests in flight.

    Failed requests take time and bring nothing. Warm-up and first requests take their share of a moment they were in flight together with others,
    and neither their time nor their tokens count. Assumes: `rows` holds all trials of the cell, warm-up included. Source: measurement.md §2.
    """
    shares = busy_shares(rows)
    measured = [row for row in rows if not row.is_warmup and not row.is_first]
    rates = [Rate("output_tps", "tokens/s", _tokens), Rate("request_rate", "1/s", lambda row: float(row.failure is None))]
    if slo is not None:
        rates.append(Rate("goodput", "1/s", lambda row: meets(slo, row)))
    for rate in rates:
        yield _estimate(cell, rate, measured, shares)


def _tokens(row: Row) -> float | None:
    return 0.0 if row.failure is not None else row.completion_tokens


def meets(slo: Slo, row: Row) -> float | None:
    """1 when an answer came within the objective, 0 when not; None when its first token was not to be seen (not streamed).

    An answer of one token has no time per token and meets any limit on it.
    """
    if row.failure is not None:
        return 0.0
    if slo.ttft_s is not None and "ttft" not in row.values:
        return None
    limits = (("ttft", slo.ttft_s), ("tpot", slo.tpot_s), ("latency", slo.latency_s))
    return float(all(limit is None or name not in row.values or float(row.values[name][0]) <= limit for name, limit in limits))


def _estimate(cell: Cell, rate: Rate, rows: Sequence[Row], shares: dict[str, float]) -> Estimate:
    counted = [(row, count) for row in rows if (count := rate.read(row)) is not None]
    pairs = [np.array([[count, shares[row.trial_id]]]) for row, count in counted]
    seen = gathered(pairs, [row for row, _ in counted], 2, 0, len(rows) - len(counted))
    group = Group(model_id=cell.model_id, variant_id=cell.variant_id)
    return told(Subject(rate.name, rate.unit, "higher", group), "rate", seen, ratio(seen))

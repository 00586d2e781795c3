"""Whether the measuring client kept up with what it measured."""

from collections.abc import Iterable, Sequence

import numpy as np

from bench.records.machine import ClientHealth
from bench.summarize.rows import Row

LAG_LIMIT_S = 0.005  # measurement.md §1.3
LAG_SHARE_OF_TTFT = 0.05


def saturated(health: Iterable[ClientHealth], rows: Sequence[Row]) -> tuple[ClientHealth, ...]:
    """The blocks in which the client was too late: p99 lag above 5 ms, or above 5 % of the block's median TTFT when that is more.

    Warm-up and first requests have no part in that median.
    """
    return tuple(block for block in health if block.lag_p99_s > max(LAG_LIMIT_S, LAG_SHARE_OF_TTFT * _median_ttft(block, rows)))


def _median_ttft(block: ClientHealth, rows: Sequence[Row]) -> float:
    waits = [
        float(row.values["ttft"][0])
        for row in rows
        if row.worker == block.worker
        and row.treatment_digest in block.treatment_digests
        and block.started_s <= row.sent_s <= block.finished_s
        and not row.is_warmup
        and not row.is_first
        and "ttft" in row.values
    ]
    return float(np.median(waits)) if waits else 0.0

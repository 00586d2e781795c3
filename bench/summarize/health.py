"""Whether the measuring client kept up with what it measured, and what kept the load from being what was asked."""

from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np

from bench.records.machine import ClientHealth
from bench.summarize.rows import Rows

LAG_LIMIT_S = 0.005  # measurement.md §1.3
LAG_SHARE_OF_TTFT = 0.05
# A loop that waits for a processor for a quarter of the time that it wants one shares it with something that never rests. Found by putting a busy
# process on its core: 38–47 % against 0–8 % without (docs/measurement.md). Below 1 ms of lag one sees the timers' own resolution.
WAIT_LIMIT = 0.25
_WAIT_LAG_S, _WAIT_LAG_SHARE_OF_TTFT = 0.001, 0.01
# A load is short from 5 % on; a client that uses half of a core for less than it was asked is the reason itself.
SHORT = 0.95
# Between an answer and the next send a place stands empty; for so small a share of the time that no latency and no rate shows it.
IN_TIME = 0.98
_BUSY = 0.5


def saturated(health: Iterable[ClientHealth], rows: Rows) -> tuple[ClientHealth, ...]:
    """The blocks in which the client was too late to be believed. Warm-up and first requests have no part in the median TTFT."""
    return tuple(block for block in health if is_late(block, _median_ttft(block, rows)))


def behind(health: Iterable[ClientHealth], rows: Rows) -> tuple[ClientHealth, ...]:
    """The blocks in which the client's loop was late and no figure shows it."""
    medians = [(block, _median_ttft(block, rows)) for block in health]
    return tuple(block for block, ttft_s in medians if block.lag_p99_s > _lag_limit_s(ttft_s) and not is_late(block, ttft_s))


def is_late(block: ClientHealth, median_ttft_s: float) -> bool:
    """Whether the client's own delay is in the figures: a late loop that does harm, or a client that was kept from the processor, with an effect."""
    waits = block.cpu_wait_share is not None and block.cpu_wait_share > WAIT_LIMIT
    if waits and block.lag_p99_s > max(_WAIT_LAG_S, _WAIT_LAG_SHARE_OF_TTFT * median_ttft_s):
        return True
    limit_s = _lag_limit_s(median_ttft_s)
    return block.lag_p99_s > limit_s and not _keeps_up(block, limit_s)


def _lag_limit_s(median_ttft_s: float) -> float:
    return max(LAG_LIMIT_S, LAG_SHARE_OF_TTFT * median_ttft_s)


def _keeps_up(block: ClientHealth, limit_s: float) -> bool:
    """Whether a loop that is late now and then does no harm: each arrival has the kernel's time, and each request left in time.

    Not while it is late half of the time: chunks that lie ready together are read together, and then share a stamp. Nor where nothing tells when
    requests should have left.
    """
    if block.process_stamped != 0 or block.lag_p50_s > LAG_LIMIT_S:
        return False
    if block.send_delay_p99_s is not None:
        return block.send_delay_p99_s <= limit_s
    return block.asked_in_flight is not None and block.in_flight is not None and block.in_flight >= IN_TIME * block.asked_in_flight


def limit(block: ClientHealth, *, is_saturated: bool) -> Literal["client", "server"] | None:
    """What kept a block's load from being what was asked; None when it was, or when nothing tells.

    Closed loop: the places stood empty between an answer and the next send, which is the client's time, or that of setting up connections that the
    server does not keep. Open loop: arrivals waited for a place, so answers came too slowly, unless the client was busy or late itself.
    """
    rate = None if block.asked_per_s is None or block.sent_per_s is None else block.sent_per_s / block.asked_per_s
    places = None if block.asked_in_flight is None or block.in_flight is None else block.in_flight / block.asked_in_flight
    share = rate if rate is not None else places
    if share is None or share >= SHORT:
        return None
    if is_saturated or block.cpu_share > _BUSY:
        return "client"
    return "server" if rate is not None or block.new_connections > _BUSY * block.requests else None


def limited_by(health: Iterable[ClientHealth], late: Sequence[ClientHealth]) -> Literal["client", "server"] | None:
    """What limited the load of a run: the client where it did in any block, else the server where it did in any."""
    found = {limit(block, is_saturated=block in late) for block in health}
    return "client" if "client" in found else "server" if "server" in found else None


def _median_ttft(block: ClientHealth, rows: Rows) -> float:
    words, sent_s = rows.words("treatment"), rows.number("sent_s")
    treatments = [words.index(digest) for digest in block.treatment_digests if digest in words]
    workers = [place for place, word in enumerate(rows.words("worker")) if word == block.worker.partition("-")[0]]
    is_of_block = np.isin(rows.codes("worker"), workers) & np.isin(rows.codes("treatment"), treatments)
    is_of_block &= (block.started_s <= sent_s) & (sent_s <= block.finished_s) & ~rows.is_warmup & ~rows.is_first
    waits = rows.where(is_of_block).values("ttft")[:, 0]
    waits = waits[~np.isnan(waits)]
    return float(np.median(waits)) if waits.size else 0.0

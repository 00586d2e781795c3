"""The machine a run happened on."""

import msgspec

BETWEEN_ARRIVALS = frozenset({"itl", "tpot", "decode_tps", "longest_stall"})
"""Metrics of the time between two arrivals. A client that reads late what lay ready makes it shorter, and not only longer as other times."""


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """What a reader needs to judge whether two runs are alike. No host name, no user name, no address."""

    system: str  # e.g. "Linux 6.1"
    architecture: str  # e.g. "x86_64"
    cpu: str
    cores: int
    memory_bytes: int | None
    gpus: tuple[str, ...] = ()
    python: str = ""
    swap_bytes: int | None = None
    governor: str = ""  # how Linux chooses the processors' clocks; empty where it does not say


class ClientHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How well the measuring process kept up during one block: a line of `telemetry/<worker>.jsonl`.

    `lag_*` is the event loop's lateness (s) against a timer of 10 ms; `cpu_share` is the measuring process's CPU seconds per wall second.
    Saturated: p99 lag above 5 ms, or above 5 % of the median TTFT when that is larger (measurement.md §1.3), unless all arrivals carry the kernel's
    stamp and the requests left in time all the same (`bench.summarize.health`); or the thread that measures waited for a processor for more than a
    quarter of the time that it wanted one (`cpu_wait_share`), where its lag is more than 1 ms and 1 % of the median TTFT.

    `asked_in_flight` is what a closed loop asks for, `in_flight` the mean number between the first send and the last. `asked_per_s` and `sent_per_s`
    are rates of arrivals and of sends, `send_delay_*` how long after its arrival a request was sent (open loop). Warm-up requests count in none.
    """

    worker: str
    treatment_digests: tuple[str, ...]
    started_s: float
    finished_s: float
    lag_p50_s: float
    lag_p99_s: float
    lag_max_s: float
    cpu_share: float
    keep_alive_requests: int = 0
    stopped_by: str | None = None  # the stop rule or "interrupt" that ended the block early
    requests: int = 0  # attempts that were sent
    new_connections: int = 0  # of them, over a connection that was set up for them
    process_stamped: int | None = None  # answers in which an arrival was stamped by this process, after the read, and not by the kernel
    asked_in_flight: int | None = None
    in_flight: float | None = None
    asked_per_s: float | None = None
    sent_per_s: float | None = None
    send_delay_p50_s: float | None = None
    send_delay_p99_s: float | None = None
    cpu_wait_share: float | None = None  # None where the system does not say
    # The system's monotonic clock (ns) at the zero of this worker's seconds: lays a server's log on the same axis, until the machine restarts.
    clock_zero_ns: int | None = None
    model_ids: tuple[str, ...] = ()
    load_ended: str | None = None  # why the load itself ended before its last step (`sweep`): the rest of the block's trials is not needed

"""How wrong the ruler is on this machine: what a self-test found."""

from typing import Literal

import msgspec

from bench.records.machine import Machine


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """How `n` values lie. Unit: s."""

    n: int
    p50_s: float
    p99_s: float
    max_s: float


class ServedTruth(msgspec.Struct, frozen=True, kw_only=True):
    """What really happened to one request, by the server's clock (ns, shared by the processes of a machine).

    `came_ns`: the request reached the server (kernel's time where there is one). `sends_ns`: just before each write of content.
    """

    came_ns: int
    sends_ns: tuple[int, ...]
    end_ns: int


class SelfTest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The client measured against a server that knows when it sent: `selftest.json`, and a calibration in the cache.

    Every error holds the trip through the loopback and whatever delayed the server between its stamp and its write, so it is an upper bound of the
    client's own. `ttft_error`: TTFT seen − (first content sent − request arrived). `chunk_lateness`: arrival stamp − send stamp, per chunk.
    `itl_error`: size of the change of lateness from chunk to chunk. `latency_error`: the same as `ttft_error` for the end of the answer.
    `connect`: set-up of connections, which is in no latency. `in_flight`: mean number of requests at the server while more were waiting to be sent.
    `reads_well_from_s`: the shortest TTFT (latency, when nothing is streamed) of which the error's p99 is at most 1 %.
    """

    measured_at: str
    machine: Machine
    bench_version: str
    client: str
    concurrency: int
    is_streamed: bool
    ttft_sent_s: float  # what the server was told to do
    itl_sent_s: float
    requests: int
    failed: int
    duration_s: float
    stamped_by: Literal["kernel", "process", "both"]
    latency_error: Spread
    ttft_error: Spread | None = None
    chunk_lateness: Spread | None = None
    itl_error: Spread | None = None
    connect: Spread | None = None
    in_flight: float | None = None
    lag_p50_s: float
    lag_p99_s: float
    cpu_share: float
    cpu_wait_share: float | None = None
    is_saturated: bool
    reads_well_from_s: float
    verdict: str

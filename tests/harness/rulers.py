"""A self-test as it might have been found, and clients that are late on purpose."""

import time

from bench.providers.openai_chat import OpenAIChat
from bench.records.machine import Machine
from bench.records.selftest import SelfTest, Spread

MACHINE = Machine(system="Linux 6.1", architecture="x86_64", cpu="a CPU", cores=2, memory_bytes=2**33)


def spread(p99_ms, n=100):
    return Spread(n=n, p50_s=p99_ms / 4000, p99_s=p99_ms / 1000, max_s=p99_ms / 500)


def selftest(**changes):
    found = {
        "measured_at": "2026-11-22T10:00:00+00:00", "machine": MACHINE, "bench_version": "0.1.0", "client": "wire", "concurrency": 4,
        "is_streamed": True, "ttft_sent_s": 0.01, "itl_sent_s": 0.002, "requests": 100, "failed": 0, "duration_s": 1.2, "stamped_by": "kernel",
        "latency_error": spread(0.1), "ttft_error": spread(0.08), "chunk_lateness": spread(0.02, 1600), "itl_error": spread(0.03, 1500),
        "connect": spread(0.4, 4), "in_flight": 3.98, "lag_p50_s": 0.0001, "lag_p99_s": 0.0004, "cpu_share": 0.2, "is_saturated": False,
        "reads_well_from_s": 0.008, "verdict": "Good enough.",
    }  # fmt: skip
    return SelfTest(**{**found, **changes})


class Blocking(OpenAIChat):
    """A client that keeps its own event loop from working for 20 ms with every request."""

    async def call(self, *arguments, **named):
        time.sleep(0.02)  # noqa: ASYNC251 - blocking is the point
        return await super().call(*arguments, **named)

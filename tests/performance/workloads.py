"""The workloads: how many requests, how many at once, what the server does."""

from typing import NamedTuple


class Workload(NamedTuple):
    """`ttft_ms` and `itl_ms` are the server's schedule; both 0: it sends as fast as it can."""

    what: str
    requests: int
    concurrency: int
    chunks: int
    ttft_ms: float = 0.0
    itl_ms: float = 0.0
    is_stream: bool = True
    per_write: int = 1
    is_role_first: bool = False

    @property
    def ideal_s(self) -> float:
        """The shortest time in which a closed loop can have all answers."""
        rounds = -(-self.requests // self.concurrency)
        return rounds * (self.ttft_ms + self.itl_ms * (self.chunks - 1)) / 1000

    def server_words(self) -> list[str]:
        """The mock server's options."""
        words = ["--ttft-ms", str(self.ttft_ms), "--itl-ms", str(self.itl_ms), "--chunks", str(self.chunks), "--per-write", str(self.per_write)]
        return [*words, "--role-first"] if self.is_role_first else words


WORKLOADS = {
    "W0": Workload("start-up and report only", 2, 1, 2),
    "W1": Workload("flood", 2000, 64, 128),
    "W1b": Workload("flood, 16 chunks per write", 2000, 64, 128, per_write=16),
    "W2": Workload("64 paced streams", 512, 64, 64, 200, 10),
    "W3": Workload("256 paced streams", 1024, 256, 64, 200, 10),
    "W4": Workload("one paced stream at a time", 20, 1, 64, 200, 10),
    "W5": Workload("plain calls of 100 ms", 1000, 64, 32, 100, 0, is_stream=False),
    "W6": Workload("W2 with the empty role chunk sent at once", 512, 64, 64, 200, 10, is_role_first=True),
    "W7": Workload("many short streams", 20_000, 64, 32),
    "W8": Workload("plain calls without delay", 10_000, 64, 32, is_stream=False),
}

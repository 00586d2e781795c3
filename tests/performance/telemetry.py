"""What telemetry costs: CPU of its thread against one core, and TTFT with it against without it, in blocks that take turns.

    python tests/performance/telemetry.py [--pairs 10] [--requests 40] [--interval 0.2] [--concurrency 4]

Each pair is a block without readings and one with them, in an order that is drawn; both send the same requests over the real wire to the mock server
in a process of its own, which waits 20 ms before an answer's first chunk. The difference of the blocks' medians has its interval by the sign-flip
test that compares runs (`bench/stats/paired.py`). Run it by hand on a machine with nothing else to do; docs/telemetry.md quotes it.
"""

import argparse
import re
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import msgspec
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from harness.runs import trial

from bench.catalog import REGISTRY
from bench.clock import Clock
from bench.execute import loop
from bench.execute.engine import ExecutionSettings, run_block
from bench.execute.load.closed import Closed
from bench.execute.progress import Silent
from bench.execute.seat import Seat
from bench.execute.stop import StopRules
from bench.records.plan import Block, Treatment
from bench.records.serving import Endpoint
from bench.records.spec import Limits, Load, ModelSpec, Telemetry
from bench.records.telemetry import TelemetryEnd
from bench.stats.paired import sign_flips
from bench.telemetry.family import listener
from bench.telemetry.recorder import Recorder, Recording

KEY = ("m", "d")


def server() -> tuple[subprocess.Popen[str], str]:
    """The mock server in a process of its own, and where it listens."""
    words = [sys.executable, "-m", "bench.providers.mock_server", "--set", "ttft_ms=20", "--set", "itl_ms=2", "--set", "n=8"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    found = re.search(r"http://\S+", process.stdout.readline())
    assert found is not None
    return process, found.group().rstrip("/")


def block(requests: int) -> Block:
    """So many requests to one model."""
    trials = tuple(msgspec.structs.replace(trial("m", f"p{n}", n), treatment_digest="d") for n in range(requests))
    treatment = Treatment(model_id="m", variant_id="default", digest="d", optional=False, model=ModelSpec(id="m", runtime="external"))
    return Block(treatments=(treatment,), trials=trials)


def median_ttft_s(base_url: str, requests: int, concurrency: int) -> float:
    """Measure one block."""
    clock, seen = Clock(), []
    seat = Seat(endpoint=Endpoint(base_url=base_url, served_model="mock", owned=False), provider=REGISTRY.load("provider", "wire"))
    settings = ExecutionSettings(load=Closed(Load(kind="closed", concurrency=concurrency)), seed=1, retries=0, timeout_s=10.0, keep_alive_s=None)
    stop = StopRules(Limits(), clock)
    loop.run(run_block(block(requests), {KEY: seat}, settings, seen.append, Silent(), stop, clock, "w1"))
    waits = [one.timing.first_token_s - one.timing.sent_s for one in seen[concurrency:] if one.timing.first_token_s is not None]
    return float(np.median(waits))


def main() -> None:
    """Measure, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--interval", type=float, default=0.2)
    parser.add_argument("--concurrency", type=int, default=4)
    asked = parser.parse_args()
    process, base_url = server()
    chance, ends, effects, without = np.random.default_rng(1), [], [], []
    try:
        median_ttft_s(base_url, 20, asked.concurrency)
        for _ in range(asked.pairs):
            both = {}
            for is_read in chance.permutation([False, True]).tolist():
                time.sleep(0.2)  # the same pause before either, so that both begin alike
                both[is_read] = measured(base_url, asked, ends) if is_read else median_ttft_s(base_url, asked.requests, asked.concurrency)
            effects.append(both[True] - both[False])
            without.append(both[False])
    finally:
        process.terminate()
        process.wait(5)
    cpu_s, span_s, readings = (sum(getattr(end, name) for end in ends) for name in ("cpu_s", "span_s", "readings"))
    found = sign_flips(np.array(effects), chance)
    lines = (
        f"{readings} readings in {span_s:.1f} s: {cpu_s / span_s:.2%} of one core, {cpu_s / readings * 1e3:.2f} ms each",
        f"longest reading {max(end.longest_s for end in ends) * 1e3:.1f} ms",
        f"TTFT p50 without: {np.median(without) * 1e3:.3f} ms; with readings {np.median(effects) * 1e6:+.0f} µs (median of {asked.pairs} pairs)",
        f"sign flips: p = {found.p:.3f}; mean {found.mean * 1e6:+.0f} µs, 95 % interval {_micro(found.low)} to {_micro(found.high)}",
    )
    sys.stdout.write("\n".join(lines) + "\n")


def _micro(value: float | None) -> str:
    return "none" if value is None else f"{value * 1e6:+.0f} µs"


def measured(base_url: str, asked: argparse.Namespace, ends: list[TelemetryEnd]) -> float:
    """One block with all built-in sources that are here."""
    clock, lines = Clock(), []
    recorder = Recorder(
        Recording(
            wanted=Telemetry(interval_s=asked.interval),
            sources={name: partial(REGISTRY.load, "telemetry", name) for name in REGISTRY.names("telemetry")},
            now_s=clock.now_s,
            zero_ns=clock.zero_ns,
            cores=1,
            memory_bytes=None,
            write=lines.append,
        )
    )
    recorder.open()
    with recorder.block({KEY: listener(int(base_url.split(":")[2].split("/", maxsplit=1)[0]))}):
        found = median_ttft_s(base_url, asked.requests, asked.concurrency)
    recorder.close()
    ends += [line for line in lines if isinstance(line, TelemetryEnd)]
    return found


if __name__ == "__main__":
    main()

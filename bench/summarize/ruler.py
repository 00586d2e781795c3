"""The ruler's error: what the client saw of each request against what the server really did."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from bench.records.exchange import Completion, Timing
from bench.records.sample import Sample
from bench.records.selftest import ServedTruth, Spread
from bench.stats.quantile import Floats, quantile


class RulerError(NamedTuple):
    """What `SelfTest` says under the same names."""

    latency: Spread
    ttft: Spread | None
    chunk_lateness: Spread | None
    itl: Spread | None
    connect: Spread | None
    in_flight: float | None


def ruler_error(samples: Sequence[Sample], truth: Mapping[str, ServedTruth], zero_ns: int, concurrency: int) -> RulerError | None:
    """The errors of every answered request with a known truth (by trial id); None when there is none.

    An answer whose chunks do not match the server's one to one is left out of the errors per chunk.
    """
    pairs = [(sample.timing, truth[sample.trial_id]) for sample in samples if isinstance(sample.outcome, Completion) and sample.trial_id in truth]
    if not pairs:
        return None
    late = [lateness for timing, served in pairs if (lateness := _lateness(timing, served, zero_ns)) is not None]
    came = [(served.came_ns - zero_ns) * 1e-9 - timing.sent_s for timing, served in pairs]
    ends = [timing.finished_s - (served.end_ns - zero_ns) * 1e-9 + way for (timing, served), way in zip(pairs, came, strict=True)]
    first = [
        timing.first_token_s - (served.sends_ns[0] - zero_ns) * 1e-9 + way
        for (timing, served), way in zip(pairs, came, strict=True)
        if timing.first_token_s is not None and served.sends_ns
    ]
    connects = [sample.timing.connect_s for sample in samples if sample.timing.connect_s is not None]
    return RulerError(
        latency=spread(np.array(ends)) or Spread(n=0, p50_s=0.0, p99_s=0.0, max_s=0.0),
        ttft=spread(np.array(first)),
        chunk_lateness=spread(np.concatenate(late)) if late else None,
        itl=spread(np.concatenate([np.abs(np.diff(each)) for each in late])) if late else None,
        connect=spread(np.array(connects)),
        in_flight=in_flight([(served.came_ns * 1e-9, served.end_ns * 1e-9) for _, served in pairs], concurrency),
    )


def _lateness(timing: Timing, served: ServedTruth, zero_ns: int) -> Floats | None:
    arrivals = timing.token_s
    if not arrivals or len(arrivals) != len(served.sends_ns):
        return None
    sends = (np.array(served.sends_ns, dtype=np.int64) - zero_ns).astype(np.float64) * 1e-9
    late: Floats = np.array(arrivals, dtype=np.float64) - sends
    return late


def spread(values: Floats) -> Spread | None:
    """Median, p99 and the largest; None without values. Shape: `values: float64[n]`, in seconds.

    >>> spread(np.array([0.001, 0.002, 0.003])).p50_s
    0.002
    """
    if not values.size:
        return None
    return Spread(
        n=int(values.size), p50_s=round(quantile(values, 0.5), 9), p99_s=round(quantile(values, 0.99), 9), max_s=round(float(values.max()), 9)
    )


def in_flight(spans: Sequence[tuple[float, float]], concurrency: int) -> float | None:
    """Mean number of requests in flight from when all places were first taken until the last request began; None for too few requests.

    Three requests of a second each, one right after the other, and then half a second late:

    >>> in_flight([(0.0, 1.0), (1.0, 2.0), (2.5, 3.5)], 1)
    0.8
    """
    if len(spans) <= concurrency:
        return None
    starts = np.sort(np.array([start for start, _ in spans]))
    begin, end = float(starts[concurrency - 1]), float(starts[-1])
    if end <= begin:
        return None
    inside = sum(max(0.0, min(stop, end) - max(start, begin)) for start, stop in spans)
    return round(inside / (end - begin), 6)

"""What the server knows against what a client says: truth, errors, and the figures of one line."""

import json
import struct
from array import array
from pathlib import Path
from typing import NamedTuple

from workloads import Workload

from bench.records.sample import Sample
from bench.store.layout import RunLayout
from bench.store.reader import read_health, read_plan, read_samples

PROMPTS_APART = 1_000_000  # the server's tag is the prompt's number plus a million times the seed


class Truth(NamedTuple):
    """One request as the server saw it. Unit: ns of CLOCK_MONOTONIC."""

    received: int
    ended: int
    connection: int
    sent: list[int]


class Seen(NamedTuple):
    """One request as a client saw it. Unit: ns of CLOCK_MONOTONIC."""

    sent: int
    stamps: list[int]


def read_truth(path: Path) -> dict[int, Truth]:
    """The server's log by tag."""
    found = {}
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            said = json.loads(line)
            found[said["tag"]] = Truth(said["received"], said["ended"], said["connection"], said["sent"])
    return found


def read_seen(path: Path) -> dict[int, Seen]:
    """The stamps that a raw client or a loop wrote: tag, send time, number, stamps."""
    numbers = array("q", path.read_bytes())
    found, at = {}, 0
    while at < len(numbers):
        tag, sent, n = numbers[at : at + 3]
        found[tag] = Seen(sent, numbers[at + 3 : at + 3 + n].tolist())
        at += 3 + n
    return found


def write_seen(path: Path, seen: dict[int, Seen]) -> None:
    """The same, written."""
    with path.open("wb") as file:
        for tag, one in seen.items():
            file.write(struct.pack(f"{3 + len(one.stamps)}q", tag, one.sent, len(one.stamps), *one.stamps))


def read_run(folder: Path) -> tuple[dict[int, Seen], dict[str, int]]:
    """What a run folder says, on the server's clock, and how often which stamp was used and which answer failed."""
    layout = RunLayout(folder)
    zero = next(health.clock_zero_ns for health in read_health(layout))
    tags = {
        trial.id: int(trial.prompt_id.removeprefix("tag-")) + PROMPTS_APART * (trial.seed or 0)
        for block in read_plan(layout).blocks
        for trial in block.trials
    }
    found: dict[int, Seen] = {}
    counts: dict[str, int] = {}
    for sample in read_samples(layout):
        kind = sample.timing.stamped_by if hasattr(sample.outcome, "text") else f"failed: {sample.outcome.kind}"
        counts[kind] = counts.get(kind, 0) + 1
        found[tags[sample.trial_id]] = _seen(sample, zero)
    return found, counts


def _seen(sample: Sample, zero: int) -> Seen:
    timing = sample.timing
    stamps = timing.token_s or (timing.finished_s,)
    return Seen(zero + round(timing.sent_s * 1e9), [zero + round(at * 1e9) for at in stamps])


def percentile(values: list[float], level: float) -> float | None:
    """Linear interpolation between order statistics."""
    if not values:
        return None
    ordered = sorted(values)
    place = level * (len(ordered) - 1)
    low = int(place)
    return ordered[low] + (ordered[min(low + 1, len(ordered) - 1)] - ordered[low]) * (place - low)


def figures(workload: Workload, truth: dict[int, Truth], seen: dict[int, Seen]) -> dict[str, float | int | None]:
    """Delivered load from the truth, and the client's errors against it. Unit: ms where the name says so."""
    first, last = min(one.received for one in truth.values()), max(one.ended for one in truth.values())
    span_s = (last - first) * 1e-9
    pairs = [(truth[tag], one) for tag, one in seen.items() if tag in truth and len(one.stamps) == len(truth[tag].sent)]
    extra = [((one.stamps[0] - one.sent) - (true.sent[0] - true.received)) * 1e-6 for true, one in pairs]
    late = [(at - sent) * 1e-6 for true, one in pairs for at, sent in zip(one.stamps, true.sent, strict=True)]
    return {
        "matched": len(pairs),
        "connections": len({one.connection for one in truth.values()}),
        "span_s": span_s,
        "span_over_ideal": span_s / workload.ideal_s if workload.ideal_s else None,
        "in_flight_mean": sum(one.ended - one.received for one in truth.values()) * 1e-9 / span_s if span_s else None,
        "requests_per_s": len(truth) / span_s if span_s else None,
        "ttft_extra_p50_ms": percentile(extra, 0.5),
        "ttft_extra_p99_ms": percentile(extra, 0.99),
        "chunk_late_p50_ms": percentile(late, 0.5),
        "chunk_late_p99_ms": percentile(late, 0.99),
        "first_received_ns": first,
    }

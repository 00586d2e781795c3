"""What it took to have a model up: load, memory, disk, and the first request after a load."""

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np

from bench.records.estimate import Estimate, Group
from bench.records.serving import ModelStatus
from bench.stats.cluster import ratio_interval
from bench.summarize.estimates import tidy
from bench.summarize.rows import Rows
from bench.summarize.table import Cell


class Fact(NamedTuple):
    """A figure of one load. Over several loads: their mean, or what was the most."""

    name: str
    unit: Literal["s", "B"]
    read: Callable[[ModelStatus], float | None]
    over_loads: Literal["mean", "max"]


FACTS = (
    Fact("load_s", "s", lambda status: status.endpoint.load_s if status.endpoint else None, "mean"),
    Fact("download_s", "s", lambda status: status.download_s, "max"),
    Fact("rss_loaded_bytes", "B", lambda status: status.rss_loaded_bytes, "mean"),
    Fact("rss_peak_bytes", "B", lambda status: status.rss_peak_bytes, "max"),
    Fact("gpu_bytes", "B", lambda status: status.gpu_bytes, "max"),
    Fact("disk_bytes", "B", lambda status: status.disk_bytes, "max"),
)


def loads(statuses: Sequence[ModelStatus]) -> list[ModelStatus]:
    """The last line about each load of a cell: lines that agree in process and load time speak of one load."""
    served = {(status.endpoint.pid, status.endpoint.load_s): status for status in statuses if status.state == "served" and status.endpoint}
    return list(served.values())


def serving_facts(cell: Cell, statuses: Sequence[ModelStatus], rows: Rows) -> Iterator[Estimate]:
    """One estimate per fact that is known, with n = number of loads; `rows` are all trials of the cell, warm-up included."""
    for fact in FACTS:
        values = [value for status in loads(statuses) if (value := fact.read(status)) is not None]
        if values:
            yield _estimate(cell, fact, values)
    ttft = rows.where(rows.is_first).values("ttft")[:, 0]
    if first := ttft[~np.isnan(ttft)].tolist():
        yield _estimate(cell, Fact("first_request_ttft", "s", lambda _: None, "mean"), first)


def _estimate(cell: Cell, fact: Fact, values: Sequence[float]) -> Estimate:
    """Loads are independent of each other; a single one, or the most of several, has no interval."""
    array = np.array(values, dtype=np.float64)
    interval = ratio_interval(array, np.ones(array.size)) if fact.over_loads == "mean" and array.size > 1 else None
    return Estimate(
        metric=fact.name,
        statistic="value",
        unit=fact.unit,
        better="lower",
        group=Group(model_id=cell.model_id, variant_id=cell.variant_id),
        value=tidy(float(array.mean() if fact.over_loads == "mean" else array.max())),
        low=tidy(max(0.0, interval.low)) if interval and interval.low is not None else None,
        high=tidy(interval.high) if interval else None,
        n=array.size,
        clusters=0,
        method="one load" if array.size == 1 else "mean of loads, t over loads" if interval else "most of all loads",
        note="one load: no interval" if array.size == 1 and fact.over_loads == "mean" else None,
    )

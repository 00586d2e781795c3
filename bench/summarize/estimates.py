"""Rows to estimates: how a metric's values become numbers with intervals.

The unit that varies independently is the prompt: rounds of one prompt are not independent. Within one prompt (a per-prompt estimate, or an
experiment of one prompt) it is the trial, and the interval speaks of this prompt alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.protocols import Metric
from bench.records.estimate import Estimate, Group, Statistic
from bench.stats.cluster import Ids, cluster_sums, clustered_quantile_intervals, mean_interval, ratio_interval
from bench.stats.interval import Interval
from bench.stats.quantile import Floats, quantile_intervals, quantiles
from bench.stats.wilson import share_interval
from bench.summarize.many import UNITS
from bench.summarize.rows import Index, Row, Rows
from bench.summarize.table import is_timed

QUANTILES: tuple[tuple[Statistic, float], ...] = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
FURTHER: tuple[Statistic, ...] = ("p90", "max")
"""Statistics of times that are only made where a gate looks at them."""

_LEVELS = (*QUANTILES, ("p90", 0.9))


class Gathered(NamedTuple):
    """The values of one metric in one group. Shape: `values: float64[n, width]`; `units: int[n]` says whose they are; `prompts` counts prompts.

    `weights`: how often each value occurs, where they are means of bins; None: once each.
    """

    values: Floats
    units: Ids
    unit_name: str
    prompts: int
    failed: int
    not_applicable: int
    weights: Ids | None = None

    @property
    def n(self) -> int:
        """How many values there are."""
        return len(self.values) if self.weights is None else int(self.weights.sum())


class Subject(NamedTuple):
    """What an estimate is of."""

    name: str
    unit: str
    better: Literal["lower", "higher", "neither"]
    group: Group


class Finding(NamedTuple):
    """One statistic and its interval."""

    statistic: Statistic
    value: float
    interval: Interval


def gather(name: str, metric: Metric, rows: Rows, values: Floats | None = None) -> Gathered:
    """Values of a metric, and the trials that gave none: failed ones apart from those it does not apply to. `values`: of `rows`, if read before."""
    values = rows.values(name) if values is None else values
    has_failed = rows.codes("failure") > 0
    has_value = ~np.isnan(values[:, 0])
    if is_timed(metric):
        has_value &= ~rows.is_first
    if not rows.has_many(name):
        if has_value.all():
            return gathered(values, None, rows, (0, 0))
        silent = has_failed[~has_value]
        return gathered(values[has_value], np.flatnonzero(has_value), rows, (int(silent.sum()), int(silent.size - silent.sum())))
    return _gather_many(name, metric, rows, values, has_value)


def _gather_many(name: str, metric: Metric, rows: Rows, values: Floats, has_value: NDArray[np.bool_]) -> Gathered:
    """As `gather`, of a metric with several values per trial."""
    pooled = rows.many(name)
    has_failed = rows.codes("failure") > 0
    if pooled.weights is None:
        order = np.argsort(rows.numbers, kind="stable")
        places = order[np.searchsorted(rows.numbers, pooled.units, sorter=order)]
        if is_timed(metric):
            kept = ~rows.is_first[places]
            places, pooled = places[kept], pooled._replace(values=pooled.values[kept])
        has_many = np.zeros(len(rows), dtype=np.bool_)
        has_many[places] = True
        silent = has_failed[~(has_value | has_many)]
        both = np.concatenate((values[has_value], pooled.values[:, None]))
        owners = np.concatenate((np.flatnonzero(has_value), places))
        return gathered(both, owners, rows, (int(silent.sum()), int(silent.size - silent.sum())))
    unit_name = "trials" if pooled.n_prompts == 1 else "prompts" if pooled.n_prompts <= UNITS else "groups of prompts"
    failed = int((has_failed & ~has_value).sum())
    return Gathered(pooled.values[:, None], pooled.units.astype(np.intp), unit_name, pooled.n_prompts, failed, 0, pooled.weights)


def gathered(values: Floats, owners: Index | None, rows: Rows, silent: tuple[int, int]) -> Gathered:
    """Values with the units they belong to: prompts, or the trials of the only prompt.

    Shape: `values: float64[n, width]`, `owners: int[n]`, places in `rows`, None: each row has one. `silent`: how many trials gave none, failed and
    not applicable.
    """
    codes = rows.codes("prompt") if owners is None else rows.codes("prompt")[owners]
    present = np.flatnonzero(np.bincount(codes, minlength=1))
    if present.size > 1:
        words = rows.words("prompt")
        rank = np.zeros(int(present.max()) + 1, dtype=np.int32)
        rank[sorted(present.tolist(), key=lambda code: words[code])] = np.arange(present.size)
        units: NDArray[Any] = rank[codes]
    elif owners is None:
        units = np.arange(codes.size, dtype=np.int32)
    else:
        units = np.unique(owners, return_inverse=True)[1].astype(np.int32)
    return Gathered(values, units, "prompts" if present.size > 1 else "trials", present.size, *silent)


def estimate(  # noqa: PLR0913, PLR0917 - what is estimated, of what, and with which chance
    name: str, metric: Metric, group: Group, rows: Sequence[Row], seed: int, values: Floats | None = None, further: Sequence[Statistic] = ()
) -> Iterator[Estimate]:
    """All estimates of a metric for a group of measured trials; one prompt's quantiles are its median alone. `further`: of `FURTHER`, too."""
    seen = gather(name, metric, Rows.of(rows), values)
    wanted = _statistics(metric, is_one_prompt=group.prompt_id is not None)
    if metric.aggregate == "quantiles":
        wanted = (*wanted, *further)
    found = {finding.statistic: finding for finding in _findings(metric.unit, seen, wanted, seed)} if len(seen.values) else {}
    subject = Subject(name, metric.unit, metric.better, group)
    for statistic in wanted:
        yield told(subject, statistic, seen, found.get(statistic))


def _statistics(metric: Metric, *, is_one_prompt: bool) -> tuple[Statistic, ...]:
    if metric.aggregate != "quantiles":
        return (metric.aggregate,)
    return ("p50",) if is_one_prompt else (*(statistic for statistic, _ in QUANTILES), "mean")


def _findings(unit: str, seen: Gathered, wanted: Sequence[Statistic], seed: int) -> Iterator[Finding]:
    first = seen.values[:, 0]
    if shares := {statistic: p for statistic, p in _LEVELS if statistic in wanted}:
        yield from _quantiles(seen, shares, seed)
    if "max" in wanted:
        yield Finding("max", float(first.max()), Interval(low=None, high=None, method="the most that was seen", have=seen.n, needed=seen.n))
    if "mean" in wanted:
        is_bounded = unit == "score" and float(first.min()) >= 0 and float(first.max()) <= 1
        weights = seen.weights
        interval = (share_interval if is_bounded else mean_interval)(first, seen.units) if weights is None else _weighted_mean(seen, weights)
        yield Finding("mean", float(np.average(first, weights=seen.weights)), interval)
    if "share" in wanted:
        yield Finding("share", float(first.mean()), share_interval(first, seen.units))
    if "ratio" in wanted and (finding := ratio(seen)) is not None:
        yield finding


def _weighted_mean(seen: Gathered, weights: Ids) -> Interval:
    """The interval of the mean of values that occur several times."""
    sums, _ = cluster_sums(seen.values[:, 0] * weights, seen.units)
    counts = np.bincount(seen.units, weights=weights).astype(np.float64)
    return ratio_interval(sums, counts[counts > 0])


def ratio(seen: Gathered) -> Finding | None:
    """The ratio of sums of (numerator, denominator) pairs; None when the denominators sum to nothing."""
    numerators, _ = cluster_sums(seen.values[:, 0], seen.units)
    denominators, _ = cluster_sums(seen.values[:, 1], seen.units)
    if not denominators.sum() > 0:
        return None
    return Finding("ratio", float(numerators.sum() / denominators.sum()), ratio_interval(numerators, denominators))


def _quantiles(seen: Gathered, shares: Mapping[Statistic, float], seed: int) -> Iterator[Finding]:
    values, ps = seen.values[:, 0], tuple(shares.values())
    found = quantiles(values, ps, seen.weights)
    if seen.weights is None and np.bincount(seen.units).max() == 1:
        intervals = quantile_intervals(values, ps)
    else:
        intervals = clustered_quantile_intervals(values, seen.units, ps, seed, weights=seen.weights)
        if seen.weights is not None:
            intervals = [interval._replace(method=f"{interval.method}; values in bins of 1 %") for interval in intervals]
    for statistic, value, interval in zip(shares, found, intervals, strict=True):
        yield Finding(statistic, value, interval)


def told(subject: Subject, statistic: Statistic, seen: Gathered, finding: Finding | None) -> Estimate:
    """An estimate as it is stored: both bounds or none, with the reason."""
    interval = finding.interval if finding and finding.interval.is_whole else None
    return Estimate(
        metric=subject.name,
        statistic=statistic,
        unit=subject.unit,
        better=subject.better,
        group=subject.group,
        value=tidy(finding.value) if finding else None,
        low=tidy(_within(interval.low, subject.unit)) if interval else None,
        high=tidy(_within(interval.high, subject.unit)) if interval else None,
        n=seen.n,
        clusters=seen.prompts,
        method=finding.interval.method.replace("clusters", seen.unit_name) if finding else "no value",
        failed=seen.failed,
        not_applicable=seen.not_applicable,
        note=_note(seen, finding, subject.group),
    )


def _note(seen: Gathered, finding: Finding | None, group: Group) -> str | None:
    if finding is None:
        return f"no value: {seen.failed} failed, not applicable to {seen.not_applicable}"
    if finding.statistic == "max":
        return None
    if not finding.interval.is_whole:
        have, needed = finding.interval.have, finding.interval.needed
        return f"n too small for an interval: {have} of {needed}" + (f" {seen.unit_name}" if seen.n > have else "")
    if seen.prompts == 1 and group.prompt_id is None:
        return "one prompt: the interval covers repeats of it, not other prompts"
    return None


def _within(bound: float | None, unit: str) -> float | None:
    """A bound, kept where the quantity can be: times, counts and rates are not negative, shares and scores lie in 0–1."""
    if bound is None:
        return None
    return min(max(bound, 0.0), 1.0) if unit in {"share", "score"} else max(bound, 0.0) if unit in {"s", "tokens", "tokens/s", "1/s"} else bound


def tidy(value: float | None) -> float | None:
    """Twelve significant digits: what is left of a sum whatever the processor's order of adding."""
    return None if value is None else float(f"{value:.12g}")

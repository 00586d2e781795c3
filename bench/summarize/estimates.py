"""Rows to estimates: how a metric's values become numbers with intervals.

The unit that varies independently is the prompt: rounds of one prompt are not independent. Within one prompt (a per-prompt estimate, or an
experiment of one prompt) it is the trial, and the interval speaks of this prompt alone.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np

from bench.protocols import Metric
from bench.records.estimate import Estimate, Group, Statistic
from bench.stats.cluster import Ids, cluster_sums, clustered_quantile_interval, mean_interval, ratio_interval
from bench.stats.interval import Interval
from bench.stats.quantile import Floats, quantile, quantile_interval
from bench.stats.wilson import share_interval
from bench.summarize.rows import Row, is_timed

QUANTILES: tuple[tuple[Statistic, float], ...] = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))


class Gathered(NamedTuple):
    """The values of one metric in one group. Shape: `values: float64[n, width]`; `units: int[n]` says whose they are; `prompts` counts prompts."""

    values: Floats
    units: Ids
    unit_name: str
    prompts: int
    failed: int
    not_applicable: int


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


def gather(name: str, metric: Metric, rows: Iterable[Row]) -> Gathered:
    """Values of a metric, and the trials that gave none: failed ones apart from those it does not apply to."""
    width = 2 if metric.aggregate == "ratio" else 1
    arrays: list[Floats] = []
    owners: list[Row] = []
    failed = not_applicable = 0
    for row in rows:
        values = None if row.is_first and is_timed(metric) else row.values.get(name)
        if values is not None:
            arrays.append(values.reshape(-1, width))
            owners.append(row)
        elif row.failure is not None:
            failed += 1
        else:
            not_applicable += 1
    return gathered(arrays, owners, width, failed, not_applicable)


def gathered(arrays: Sequence[Floats], owners: Sequence[Row], width: int, failed: int, not_applicable: int) -> Gathered:
    """Values with the units they belong to: prompts, or the trials of the only prompt. Shape: each array `float64[m, width]`, one per owner."""
    prompts = len({row.prompt_id for row in owners})
    names = [row.prompt_id if prompts > 1 else row.trial_id for row in owners]
    _, index = np.unique(np.array(names, dtype=str), return_inverse=True)
    units = np.repeat(index.astype(np.intp), [len(array) for array in arrays])
    values = np.concatenate(arrays) if arrays else np.empty((0, width))
    return Gathered(values, units, "prompts" if prompts > 1 else "trials", prompts, failed, not_applicable)


def estimate(name: str, metric: Metric, group: Group, rows: Sequence[Row], seed: int) -> Iterator[Estimate]:
    """All estimates of a metric for a group of measured trials; one prompt's quantiles are its median alone."""
    seen = gather(name, metric, rows)
    wanted = _statistics(metric, is_one_prompt=group.prompt_id is not None)
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
    for statistic, p in QUANTILES:
        if statistic in wanted:
            yield Finding(statistic, quantile(first, p), _quantile_interval(first, seen.units, p, seed))
    if "mean" in wanted:
        is_bounded = unit == "score" and float(first.min()) >= 0 and float(first.max()) <= 1
        yield Finding("mean", float(first.mean()), (share_interval if is_bounded else mean_interval)(first, seen.units))
    if "share" in wanted:
        yield Finding("share", float(first.mean()), share_interval(first, seen.units))
    if "ratio" in wanted and (finding := ratio(seen)) is not None:
        yield finding


def ratio(seen: Gathered) -> Finding | None:
    """The ratio of sums of (numerator, denominator) pairs; None when the denominators sum to nothing."""
    numerators, _ = cluster_sums(seen.values[:, 0], seen.units)
    denominators, _ = cluster_sums(seen.values[:, 1], seen.units)
    if not denominators.sum() > 0:
        return None
    return Finding("ratio", float(numerators.sum() / denominators.sum()), ratio_interval(numerators, denominators))


def _quantile_interval(values: Floats, units: Ids, p: float, seed: int) -> Interval:
    if np.bincount(units).max() == 1:
        return quantile_interval(values, p)
    return clustered_quantile_interval(values, units, p, np.random.default_rng(seed))


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
        n=len(seen.values),
        clusters=seen.prompts,
        method=finding.interval.method.replace("clusters", seen.unit_name) if finding else "no value",
        failed=seen.failed,
        not_applicable=seen.not_applicable,
        note=_note(seen, finding, subject.group),
    )


def _note(seen: Gathered, finding: Finding | None, group: Group) -> str | None:
    if finding is None:
        return f"no value: {seen.failed} failed, not applicable to {seen.not_applicable}"
    if not finding.interval.is_whole:
        have, needed = finding.interval.have, finding.interval.needed
        return f"n too small for an interval: {have} of {needed}" + (f" {seen.unit_name}" if len(seen.values) > have else "")
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

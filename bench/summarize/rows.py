"""Observations, reduced to what the summary needs: one small row per trial, so that a long run does not hold its answers in memory."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

from bench.protocols import Metric
from bench.records.exchange import Failure
from bench.records.observation import Observation
from bench.stats.quantile import Floats


class Cell(NamedTuple):
    """A model in a variant: what one line of a report is about."""

    model_id: str
    variant_id: str


class Row(NamedTuple):
    """One trial. `values`: metric -> all its values (two for a ratio: numerator and denominator); no entry where there was none."""

    trial_id: str
    cell: Cell
    prompt_id: str
    round: int
    treatment_digest: str
    is_warmup: bool
    is_first: bool
    worker: str
    step: int | None
    scheduled_s: float
    sent_s: float
    finished_s: float
    failure: str | None
    attempts: int
    prefix: Literal["cold", "warm"] | None
    completion_tokens: int | None
    counted_by: str | None
    finish_reason: str | None
    served_model: str | None
    stamped_by: str
    values: dict[str, Floats]


def is_timed(metric: Metric) -> bool:
    """Whether a metric reads a clock: such metrics leave out the first request after a model was loaded."""
    return metric.unit == "s" or metric.unit.endswith("/s")


def read_rows(observations: Iterable[Observation], metrics: Mapping[str, Metric]) -> list[Row]:
    """Rows in the order of their trial ids, whatever the order of the lines."""
    return sorted((_row(seen, metrics) for seen in observations), key=lambda row: row.trial_id)


def _row(seen: Observation, metrics: Mapping[str, Metric]) -> Row:
    trial, sample, completion = seen.trial, seen.sample, seen.completion
    return Row(
        trial_id=trial.id,
        cell=Cell(trial.model_id, trial.variant_id),
        prompt_id=trial.prompt_id,
        round=trial.round,
        treatment_digest=trial.treatment_digest,
        is_warmup=trial.is_warmup,
        is_first=sample.is_first,
        worker=sample.worker,
        step=trial.step,
        scheduled_s=sample.timing.scheduled_s,
        sent_s=sample.timing.sent_s,
        finished_s=sample.timing.finished_s,
        failure=sample.outcome.kind if isinstance(sample.outcome, Failure) else None,
        attempts=seen.attempts,
        prefix=seen.prefix,
        completion_tokens=completion.usage.completion_tokens if completion else None,
        counted_by=completion.usage.counted_by if completion else None,
        finish_reason=completion.finish_reason if completion else None,
        served_model=completion.served_model if completion else None,
        stamped_by=sample.timing.stamped_by,
        values={name: array for name, metric in metrics.items() if (array := _array(metric.measure(seen))) is not None},
    )


def _array(measured: float | Sequence[float] | None) -> Floats | None:
    """Values as an array; None when there are none, or one is no number (infinite, not a number): no value is better than a wrong one."""
    if measured is None:
        return None
    array = np.atleast_1d(np.asarray(measured, dtype=np.float64))
    return array if array.size and bool(np.all(np.isfinite(array))) else None

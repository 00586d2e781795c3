"""Some thousand trials at a time, laid out in columns: what metrics read, and what is kept of each trial."""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.protocols import Columns
from bench.records.exchange import FailureKind, Gaps, ServerTimings, Usage
from bench.records.observation import Observation
from bench.records.plan import Trial
from bench.stats.quantile import Floats

Mask = NDArray[np.bool_]
Whole = NDArray[np.int64]
Index = NDArray[np.intp]


class _Answered(msgspec.Struct, gc=False, tag="completion"):
    reasoning: str = ""
    finish_reason: str | None = None
    usage: Usage = Usage(counted_by="estimate")
    served_model: str | None = None
    server_timings: ServerTimings | None = None


class _Failed(msgspec.Struct, gc=False, tag="failure"):
    kind: FailureKind


class _Timing(msgspec.Struct, gc=False):
    scheduled_s: float
    sent_s: float
    finished_s: float
    first_byte_s: float | None = None
    first_token_s: float | None = None
    last_token_s: float | None = None
    chunks: int = 0
    gaps_us: tuple[int, ...] = ()
    gaps: Gaps | None = None
    connect_s: float | None = None
    stamped_by: Literal["kernel", "process"] = "process"


class Line(msgspec.Struct, gc=False):
    """All of a sample that is summarised: everything but its text. A `Sample` will do as well."""

    trial_id: str
    outcome: _Answered | _Failed
    timing: _Timing
    worker: str
    is_first: bool = False


class Part(NamedTuple):
    """Trials in the plan's order with their deciding samples (a `Line` or a whole `Sample` each).

    `of`: the kind of each, a trial but for its id, its round and what follows from them. `observations`: the same as wholes, for metrics that can
    read nothing else. `places`: where they stand in the plan, where that is known.
    """

    kinds: Sequence[Trial]
    of: Index
    rounds: Sequence[int]
    samples: Sequence[Any]
    attempts: Sequence[int]
    observations: Sequence[Observation] = ()
    places: Sequence[int] = ()


_NO_USAGE = Usage()
_NO_TIMINGS = ServerTimings()
_NO_ANSWER = _Answered(usage=_NO_USAGE)
_NO_GAPS = msgspec.convert({"p50_us": 0, "p95_us": 0, "p99_us": 0, "max_us": 0}, Gaps)


class Lot(Columns):
    """The columns of a part (`Columns` says what they are), and what else is kept of its trials, failed ones included."""

    def __init__(self, part: Part) -> None:
        """Lay out. Shape: [number of trials], but `gaps_us`."""
        outcomes = [sample.outcome for sample in part.samples]
        timings = [sample.timing for sample in part.samples]
        kinds = [getattr(outcome, "kind", None) for outcome in outcomes]
        answers = [outcome if kind is None else _NO_ANSWER for outcome, kind in zip(outcomes, kinds, strict=True)]
        self.n = len(timings)
        self.failures: list[str | None] = kinds
        self.is_answered = np.array([kind is None for kind in kinds], dtype=np.bool_)
        self.all_scheduled_s = _floats(timing.scheduled_s for timing in timings)
        self.all_sent_s = _floats(timing.sent_s for timing in timings)
        self.all_finished_s = _floats(timing.finished_s for timing in timings)
        self.stamped_by: list[str | None] = [timing.stamped_by for timing in timings]
        self._times(timings)
        self._words(answers)
        self._counts(answers)
        self.bypasses_cache = np.array([kind.request.cache == "bypass" for kind in part.kinds], dtype=np.bool_)[part.of] & self.is_answered

    def _of_answered(self, values: Floats) -> Floats:
        return values if self.is_answered.all() else np.where(self.is_answered, values, np.nan)

    def _times(self, timings: Sequence[Any]) -> None:
        self.scheduled_s, self.sent_s, self.finished_s = map(self._of_answered, (self.all_scheduled_s, self.all_sent_s, self.all_finished_s))
        self.first_byte_s = self._of_answered(_floats(timing.first_byte_s for timing in timings))
        self.first_token_s = self._of_answered(_floats(timing.first_token_s for timing in timings))
        self.last_token_s = self._of_answered(_floats(timing.last_token_s for timing in timings))
        self.connect_s = self._of_answered(_floats(timing.connect_s for timing in timings))
        self.chunks = self._of_answered(_floats(timing.chunks for timing in timings))
        gaps_us = [timing.gaps_us if is_answered else () for timing, is_answered in zip(timings, self.is_answered.tolist(), strict=True)]
        self.n_gaps = np.fromiter(map(len, gaps_us), dtype=np.int64, count=self.n)
        self.gaps_us = np.fromiter(chain.from_iterable(gaps_us), dtype=np.int64, count=int(self.n_gaps.sum()))
        gaps = [timing.gaps for timing in timings]
        self.p50_us, self.max_us = (self._of_answered(column) for column in _fields(gaps, _NO_GAPS, ("p50_us", "max_us"), self.n))

    def _words(self, answers: Sequence[Any]) -> None:
        self.counted_by: list[str | None] = [None if answer is _NO_ANSWER else answer.usage.counted_by for answer in answers]
        self.finish_reason: list[str | None] = [answer.finish_reason for answer in answers]
        self.served_model: list[str | None] = [answer.served_model for answer in answers]
        self.is_stopped = np.array([reason == "stop" for reason in self.finish_reason], dtype=np.bool_)
        self.has_reasoning = np.array([bool(answer.reasoning) for answer in answers], dtype=np.bool_)

    def _counts(self, answers: Sequence[Any]) -> None:
        usages = [answer.usage for answer in answers]
        self.prompt_tokens = _floats(usage.prompt_tokens for usage in usages)
        self.completion_tokens = _floats(usage.completion_tokens for usage in usages)
        self.reasoning_tokens = _floats(usage.reasoning_tokens for usage in usages)
        cached_tokens = _floats(usage.cached_tokens for usage in usages)
        names = ("prompt_n", "prompt_ms", "predicted_n", "predicted_ms", "cache_n")
        of_server = _fields([answer.server_timings for answer in answers], _NO_TIMINGS, names, self.n)
        self.prompt_n, self.prompt_ms, self.predicted_n, self.predicted_ms, cache_n = of_server
        self.cached_tokens = np.where(np.isnan(cached_tokens), cache_n, cached_tokens)
        self.has_prefix = (self.prompt_tokens > 0) & ~np.isnan(self.cached_tokens)
        self.is_warm = self.has_prefix & (self.cached_tokens * 2 >= self.prompt_tokens)


def _floats(values: Iterable[float | None]) -> Floats:
    """Numbers as a column; None becomes `nan`."""
    return np.array(list(values), dtype=np.float64)


def _fields(records: Sequence[Any], empty: Any, names: Sequence[str], n: int) -> list[Floats]:
    """Columns of fields of records that are often not there; `nan` where a record or a field is not."""
    if not any(record is not None for record in records):
        return [np.full(n, np.nan)] * len(names)
    is_there = np.array([record is not None for record in records], dtype=np.bool_)
    read: Callable[[str], Floats] = lambda name: _floats(getattr(empty if record is None else record, name) for record in records)  # noqa: E731
    return [np.where(is_there, read(name), np.nan) for name in names]

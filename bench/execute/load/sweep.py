"""A sweep: load that rises step by step until the server does not keep up, to find how much it can take."""

from collections.abc import Iterator, Sequence
from itertools import groupby, repeat
from typing import Literal

import msgspec

from bench.execute.load.settings import Duration, max_wait_s, positive, read
from bench.protocols import Stage
from bench.records.exchange import Completion
from bench.records.load import levels as spaced
from bench.records.plan import Trial
from bench.records.quantity import fraction
from bench.records.sample import Sample
from bench.records.spec import Load, Slo


class Settings(msgspec.Struct, frozen=True, kw_only=True, rename={"start": "from"}):
    """`of`: what rises, `concurrency` or `rate` (requests per second, evenly spaced). `from`, `to`: its first and last value.

    `spacing`: by equal factors (`geometric`) or equal differences (`linear`). The sweep ends after the step in which less than `min_goodput` of the
    requests meet the `slo`, or throughput grew by less than `min_growth` of what the load grew by. `max_wait`: as in the other open loops.
    """

    start: float
    to: float
    of: Literal["concurrency", "rate"] = "concurrency"
    spacing: Literal["geometric", "linear"] = "geometric"
    min_goodput: str | float = 0.95
    min_growth: str | float = 0.2
    max_wait: Duration | None = None


class Sweep:
    """Steps of rising load; a step begins when the one before is answered. `ended` says which criterion ended it, None when none did.

    Trials belong to the step that the plan gave them. A resumed sweep goes on with what is left of its steps.
    """

    def __init__(self, load: Load) -> None:
        """Made with the spec's load, its objective and its number of steps. Raises: ValueError when it makes no sense."""
        settings = read(load, Settings, has_steps=True)
        if load.slo is None:
            raise ValueError("a sweep looks for the load at which the objective breaks; add `slo:`, for example `slo: {ttft: 500 ms}`")
        self._slo = load.slo
        self._is_of_rate = settings.of == "rate"
        self.levels = levels(settings, load.steps)
        self._least_good, self._least_growth = fraction(settings.min_goodput), fraction(settings.min_growth)
        self.max_wait_s = max_wait_s(settings.max_wait)
        if self.max_wait_s is not None and not self._is_of_rate:
            raise ValueError("a sweep of concurrency has no arrivals that wait; remove `max_wait`")
        self.concurrency = load.concurrency if self._is_of_rate else int(max(self.levels))
        self.ended: str | None = None
        self._now = _Seen(0, 1.0)
        self._best: _Seen | None = None

    def arrivals(self, n: int, seed: int) -> Iterator[float | None]:  # noqa: ARG002 - nothing is drawn
        """Those of the first step."""
        return self._arrivals(n, self.levels[0])

    def stages(self, trials: Sequence[Trial], seed: int) -> Iterator[Stage]:  # noqa: ARG002 - nothing is drawn
        """One stage per step, until a criterion ends the sweep."""
        end = 0
        for number, n in [(number, sum(1 for _ in group)) for number, group in groupby(trial.step or 1 for trial in trials)]:
            members, end = trials[end : end + n], end + n
            level = self.levels[min(number, len(self.levels)) - 1]
            self._now = _Seen(number, level)
            places = self.concurrency if self._is_of_rate else int(level)
            yield Stage(trials=members, arrivals=self._arrivals(len(members), level), opens=tuple(repeat(0.0, places)))
            self.ended = self._verdict(self._now)
            if self.ended is not None:
                return

    def observe(self, sample: Sample) -> None:
        """Take the sample that decides a trial of the running step into account."""
        self._now.add(sample, is_good=meets(self._slo, sample))

    def _arrivals(self, n: int, level: float) -> Iterator[float | None]:
        return (k / level for k in range(n)) if self._is_of_rate else repeat(None, n)

    def _verdict(self, step: "_Seen") -> str | None:
        """Why there is no next step, or None."""
        if not step.n:
            return None
        what = f"step {step.number} ({'rate' if self._is_of_rate else 'concurrency'} {step.level:g})"
        if step.good < self._least_good * step.n:
            return f"{what}: {step.good} of {step.n} requests met the slo, less than {self._least_good:.0%}"
        rate = step.rate(is_open=self._is_of_rate)
        best, self._best = self._best, step
        if best is None or step.level <= best.level:
            return None
        before = best.rate(is_open=self._is_of_rate)
        if rate - before < self._least_growth * before * (step.level / best.level - 1):
            return f"{what}: throughput stopped growing ({before:.4g} to {rate:.4g} requests/s while the load grew from {best.level:g})"
        return None


class _Seen:
    """What one step has shown so far."""

    def __init__(self, number: int, level: float) -> None:
        self.number, self.level = number, level
        self.n = self.good = self.completed = 0
        self._sent_s = self._first_end_s = float("inf")
        self._last_end_s = 0.0

    def add(self, sample: Sample, *, is_good: bool) -> None:
        self.n += 1
        self.good += is_good
        if isinstance(sample.outcome, Completion):
            self.completed += 1
            self._sent_s = min(self._sent_s, sample.timing.sent_s)
            self._first_end_s = min(self._first_end_s, sample.timing.finished_s)
            self._last_end_s = max(self._last_end_s, sample.timing.finished_s)

    def rate(self, *, is_open: bool) -> float:
        """Answers per second: in a closed loop over the whole step; in an open one from answer to answer, so that its filling does not count."""
        if is_open and self.completed > 1:
            return (self.completed - 1) / max(self._last_end_s - self._first_end_s, 1e-9)
        return self.completed / max(self._last_end_s - self._sent_s, 1e-9) if self.completed else 0.0


def levels(settings: Settings, steps: int) -> tuple[float, ...]:
    """The load of each step. Raises: ValueError when there are not so many."""
    first, last = positive(settings.start, "from"), positive(settings.to, "to")
    if last < first or (last == first and steps > 1):
        raise ValueError(f"a sweep rises; `to` ({last:g}) is not above `from` ({first:g})")
    found = spaced({"from": first, "to": last, "of": settings.of, "spacing": settings.spacing}, steps)
    if settings.of == "rate":
        return found
    if first % 1 or last % 1:
        raise ValueError(f"concurrency is a whole number; `from` is {first:g}, `to` is {last:g}")
    if len(set(found)) < steps:
        raise ValueError(f"{steps} steps from {first:g} to {last:g} are not {steps} different whole numbers; ask for fewer `steps`")
    return found


def meets(slo: Slo, sample: Sample) -> bool:
    """Whether an answer came within the objective. Times count from the scheduled start; what was not to be seen does not break it."""
    outcome, timing = sample.outcome, sample.timing
    if not isinstance(outcome, Completion):
        return False
    if slo.latency_s is not None and timing.finished_s - timing.scheduled_s > slo.latency_s:
        return False
    if timing.first_token_s is None or timing.last_token_s is None:
        return True
    if slo.ttft_s is not None and timing.first_token_s - timing.scheduled_s > slo.ttft_s:
        return False
    tokens = outcome.usage.completion_tokens
    if slo.tpot_s is None or tokens is None or tokens < 2:
        return True
    return (timing.last_token_s - timing.first_token_s) / (tokens - 1) <= slo.tpot_s


EXAMPLES = (
    (Load(kind="sweep", steps=4, slo=Slo(ttft_s=0.5), settings={"from": 1, "to": 8}), (1.0, 2.0, 4.0, 8.0)),
    (
        Load(kind="sweep", steps=3, concurrency=256, slo=Slo(latency_s=2), settings={"of": "rate", "spacing": "linear", "from": 10, "to": 20}),
        (10.0, 15.0, 20.0),
    ),
)

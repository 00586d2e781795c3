"""Stop rules: what ends a run before all is measured."""

from collections.abc import Callable

from bench.clock import Clock
from bench.records.exchange import Failure
from bench.records.sample import Sample
from bench.records.spec import Limits

# Below this many answers a share of errors says nothing yet: with 20, one failure is the 5 % of the usual limit.
LEAST_ANSWERS = 20


class StopRules:
    """Shared by all blocks of a run. `reason` is None until a rule holds; then "interrupt", "duration", "error_rate" or "cost", for good.

    `cost_so_far` returns what the run has cost up to now in the limit's currency, or None when it cannot be said; it is asked after each answer.
    """

    def __init__(self, limits: Limits, clock: Clock, *, cost_so_far: Callable[[], float | None] | None = None) -> None:
        """Start the run's time now."""
        self._limits = limits
        self._clock = clock
        self._cost_so_far = cost_so_far
        self._started_s = clock.now_s()
        self._listeners: list[Callable[[], None]] = []
        self._answers = 0
        self._failures = 0
        self.reason: str | None = None
        self.message = ""

    def interrupt(self, message: str = "interrupted; everything answered so far is kept") -> None:
        """The user, or the system, wants an end. May be called from a signal handler."""
        self._hold("interrupt", message)

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Have this called when a rule begins to hold (from a signal handler, perhaps); returns what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def remaining_s(self) -> float | None:
        """Seconds until the time is over; None without such a limit."""
        if self._limits.duration_s is None:
            return None
        return max(0.0, self._limits.duration_s - (self._clock.now_s() - self._started_s))

    def check_time(self) -> None:
        """Look whether the duration is over."""
        if self.remaining_s() == 0.0:
            self._hold("duration", f"limits.duration of {self._limits.duration_s:g} s is over")

    def observe(self, sample: Sample, *, is_warmup: bool) -> None:
        """Take a deciding sample into account. Warm-up answers cost money but are no part of the error rate."""
        self.check_time()
        if not is_warmup:
            self._answers += 1
            self._failures += isinstance(sample.outcome, Failure)
        limits = self._limits
        if limits.max_error_rate is not None and self._answers >= LEAST_ANSWERS and self._failures > limits.max_error_rate * self._answers:
            share = f"{self._failures} of {self._answers} answers failed"
            self._hold("error_rate", f"{share}, more than limits.max_error_rate of {limits.max_error_rate:.1%}")
        self.check_cost()

    def check_cost(self) -> None:
        """Look whether the money is spent."""
        limits = self._limits
        if limits.cost is not None and self._cost_so_far is not None:
            cost = self._cost_so_far()
            if cost is not None and cost >= limits.cost.amount:
                self._hold("cost", f"{cost:.4g} {limits.cost.currency} spent, limits.cost is {limits.cost.amount:g} {limits.cost.currency}")

    def _hold(self, reason: str, message: str) -> None:
        if self.reason is None:
            self.reason, self.message = reason, message
            for listener in tuple(self._listeners):
                listener()

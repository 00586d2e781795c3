"""Load shapes of third parties."""

from collections.abc import Iterator, Sequence
from itertools import islice
from math import isfinite
from numbers import Real
from typing import Any

from bench.errors import ExtensionBroke
from bench.extensions.guard import Origin, attempt
from bench.protocols import LoadShape, Stage, StagedLoad
from bench.records.plan import Trial
from bench.records.sample import Sample
from bench.records.spec import Load

SHAPE_S = 20.0  # for all arrivals of a block; nothing is sent meanwhile


def load(origin: Origin, kind: Any, declared: Load) -> LoadShape:
    """The load shape, made with the spec's load. ValueError says that it makes no sense.

    Raises: ExtensionBroke.
    """
    made = attempt(origin, "when it was made", lambda: kind(declared), passes=(ValueError,), limit_s=SHAPE_S)
    if not callable(getattr(made, "arrivals", None)):
        raise origin.odd("when it was made", made, "an object with `arrivals(n, seed)`")
    places = getattr(made, "concurrency", None)
    if not isinstance(places, int) or isinstance(places, bool) or places < 1:
        raise origin.odd("when it was made", places, "`concurrency`, a whole number from 1")
    wait_s = getattr(made, "max_wait_s", None)
    if wait_s is not None and not (isinstance(wait_s, Real) and float(wait_s) >= 0):
        raise origin.odd("when it was made", wait_s, "`max_wait_s`, seconds or None")
    return GuardedStagedLoad(origin, made, places) if isinstance(made, StagedLoad) else GuardedLoad(origin, made, places)


class GuardedLoad:
    """A load shape whose arrivals are all asked for, and looked at, before the first request of a block is sent."""

    def __init__(self, origin: Origin, made: Any, places: int) -> None:
        """Around this shape, of so many places."""
        self._origin, self._made = origin, made
        self.concurrency = places
        self.max_wait_s: float | None = getattr(made, "max_wait_s", None)

    def arrivals(self, n: int, seed: int) -> Iterator[float | None]:
        """For each of n requests when it is due.

        Raises: ExtensionBroke.
        """
        return iter(checked(self._origin, lambda: self._made.arrivals(n, seed), n))

    def opens(self) -> Iterator[float]:
        """For each place the second from which on it is used.

        Raises: ExtensionBroke.
        """
        asked = getattr(self._made, "opens", None)
        found = (
            (0.0,) * self.concurrency
            if asked is None
            else attempt(self._origin, "when asked for its places", lambda: tuple(asked()), limit_s=SHAPE_S)
        )
        if len(found) != self.concurrency or not all(map(_is_moment, found)):
            raise self._origin.odd("when asked for its places", found, f"{self.concurrency} times in seconds from 0")
        return iter(tuple(float(each) for each in found))


def _is_moment(found: Any) -> bool:
    return isinstance(found, Real) and not isinstance(found, bool) and isfinite(found) and float(found) >= 0


def checked(origin: Origin, asked: Any, n: int) -> tuple[float | None, ...]:
    """Exactly n arrivals: seconds from 0 that never fall, or None.

    Raises: ExtensionBroke.
    """
    doing = "when asked for arrivals"
    found = attempt(origin, doing, lambda: tuple(islice(asked(), n)), limit_s=SHAPE_S)
    if len(found) != n:
        raise origin.odd(doing, len(found), f"{n} arrivals")
    latest = 0.0
    for due in found:
        if due is None:
            continue
        if not isinstance(due, Real) or isinstance(due, bool) or not isfinite(due) or float(due) < latest:
            raise origin.odd(doing, due, f"seconds that never fall, here from {latest:g}, or None")
        latest = float(due)
    return tuple(None if due is None else float(due) for due in found)


class GuardedStagedLoad(GuardedLoad):
    """One in several stages. Its trouble ends the load, and `ended` says why."""

    def __init__(self, origin: Origin, made: Any, places: int) -> None:
        """Around this shape, of so many places."""
        super().__init__(origin, made, places)
        self._broke: str | None = None

    @property
    def ended(self) -> str | None:
        """Why it ended before its last stage."""
        if self._broke is not None:
            return self._broke
        try:
            found = attempt(self._origin, "when asked why it ended", lambda: self._made.ended, limit_s=SHAPE_S)
        except ExtensionBroke as broke:
            return broke.message
        return found if isinstance(found, str) else None

    def stages(self, trials: Sequence[Trial], seed: int) -> Iterator[Stage]:
        """One after the other."""
        doing = "when asked for a stage"
        try:
            stages = attempt(self._origin, doing, lambda: iter(self._made.stages(trials, seed)), limit_s=SHAPE_S)
            while self._broke is None:
                try:
                    stage = attempt(self._origin, doing, lambda: next(stages), passes=(StopIteration,), limit_s=SHAPE_S)
                except StopIteration:
                    return
                yield self._stage(stage, type(trials))
        except ExtensionBroke as broke:
            self._broke = broke.message

    def _stage(self, stage: Any, given: type[Sequence[Trial]]) -> Stage:
        doing = "when asked for a stage"
        if not isinstance(stage, Stage):
            raise self._origin.odd(doing, stage, "a `Stage`")
        # A part of bench's own trials, which may be millions, is taken as it is; whatever else it is, its code runs here for the last time.
        is_own = isinstance(stage.trials, given) and given not in {list, tuple}
        trials, opens = attempt(self._origin, doing, lambda: (stage.trials if is_own else tuple(stage.trials), tuple(stage.opens)), limit_s=SHAPE_S)
        if not opens or not all(isinstance(trial, Trial) for trial in (islice(trials, 1) if is_own else trials)):
            raise self._origin.odd(doing, stage, "trials of the block, and a place at least")
        if not all(map(_is_moment, opens)):
            raise self._origin.odd(doing, opens, "`opens`, times in seconds from 0")
        arrivals = checked(self._origin, lambda: stage.arrivals, len(trials))
        return Stage(trials=trials, arrivals=iter(arrivals), opens=tuple(map(float, opens)))

    def observe(self, sample: Sample) -> None:
        """Take a sample into account."""
        if self._broke is None:
            try:
                attempt(self._origin, "on a sample", lambda: self._made.observe(sample), limit_s=SHAPE_S)
            except ExtensionBroke as broke:
                self._broke = broke.message

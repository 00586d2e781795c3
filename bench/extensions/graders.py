"""Graders of third parties."""

from typing import Any

from bench.errors import ExtensionBroke
from bench.extensions.guard import Origin, a, attempt, awaited
from bench.records.judging import Candidate, Judgement

MADE_S = 10.0


def grader(origin: Origin, kind: Any, means: Any) -> Any:
    """The grader, made with the judge. ValueError says that it cannot work with it.

    Raises: ExtensionBroke.
    """
    made = attempt(origin, "when it was made", lambda: kind(means), passes=(ValueError,), limit_s=MADE_S)
    if not callable(getattr(made, "grade", None)):
        raise origin.odd("when it was made", made, "an object with `grade(candidate)`")
    return GuardedGrader(origin, made)


class GuardedGrader:
    """A grader whose trouble is a judgement that failed."""

    def __init__(self, origin: Origin, made: Any) -> None:
        """Around this grader."""
        self._origin, self._made = origin, made

    async def grade(self, candidate: Candidate) -> Judgement:
        """What the judge finds."""
        try:
            found = await awaited(self._origin, "on an answer", lambda: self._made.grade(candidate))
            return a(self._origin, "on an answer", found, Judgement)
        except ExtensionBroke as broke:
            return Judgement(state="failed", rationale=broke.message)

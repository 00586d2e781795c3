"""What every interval function returns."""

from typing import NamedTuple


class Interval(NamedTuple):
    """Two bounds at a level, and how they were found.

    A bound is None where there are too few values for one on that side; `needed` then says how many independent values (or clusters)
    bounds on both sides take, and `have` how many there are.
    """

    low: float | None
    high: float | None
    method: str
    have: int
    needed: int

    @property
    def is_whole(self) -> bool:
        """Both bounds are there."""
        return self.low is not None and self.high is not None

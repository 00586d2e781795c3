"""Where in a plan a trial stands: 24 bytes per trial, so that a million of them are no matter."""

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import blake2b
from itertools import accumulate, islice
from struct import Struct

from bench.records.plan import Block, Trial
from bench.trials import columns

_TWO = Struct("<QQ")
_NEAR = 4096  # ids that are taken in at a time, and held beside as many that came before


class Places:
    """Trial id -> its place, from 0, in the order of the plan. Ids are told apart by 128 bits of their digest."""

    def __init__(self, ids: Iterable[str], size: int) -> None:
        """Take all ids in. `size` is how many there are about; more make it slower, not wrong."""
        self._mask = (1 << max(3, (2 * size).bit_length())) - 1
        self._slots = array("I", bytes(4 * (self._mask + 1)))  # a place + 1; 0 is free
        self._high, self._low = array("Q"), array("Q")
        for trial_id in ids:
            self._add(trial_id)

    def __len__(self) -> int:
        return len(self._high)

    def _add(self, trial_id: str) -> None:
        if 4 * len(self._high) >= 3 * (self._mask + 1):
            self._widen()
        high, low = _halves(trial_id)
        slot = self._slot(high, low)
        self._high.append(high)
        self._low.append(low)
        if not self._slots[slot]:
            self._slots[slot] = len(self._high)

    def get(self, trial_id: str) -> int | None:
        """The place of a trial; None when the plan has none of this id."""
        high, low = _halves(trial_id)
        place = self._slots[self._slot(high, low)]
        return place - 1 if place else None

    def _slot(self, high: int, low: int) -> int:
        """The slot of a trial, or the free one where it belongs."""
        slots, mask, lows = self._slots, self._mask, self._low
        slot = low & mask
        while place := slots[slot]:
            if lows[place - 1] == low and self._high[place - 1] == high:
                break
            slot = (slot + 1) & mask
        return slot

    def _widen(self) -> None:
        self._mask = 2 * self._mask + 1
        self._slots = array("I", bytes(4 * (self._mask + 1)))
        for place, (high, low) in enumerate(zip(self._high, self._low, strict=True), start=1):
            slot = self._slot(high, low)
            if not self._slots[slot]:
                self._slots[slot] = place


class Following:
    """As `Places`, for ids that are asked for about in the plan's order: holds those near the last one, until another one is asked for."""

    def __init__(self, ids: Callable[[], Iterator[str]], size: int) -> None:
        """`ids` gives all ids anew at each call; `size` is how many there are."""
        self._ids, self._size = ids, size
        self._all: Places | None = None
        self.rewind()

    def rewind(self) -> None:
        """Ids are asked for from the first one on again, as at the beginning of a file."""
        self._ahead = enumerate(self._ids())
        self._near: dict[str, int] = {}
        self._before: dict[str, int] = {}

    def get(self, trial_id: str) -> int | None:
        """The place of a trial; None when the plan has none of this id."""
        place = self._near.get(trial_id)
        if place is None and (place := self._before.get(trial_id)) is None:
            return self._sought(trial_id)
        return place

    def _sought(self, trial_id: str) -> int | None:
        if self._all is None:
            while some := {each: place for place, each in islice(self._ahead, _NEAR)}:
                self._before, self._near = self._near, some
                if trial_id in some:
                    return some[trial_id]
            self._all = Places(self._ids(), self._size)
        return self._all.get(trial_id)


class TrialIndex:
    """Trial id -> the trial, for blocks whose trials are in columns."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        """Take all their ids in."""
        self._trials = [columns(block.trials) for block in blocks]
        self._starts = [0, *accumulate(map(len, self._trials))]
        self._places = Places((trial_id for trials in self._trials for trial_id in trials.ids()), self._starts[-1])

    def find(self, trial_id: str) -> Trial | None:
        """The trial; None when there is none of this id."""
        place = self._places.get(trial_id)
        if place is None:
            return None
        block = bisect_right(self._starts, place) - 1
        return self._trials[block][place - self._starts[block]]


def _halves(trial_id: str) -> tuple[int, int]:
    """128 bits: the first of an id that is a digest itself, else of its digest."""
    try:
        found = bytes.fromhex(trial_id)
    except ValueError:
        found = b""
    if len(found) < 16 or found.hex() != trial_id:
        found = blake2b(trial_id.encode(), digest_size=16).digest()
    high, low = _TWO.unpack_from(found)
    return high, low

"""The trials of a block in columns: eight bytes for each in place of an object, which is made when it is asked for."""

import hashlib
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import compress
from operator import eq
from typing import overload

import msgspec

from bench.digest import canonical
from bench.records.plan import ServingKey, Trial

_replaced = msgspec.structs.replace
_KIND = tuple[str, str, str, str, str, bool, int | None, int | None, int]


class Trials(Sequence[Trial]):
    """A block's trials, in their order. Trials that differ in nothing but their round, and the id and the seed that follow from it, are of one kind.

    `kinds` are examples of them: trials of round 0, without an id. An id that is not what `trial_id` says (of a plan that another version wrote) is
    kept as it is, at the cost of an object.
    """

    def __init__(self, kinds: Sequence[Trial], of: "array[int]", rounds: "array[int]", odd: dict[int, str]) -> None:
        """Made by `Columns`. `of`: the kind of each trial; `rounds`: its round; `odd`: ids by place that do not follow from the rest."""
        self.kinds = kinds
        self._of, self._rounds, self._odd = of, rounds, odd

    def looked_up(self, places: Sequence[int]) -> "tuple[array[int], array[int]]":
        """Of the trials at these places the numbers of their kinds, and their rounds."""
        if len(places) and places[-1] - places[0] == len(places) - 1:
            return self._of[places[0] : places[-1] + 1], self._rounds[places[0] : places[-1] + 1]
        return array("I", map(self._of.__getitem__, places)), array("I", map(self._rounds.__getitem__, places))

    def __len__(self) -> int:
        return len(self._of)

    @overload
    def __getitem__(self, place: int) -> Trial: ...
    @overload
    def __getitem__(self, place: slice) -> "Trials": ...
    def __getitem__(self, place: int | slice) -> "Trial | Trials":
        if isinstance(place, slice):
            odd = {new: self._odd[old] for new, old in enumerate(range(len(self))[place]) if old in self._odd} if self._odd else {}
            return Trials(self.kinds, self._of[place], self._rounds[place], odd)
        place = range(len(self))[place]
        kind, number = self.kinds[self._of[place]], self._rounds[place]
        seed = None if kind.seed is None else kind.seed + number
        return _replaced(kind, id=self._odd.get(place) or _id(*_ends(kind), number), round=number, seed=seed)

    def __iter__(self) -> Iterator[Trial]:
        kinds = self.kinds
        for kind_number, number, trial_id in zip(self._of, self._rounds, self.ids(), strict=True):
            kind = kinds[kind_number]
            seed = kind.seed
            yield _replaced(kind, id=trial_id, round=number, seed=None if seed is None else seed + number)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(map(eq, self, other))

    __hash__ = None  # type: ignore[assignment]  # like a list: it is compared, and never a key

    def __repr__(self) -> str:
        return f"<{len(self)} trials of {len(self.kinds)} kinds>"

    def ids(self) -> Iterator[str]:
        """The ids, without the trials around them."""
        around = [_ends(kind) for kind in self.kinds]
        if self._odd:
            odd = self._odd
            for place, (kind, number) in enumerate(zip(self._of, self._rounds, strict=True)):
                yield odd.get(place) or _id(*around[kind], number)
            return
        sha256 = hashlib.sha256
        for kind, number in zip(self._of, self._rounds, strict=True):
            head, tail = around[kind]
            yield sha256(b"%b%d%b" % (head, number, tail)).hexdigest()

    def counted(self) -> Iterator[tuple[Trial, int]]:
        """Each kind that occurs, with how many trials are of it, in the order of their first trials."""
        return ((self.kinds[kind], n) for kind, n in Counter(self._of).items())

    def where(self, is_wanted: Callable[[Trial], bool]) -> "Trials":
        """The trials of the kinds that are wanted, in their order."""
        wanted = bytes(map(is_wanted, self.kinds))
        return self if all(wanted) else self.chosen(map(wanted.__getitem__, self._of))

    def chosen(self, flags: Iterable[object]) -> "Trials":
        """The trials whose flag, one for each, is true."""
        places = array("I", compress(range(len(self)), flags))
        of, rounds = (array("I", map(column.__getitem__, places)) for column in (self._of, self._rounds))
        odd = {new: self._odd[old] for new, old in enumerate(places) if old in self._odd} if self._odd else {}
        return Trials(self.kinds, of, rounds, odd)

    def flagged(self, is_wanted: Callable[[Trial], bool]) -> Iterator[int]:
        """For each trial 1 when its kind is wanted, else 0."""
        return map(bytes(map(is_wanted, self.kinds)).__getitem__, self._of)


class Columns:
    """Takes trials in, one after the other."""

    def __init__(self) -> None:
        """With none."""
        self._kinds: list[Trial] = []
        self._around: list[tuple[bytes, bytes]] = []
        self._numbers: dict[_KIND, int] = {}
        self._of, self._rounds = array("I"), array("I")
        self._odd: dict[int, str] = {}

    def kind(self, trial: Trial) -> int:
        """The number of the kind of a trial, for `add`."""
        seed = None if trial.seed is None else trial.seed - trial.round
        key = (
            trial.request_digest, trial.treatment_digest, trial.model_id, trial.prompt_id, trial.variant_id, trial.is_warmup, trial.step, seed,
            id(trial.request),  # it lives as long as its kind
        )  # fmt: skip
        if (number := self._numbers.get(key)) is None:
            number = self._numbers[key] = len(self._kinds)
            self._kinds.append(_replaced(trial, id="", round=0, seed=seed))
            self._around.append(_ends(trial))
        return number

    def add(self, kind: int, number: int) -> None:
        """One more trial: its kind and its round."""
        self._of.append(kind)
        self._rounds.append(number)

    def put(self, trial: Trial) -> None:
        """One more trial."""
        kind = self.kind(trial)
        if trial.id != _id(*self._around[kind], trial.round):
            self._odd[len(self._of)] = trial.id
        self.add(kind, trial.round)

    def trials(self) -> Trials:
        """All that were taken in. Take no more in afterwards."""
        return Trials(self._kinds, self._of, self._rounds, self._odd)


def columns(trials: Iterable[Trial]) -> Trials:
    """Trials in columns, as they may be already."""
    if isinstance(trials, Trials):
        return trials
    made = Columns()
    for trial in trials:
        made.put(trial)
    return made.trials()


def measured(trials: Iterable[Trial]) -> Trials:
    """Those that are no warm-up."""
    return columns(trials).where(lambda kind: not kind.is_warmup)


def warmups(trials: Iterable[Trial]) -> Trials:
    """Those that are only to warm up."""
    return columns(trials).where(lambda kind: kind.is_warmup)


def left(trials: Iterable[Trial]) -> Counter[ServingKey]:
    """How many trials there are of what is served."""
    found: Counter[ServingKey] = Counter()
    for kind, n in columns(trials).counted():
        found[kind.key] += n
    return found


def _ends(trial: Trial) -> tuple[bytes, bytes]:
    """What is digested for a trial's id before its round, and after it: all that tells trials of a plan apart."""
    what = (*(trial.model_id, trial.prompt_id, trial.variant_id), *(("warmup",) if trial.is_warmup else ()))
    return canonical(what)[:-1] + b",", b"," + canonical((trial.request_digest, trial.treatment_digest))[1:]


def _id(head: bytes, tail: bytes, number: int) -> str:
    return hashlib.sha256(b"%b%d%b" % (head, number, tail)).hexdigest()

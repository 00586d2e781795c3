"""A run's decided trials with their samples and grades, stretch by stretch: of each trial only where its lines are is held."""

from array import array
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import cached_property
from itertools import accumulate, chain, islice
from typing import Any, Generic, NamedTuple

import msgspec

from bench.records.grade import AspectGrade, Grade
from bench.records.observation import Observation, Scoring
from bench.records.plan import Plan, Trial
from bench.records.sample import Sample
from bench.store.away import Numbers
from bench.store.layout import RunLayout, by_number
from bench.store.lines import Lines, Read
from bench.store.places import Following
from bench.store.reader import Note, decode_line, quiet, raw_lines
from bench.trials import Trials, columns

_TOGETHER = 4096  # trials of a stretch, at most
_BYTES_TOGETHER = 1 << 21  # of the lines of a stretch, about: one long answer alone may have more
_LET_GO = 1 << 15  # lines after which nothing is held of what was found in them
_PLAIN = Scoring()


class _Answered(msgspec.Struct, frozen=True, tag="completion"):
    """All that is looked at of an answer."""


class _Failed(msgspec.Struct, frozen=True, tag="failure"):
    kind: str


class _Glance(msgspec.Struct, frozen=True):
    """All that is looked at of a sample to know whether it decides its trial."""

    trial_id: str
    is_final: bool
    outcome: _Answered | _Failed


def _without(kind: type[msgspec.Struct], left_out: Collection[str], **instead: Any) -> type[msgspec.Struct]:
    """A record without some of its fields, which can be a key."""
    kept = [each for each in msgspec.structs.fields(kind) if each.name not in left_out]
    fields = [(each.name, instead.get(each.name, each.type), *([] if each.default is msgspec.NODEFAULT else [each.default])) for each in kept]
    return msgspec.defstruct(f"_{kind.__name__}", fields, frozen=True, kw_only=True)


# A grade but for whose it is and its words: all that may decide what becomes of a trial.
_GRADED = _without(Grade, ("rationale", "answer_digest"), aspects=tuple[_without(AspectGrade, ("detail",)), ...])  # type: ignore[misc]


_BEGIN = b'{"trial_id":"'  # of a grade's line, as the writer writes it
_HEAD = len(_BEGIN)
_TAIL, _TAILS = 2048, 1024  # bytes of what follows the id, and how many of those are held


class Stretch(NamedTuple, Generic[Read]):
    """Decided trials that stand near each other in the plan, in its order.

    `places`: where they stand; `of`: the kind of each, a trial but for its id, its round and what follows from them; `samples`: what decided them.
    """

    places: Sequence[int]
    kinds: Sequence[Trial]
    of: Sequence[int]
    rounds: Sequence[int]
    samples: list[Read]
    attempts: list[int]


class Decided:
    """What decides each trial of a plan (`pending.deciding` says by which rule), found in one look over the samples.

    `strangers`: decided trials that the plan does not know.
    """

    def __init__(self, layout: RunLayout, plan: Plan, note: Note = quiet, scoring: Mapping[str, Scoring] | None = None) -> None:
        """Look over all samples. `scoring`: of each prompt's answers, where grades become scores.

        Raises: RunFolderError with file and line when one is damaged.
        """
        self._layout, self._plan, self._note, self._scoring = layout, plan, note, scoring or {}
        self._blocks = [columns(block.trials) for block in plan.blocks]
        self._starts = [0, *accumulate(map(len, self._blocks))]
        n = self._starts[-1]
        self._places = Following(lambda: chain.from_iterable(block.ids() for block in self._blocks), n)
        self._samples = Lines(sorted(layout.samples.glob("*.jsonl"), key=by_number), Sample, n)
        self._attempts = Numbers("H", n)
        self.strangers = self._look_over()

    def _look_over(self) -> int:
        """Find the deciding samples; returns how many decided trials the plan does not know."""
        strangers: set[str] = set()
        decoder, attempts = msgspec.json.Decoder(_Glance), self._attempts.seen
        for file, path in enumerate(self._samples.paths):
            self._places.rewind()
            offset = 0
            for number, line in raw_lines(path, self._note):
                seen = decode_line(decoder, _Glance, (path, offset), line)
                place = self._places.get(seen.trial_id)
                is_cancelled = isinstance(seen.outcome, _Failed) and seen.outcome.kind == "cancelled"
                if place is None:
                    strangers.add(seen.trial_id)
                elif not is_cancelled:
                    attempts[place] = min(attempts[place] + 1, 65535)
                    if seen.is_final:
                        self._samples.put(place, file, offset, len(line))
                offset += len(line)
                if not number % _LET_GO:
                    self._let_go()
        self._let_go()
        return len(strangers)

    def _let_go(self) -> None:
        self._samples.let_go()
        self._attempts.let_go()

    def stretches(self, kind: type[Read]) -> Iterator[Stretch[Read]]:
        """Every decided trial with as much of its deciding sample as `kind` has, in the plan's order, some thousands at a time.

        Raises: RunFolderError with file and line where a sample is none.
        """
        decoder = msgspec.json.Decoder(kind)
        with ExitStack() as held:
            files, attempts = self._samples.open(held), self._attempts.seen
            for trials, start, near in self._near():
                places = [start + place for place in near]
                samples = self._samples.read_as(decoder, places, files)
                yield Stretch(places, trials.kinds, *trials.looked_up(near), samples, [attempts[place] for place in places])
                self._let_go()

    def _near(self) -> Iterator[tuple[Trials, int, Sequence[int]]]:
        """The trials of each stretch: their block's, the place of its first, and which of them."""
        sizes, start = self._samples.sizes, 0
        for trials in self._blocks:
            near, size = array("I"), 0
            for place, line in enumerate(islice(sizes, start, start + len(trials))):
                if line:
                    near.append(place)
                    size += line
                    if size >= _BYTES_TOGETHER or len(near) == _TOGETHER:
                        yield trials, start, near
                        near, size = array("I"), 0
            if near:
                yield trials, start, near
            start += len(trials)

    def observations(self) -> Iterator[Observation]:
        """Every decided trial with its deciding sample and its grades, in the plan's order."""
        return self.observed(self.places())

    def places(self) -> Iterator[int]:
        """Where in the plan each decided trial stands, in its order."""
        return (place for place, size in enumerate(self._samples.sizes) if size)

    def observed(self, places: Iterable[int]) -> Iterator[Observation]:
        """The decided trials at these places, in this order, with their deciding samples and their grades."""
        grades = self._grades.lines
        with ExitStack() as held:
            files = self._samples.open(held)
            of_grades = grades[0].open(held) if grades else []
            for count, place in enumerate(places):
                if not count % _TOGETHER:
                    self._let_go()
                number = bisect_right(self._starts, place) - 1
                trial = self._blocks[number][place - self._starts[number]]
                yield Observation(
                    trial=trial,
                    sample=self._samples.read(place, files),
                    attempts=self._attempts.seen[place],
                    grades=tuple(lines.read(place, of_grades) for lines in grades if lines.has(place)),
                    scoring=self._scoring.get(trial.prompt_id, _PLAIN),
                )

    def verdicts(self) -> "memoryview[int]":
        """A number for each place: trials of one number were graded alike in all but words, those of number 0 not at all."""
        return self._grades.verdicts.seen

    @cached_property
    def _grades(self) -> "_Grades":
        return _Grades(self._layout, (self._places, self._starts[-1]), self._note)


class _Grades:
    """The lines of all graders, as many sets of them as the most grades that any trial has; and which trials were graded alike."""

    def __init__(self, layout: RunLayout, trials: tuple[Following, int], note: Note) -> None:
        """`trials`: where they are, and how many."""
        self._places, self._n = trials
        self._paths = sorted(layout.grades.glob("*.jsonl"), key=by_number)
        self.lines: list[Lines[Grade]] = []
        self.verdicts = Numbers("I", self._n)
        self._said: dict[tuple[Any, ...], int] = {}
        self._known: dict[tuple[int, int], int] = {}
        for file in range(len(self._paths)):
            self._read(file, note)
            self._let_go()

    def _read(self, file: int, note: Note) -> None:
        """Take the grades of a file in. Lines that differ in nothing but the id at their beginning are looked at once."""
        path, offset = self._paths[file], 0
        decoder = msgspec.json.Decoder(_GRADED)
        alike: dict[bytes, int] = {}
        self._places.rewind()
        for number, line in raw_lines(path, note):
            head, _, tail = line[_HEAD:].partition(b'"')
            if (said := alike.get(tail)) is not None and line.startswith(_BEGIN) and head.isalnum():
                trial_id = head.decode("ascii")
            else:
                trial_id, *words = msgspec.structs.astuple(decode_line(decoder, _GRADED, (path, offset), line))
                said = self._said.setdefault(tuple(words), len(self._said))
                if len(tail) <= _TAIL and line == _BEGIN + trial_id.encode() + b'"' + tail:
                    if len(alike) >= _TAILS:
                        alike.clear()
                    alike[tail] = said
            if (place := self._places.get(trial_id)) is not None:
                self._put(place, file, (offset, len(line)), said)
            offset += len(line)
            if not number % _LET_GO:
                self._let_go()

    def _put(self, place: int, file: int, where: tuple[int, int], said: int) -> None:
        free = next((lines for lines in self.lines if not lines.has(place)), None)
        if free is None:
            self.lines.append(free := Lines(self._paths, Grade, self._n))
        free.put(place, file, *where)
        verdicts = self.verdicts.seen
        verdicts[place] = self._known.setdefault((verdicts[place], said), len(self._known) + 1)

    def _let_go(self) -> None:
        for lines in self.lines:
            lines.let_go()
        self.verdicts.let_go()

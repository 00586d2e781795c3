"""A run's decided trials with their samples and grades, stretch by stretch: of each trial only where its lines are is held."""

import os
from array import array
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import cached_property
from itertools import accumulate, islice
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from bench.records.grade import AspectGrade, Grade
from bench.records.observation import Observation, Scoring
from bench.records.plan import Plan, Trial
from bench.records.sample import Sample
from bench.store.layout import RunLayout, by_number
from bench.store.places import Places
from bench.store.reader import Note, decode_line, quiet, raw_lines
from bench.trials import Trials, columns

Record = TypeVar("Record", bound=msgspec.Struct)
Read = TypeVar("Read", bound=msgspec.Struct)
_OFFSET_BITS = 44  # of a line's address, the rest is the number of its file
_OFFSET_MASK = (1 << _OFFSET_BITS) - 1
_TOGETHER = 4096  # trials of a stretch, at most
_BYTES_TOGETHER = 1 << 21  # of the lines of a stretch, about: one long answer alone may have more
_PLAIN = Scoring()
_SPREAD = 2  # lines of a stretch that lie within so many times their own size are read at once


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


class Lines(Generic[Record]):
    """Lines by the place of their trial. The last one that was put at a place is the one that is there."""

    def __init__(self, paths: list[Path], kind: type[Record], n: int) -> None:
        """No line is known yet."""
        self.paths = paths
        self._kind = kind
        self._decoder = msgspec.json.Decoder(kind)
        self._address, self._size = array("Q", bytes(8 * n)), array("I", bytes(4 * n))

    def put(self, place: int, file: int, offset: int, size: int) -> None:
        """Remember a line."""
        self._address[place], self._size[place] = file << _OFFSET_BITS | offset, size

    def has(self, place: int) -> bool:
        """Whether there is a line."""
        return self._size[place] > 0

    def read(self, place: int, files: list[int]) -> Record:
        """The record at a place.

        Raises: RunFolderError with file and line when it is none.
        """
        return self.read_as(self._decoder, [place], files)[0]

    def read_as(self, decoder: "msgspec.json.Decoder[Read]", places: Sequence[int], files: list[int]) -> list[Read]:
        """The records at these places, or as much of them as the decoder's kind has. Lines that lie near each other are read at once.

        Raises: RunFolderError with file and line when one is none.
        """
        addresses, sizes = [self._address[place] for place in places], [self._size[place] for place in places]
        first, last = min(addresses), max(addresses)
        is_near = first >> _OFFSET_BITS == last >> _OFFSET_BITS and last - first < _SPREAD * sum(sizes)
        try:
            if is_near:
                window = memoryview(_read(files[first >> _OFFSET_BITS], max(map(int.__add__, addresses, sizes)) - first, first & _OFFSET_MASK))
                return [decoder.decode(window[start - first : start - first + size]) for start, size in zip(addresses, sizes, strict=True)]
            found = zip(addresses, sizes, strict=True)
            return [decoder.decode(_read(files[start >> _OFFSET_BITS], size, start & _OFFSET_MASK)) for start, size in found]
        except (msgspec.DecodeError, UnicodeDecodeError):
            for start, size in sorted(zip(addresses, sizes, strict=True)):  # the first damaged line of all
                file, offset = start >> _OFFSET_BITS, start & _OFFSET_MASK
                decode_line(decoder, self._kind, (self.paths[file], offset), _read(files[file], size, offset))
            raise

    @property
    def sizes(self) -> "array[int]":
        """How long the line at each place is; 0: there is none."""
        return self._size

    def open(self, held: ExitStack) -> list[int]:
        """The files of the lines, for `read`, closed with `held`."""
        return [held.enter_context(path.open("rb")).fileno() for path in self.paths]


def _read(file: int, size: int, offset: int) -> bytes:
    if hasattr(os, "pread"):
        return os.pread(file, size, offset)
    os.lseek(file, offset, os.SEEK_SET)
    return os.read(file, size)


class Decided:
    """What decides each trial of a plan (`pending.deciding` says by which rule), found in one look over the samples.

    `strangers`: decided trials that the plan does not know.
    """

    def __init__(self, layout: RunLayout, plan: Plan, note: Note = quiet, scoring: Mapping[str, Scoring] | None = None) -> None:
        """Look over all samples. `scoring`: of each prompt's answers, where grades become scores.

        Raises: RunFolderError with file and line when one is damaged.
        """
        self._layout, self._plan, self._note, self._scoring = layout, plan, note, scoring or {}
        n = sum(len(block.trials) for block in plan.blocks)
        self.places = Places((trial_id for block in plan.blocks for trial_id in columns(block.trials).ids()), n)
        self._samples = Lines(sorted(layout.samples.glob("*.jsonl"), key=by_number), Sample, n)
        self._attempts = array("H", bytes(2 * n))
        strangers: set[str] = set()
        decoder = msgspec.json.Decoder(_Glance)
        for file, path in enumerate(self._samples.paths):
            offset = 0
            for _, line in raw_lines(path, note):
                seen = decode_line(decoder, _Glance, (path, offset), line)
                place = self.places.get(seen.trial_id)
                is_cancelled = isinstance(seen.outcome, _Failed) and seen.outcome.kind == "cancelled"
                if place is None:
                    strangers.add(seen.trial_id)
                elif not is_cancelled:
                    self._attempts[place] = min(self._attempts[place] + 1, 65535)
                    if seen.is_final:
                        self._samples.put(place, file, offset, len(line))
                offset += len(line)
        self.strangers = len(strangers)

    def stretches(self, kind: type[Read]) -> Iterator[Stretch[Read]]:
        """Every decided trial with as much of its deciding sample as `kind` has, in the plan's order, some thousands at a time.

        Raises: RunFolderError with file and line where a sample is none.
        """
        decoder = msgspec.json.Decoder(kind)
        with ExitStack() as held:
            files = self._samples.open(held)
            for trials, start, near in self._near():
                places = [start + place for place in near]
                samples = self._samples.read_as(decoder, places, files)
                yield Stretch(places, trials.kinds, *trials.looked_up(near), samples, [self._attempts[place] for place in places])

    def _near(self) -> Iterator[tuple[Trials, int, Sequence[int]]]:
        """The trials of each stretch: their block's, the place of its first, and which of them."""
        sizes, start = self._samples.sizes, 0
        for trials in (columns(block.trials) for block in self._plan.blocks):
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
        return self.observed(place for place, size in enumerate(self._samples.sizes) if size)

    def observed(self, places: Iterable[int]) -> Iterator[Observation]:
        """The decided trials at these places, in this order, with their deciding samples and their grades."""
        blocks = [block.trials for block in self._plan.blocks]
        starts = [0, *accumulate(map(len, blocks))]
        grades = self._grades.lines
        with ExitStack() as held:
            files = self._samples.open(held)
            of_grades = grades[0].open(held) if grades else []
            for place in places:
                number = bisect_right(starts, place) - 1
                trial = blocks[number][place - starts[number]]
                yield Observation(
                    trial=trial,
                    sample=self._samples.read(place, files),
                    attempts=self._attempts[place],
                    grades=tuple(lines.read(place, of_grades) for lines in grades if lines.has(place)),
                    scoring=self._scoring.get(trial.prompt_id, _PLAIN),
                )

    def verdicts(self) -> "array[int]":
        """A number for each place: trials of one number were graded alike in all but words, those of number 0 not at all."""
        return self._grades.verdicts

    @cached_property
    def _grades(self) -> "_Grades":
        return _Grades(self._layout, self.places, self._note)


class _Grades:
    """The lines of all graders, as many sets of them as the most grades that any trial has; and which trials were graded alike."""

    def __init__(self, layout: RunLayout, places: Places, note: Note) -> None:
        paths = sorted(layout.grades.glob("*.jsonl"), key=by_number)
        decoder = msgspec.json.Decoder(_GRADED)
        self.lines: list[Lines[Grade]] = []
        self.verdicts = array("I", bytes(4 * len(places)))
        known: dict[tuple[Any, ...], int] = {}
        for file, path in enumerate(paths):
            offset = 0
            for _, line in raw_lines(path, note):
                trial_id, *said = msgspec.structs.astuple(decode_line(decoder, _GRADED, (path, offset), line))
                place = places.get(trial_id)
                if place is not None:
                    free = next((lines for lines in self.lines if not lines.has(place)), None)
                    if free is None:
                        self.lines.append(free := Lines(paths, Grade, len(places)))
                    free.put(place, file, offset, len(line))
                    self.verdicts[place] = known.setdefault((self.verdicts[place], *said), len(known) + 1)
                offset += len(line)

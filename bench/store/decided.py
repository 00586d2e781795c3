"""A run's decided trials with their samples and grades, one after the other: of each trial only where its lines are is held."""

import os
from array import array
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from bench.records.grade import Grade
from bench.records.observation import Observation
from bench.records.plan import Plan
from bench.records.sample import Sample
from bench.store.layout import RunLayout, by_number
from bench.store.places import Places
from bench.store.reader import Note, decode_line, quiet, raw_lines

Record = TypeVar("Record", bound=msgspec.Struct)
_OFFSET_BITS = 44  # of a line's address, the rest is the number of its file


class _Answered(msgspec.Struct, frozen=True, tag="completion"):
    """All that is looked at of an answer."""


class _Failed(msgspec.Struct, frozen=True, tag="failure"):
    kind: str


class _Glance(msgspec.Struct, frozen=True):
    """All that is looked at of a sample to know whether it decides its trial."""

    trial_id: str
    is_final: bool
    outcome: _Answered | _Failed


class _Graded(msgspec.Struct, frozen=True):
    trial_id: str


class Lines(Generic[Record]):
    """Lines by the place of their trial, to be read one by one. The last one that was put at a place is the one that is there."""

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
        file, offset = self._address[place] >> _OFFSET_BITS, self._address[place] & (1 << _OFFSET_BITS) - 1
        line = os.pread(files[file], self._size[place], offset) if hasattr(os, "pread") else _seek_and_read(files[file], self._size[place], offset)
        return decode_line(self._decoder, self._kind, (self.paths[file], offset), line)

    def open(self, held: ExitStack) -> list[int]:
        """The files of the lines, for `read`, closed with `held`."""
        return [held.enter_context(path.open("rb")).fileno() for path in self.paths]


def _seek_and_read(file: int, size: int, offset: int) -> bytes:
    os.lseek(file, offset, os.SEEK_SET)
    return os.read(file, size)


class Decided:
    """What decides each trial of a plan (`pending.deciding` says by which rule), found in one look over the samples.

    `strangers`: decided trials that the plan does not know.
    """

    def __init__(self, layout: RunLayout, plan: Plan, note: Note = quiet) -> None:
        """Look over all samples.

        Raises: RunFolderError with file and line when one is damaged.
        """
        self._layout, self._plan = layout, plan
        n = sum(len(block.trials) for block in plan.blocks)
        self.places = Places((trial.id for block in plan.blocks for trial in block.trials), n)
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

    def ungraded(self) -> Iterator[Observation]:
        """Every decided trial with its deciding sample, in the plan's order."""
        return self._observe([])

    def observations(self, note: Note = quiet) -> Iterator[Observation]:
        """Every decided trial with its deciding sample and its grades, in the plan's order."""
        return self._observe(self._grades(note))

    def _grades(self, note: Note) -> list[Lines[Grade]]:
        """The lines of all graders; as many sets of them as the most grades that any trial has."""
        paths = sorted(self._layout.grades.glob("*.jsonl"), key=by_number)
        decoder = msgspec.json.Decoder(_Graded)
        found: list[Lines[Grade]] = []
        for file, path in enumerate(paths):
            offset = 0
            for _, line in raw_lines(path, note):
                place = self.places.get(decode_line(decoder, _Graded, (path, offset), line).trial_id)
                if place is not None:
                    free = next((lines for lines in found if not lines.has(place)), None)
                    if free is None:
                        found.append(free := Lines(paths, Grade, len(self.places)))
                    free.put(place, file, offset, len(line))
                offset += len(line)
        return found

    def _observe(self, grades: list[Lines[Grade]]) -> Iterator[Observation]:
        with ExitStack() as held:
            samples = self._samples.open(held)
            graders = grades[0].open(held) if grades else []
            place = -1
            for block in self._plan.blocks:
                for trial in block.trials:
                    place += 1
                    if self._samples.has(place):
                        said = tuple(lines.read(place, graders) for lines in grades if lines.has(place))
                        sample = self._samples.read(place, samples)
                        yield Observation(trial=trial, sample=sample, attempts=self._attempts[place], grades=said)

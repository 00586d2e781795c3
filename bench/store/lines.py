"""Where in files the line of each trial is, and the reading of a few of them at once."""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from bench.store.away import Numbers
from bench.store.reader import decode_line

Record = TypeVar("Record", bound=msgspec.Struct)
Read = TypeVar("Read", bound=msgspec.Struct)
_OFFSET_BITS = 44  # of a line's address, the rest is the number of its file
_OFFSET_MASK = (1 << _OFFSET_BITS) - 1
_SPREAD = 2  # lines of a stretch that lie within so many times their own size are read at once


class Lines(Generic[Record]):
    """Lines by the place of their trial. The last one that was put at a place is the one that is there."""

    def __init__(self, paths: list[Path], kind: type[Record], n: int) -> None:
        """No line is known yet."""
        self.paths = paths
        self._kind = kind
        self._decoder = msgspec.json.Decoder(kind)
        self._numbers = Numbers("Q", n), Numbers("I", n)
        self._address, self._size = (numbers.seen for numbers in self._numbers)

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
    def sizes(self) -> "memoryview[int]":
        """How long the line at each place is; 0: there is none."""
        return self._size

    def let_go(self) -> None:
        """Hold no more than is used from now on."""
        for numbers in self._numbers:
            numbers.let_go()

    def open(self, held: ExitStack) -> list[int]:
        """The files of the lines, for `read`, closed with `held`."""
        return [held.enter_context(path.open("rb")).fileno() for path in self.paths]


def _read(file: int, size: int, offset: int) -> bytes:
    if hasattr(os, "pread"):
        return os.pread(file, size, offset)
    os.lseek(file, offset, os.SEEK_SET)
    return os.read(file, size)

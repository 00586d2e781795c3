"""Whole numbers by their place, as in an array. Many lie in a temporary file, mapped: what was used of them can be let go of, and is read anew."""

import mmap
import os
import tempfile
from array import array
from typing import Literal

_DONTNEED: int | None = getattr(mmap, "MADV_DONTNEED", None)  # a system that has no such word keeps what it has read
_HELD = 1 << 16  # numbers; more of them lie in a file


class Numbers:
    """So many numbers, 0 at first. `seen` is where they are read and written."""

    def __init__(self, code: Literal["H", "I", "Q"], n: int) -> None:
        """`code`: their kind, as in `array`."""
        size = n * array(code).itemsize
        self._map: mmap.mmap | None = None
        if n <= _HELD:
            self.seen = memoryview(bytearray(size)).cast(code)
        else:
            with tempfile.TemporaryFile() as file:
                file.truncate(size)
                if hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(file.fileno(), 0, size)  # a full disk is an error here, and would be the program's end later
                self._map = mmap.mmap(file.fileno(), size)
            self.seen = memoryview(self._map).cast(code)

    def let_go(self) -> None:
        """Hold none of them in memory that lie in a file."""
        if self._map is not None and _DONTNEED is not None:
            self._map.madvise(_DONTNEED)

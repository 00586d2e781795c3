"""Small files that the kernel makes up when they are read: kept open, so that a reading costs one system call."""

import os
from contextlib import suppress
from pathlib import Path

_MOST = 1 << 16


class PseudoFile:
    """One of them. A file that is not there, or may not be read, is empty for good."""

    __slots__ = ("_file",)

    def __init__(self, path: Path) -> None:
        """Open it, if that is possible."""
        try:
            self._file = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        except OSError:
            self._file = -1

    def __bool__(self) -> bool:
        return self._file >= 0

    def read(self) -> bytes:
        """What it says now; empty when it says nothing any more."""
        if self._file >= 0:
            with suppress(OSError):
                return os.pread(self._file, _MOST, 0)
        return b""

    def close(self) -> None:
        """Let go of it."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def number_after(text: bytes, name: bytes) -> int | None:
    r"""The whole number that follows a name.

    >>> number_after(b"MemFree: 12 kB\nSwapFree:  3 kB\n", b"SwapFree:")
    3
    """
    start = text.find(name)
    if start < 0:
        return None
    word = text[start + len(name) : start + len(name) + 40].split(None, 1)[:1]
    return int(word[0]) if word and word[0].isdigit() else None

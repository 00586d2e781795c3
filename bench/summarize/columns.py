"""One number per trial, for as many trials as there are: in memory while they are few, in a temporary file when they are many."""

import os
import tempfile
from collections.abc import Iterable, Sequence
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

_HELD = 1 << 14  # numbers of a column that are held before they are put away: 128 KiB
BLOCK = 1 << 16  # numbers that are worked on at a time where all of them would take too much memory


class Column:
    """Numbers in the order they were added. Unit and meaning are its owner's; `nan` stands for none."""

    def __init__(self, kind: Any = np.float64) -> None:
        """Begin empty."""
        self._kind = np.dtype(kind)
        self._held: list[NDArray[Any]] = []
        self._n_held = 0
        self._away: BinaryIO | None = None
        self._n_away = 0

    def __del__(self) -> None:
        """Let go of the file."""
        if self._away is not None:
            self._away.close()

    def __len__(self) -> int:
        return self._n_away + self._n_held

    def extend(self, values: NDArray[Any] | Sequence[float]) -> None:
        """Add numbers; many are put away."""
        added = np.asarray(values, dtype=self._kind)
        self._held.append(added)
        self._n_held += added.size
        if self._n_held >= (_HELD if self._away is None else _HELD // 8):
            if self._away is None:
                self._away = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the column
            self._away.seek(0, os.SEEK_END)
            for part in self._held:
                self._away.write(part.tobytes())
            self._held, self._n_held, self._n_away = [], 0, self._n_away + self._n_held

    def at(self, place: int) -> float:
        """One of them."""
        return self.read(place, place + 1)[0].item()  # type: ignore[no-any-return]

    def read(self, start: int = 0, stop: int | None = None) -> NDArray[Any]:
        """All of them, or those from one place to another. Change nothing in what is returned."""
        stop = len(self) if stop is None else stop
        if stop <= self._n_away and self._away is not None:
            self._away.seek(start * self._kind.itemsize)
            return np.fromfile(self._away, dtype=self._kind, count=stop - start)
        if len(self._held) != 1:
            self._held = [np.concatenate(self._held) if self._held else np.empty(0, dtype=self._kind)]
        if start >= self._n_away:
            return self._held[0][start - self._n_away : stop - self._n_away]
        return np.concatenate((self.read(start, self._n_away), self._held[0][: stop - self._n_away]))

    def sort(self, order: NDArray[Any]) -> None:
        """Put them in this order: of the places they are at."""
        values = self.read()
        if self._away is None:
            self._held = [values[order]]
            return
        self._away.seek(0)
        for start in range(0, order.size, BLOCK):
            self._away.write(values[order[start : start + BLOCK]].tobytes())
        self._held, self._n_held, self._n_away = [], 0, order.size


class Texts:
    """Words of any length, to be read one by one; in a temporary file when they are many."""

    def __init__(self) -> None:
        """Begin empty."""
        self._ends = Column(np.int64)
        self._held = bytearray()
        self._away: BinaryIO | None = None
        self._size = 0

    def __del__(self) -> None:
        """Let go of the file."""
        if self._away is not None:
            self._away.close()

    def extend(self, texts: Iterable[str]) -> None:
        """Add words."""
        parts = [text.encode() for text in texts]
        ends = self._size + np.cumsum([len(part) for part in parts], dtype=np.int64)
        self._ends.extend(ends)
        self._size = int(ends[-1]) if parts else self._size
        self._held += b"".join(parts)
        if len(self._held) >= 64 * _HELD:
            self._away = self._away or tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the words
            self._away.seek(0, os.SEEK_END)
            self._away.write(self._held)
            self._held.clear()

    def at(self, place: int) -> str:
        """One of them."""
        start, end = int(self._ends.at(place - 1)) if place else 0, int(self._ends.at(place))
        away = self._size - len(self._held)
        if start >= away or self._away is None:
            return self._held[start - away : end - away].decode()
        self._away.seek(start)
        return self._away.read(end - start).decode()


class Names:
    """Codes for words that recur, such as the ids of prompts."""

    def __init__(self) -> None:
        """Begin with no word; None is code 0."""
        self._codes: dict[str | None, int] = {None: 0}

    def codes(self, names: Sequence[str | None]) -> NDArray[np.int32]:
        """The words' codes, new ones for those that are new, in their order."""
        known = self._codes
        for name in dict.fromkeys(names):
            if name not in known:
                known[name] = len(known)
        return np.fromiter(map(known.__getitem__, names), dtype=np.int32, count=len(names))

    @property
    def words(self) -> list[str]:
        """The words in the order of their codes; that of code 0 is empty."""
        return [name or "" for name in self._codes]

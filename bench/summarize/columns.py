"""One number per trial, for as many trials as there are: in memory while they are few, in a temporary file when they are many."""

import tempfile
from array import array
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

_HELD = 1 << 14  # numbers of a column that are held before they are put away: 128 KiB


class Column:
    """Numbers in the order they were added. Unit and meaning are its owner's; `nan` stands for none."""

    def __init__(self) -> None:
        """Begin empty."""
        self._held = array("d")
        self._away: BinaryIO | None = None
        self._seen: NDArray[np.float64] | None = None
        self.append = self._held.append

    def __del__(self) -> None:
        """Let go of the file."""
        if self._away is not None:
            self._away.close()

    def tidy(self) -> None:
        """Put numbers away when there are many. To be called now and then."""
        if len(self._held) >= _HELD:
            if self._away is None:
                self._away = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the column
            self._held.tofile(self._away)
            del self._held[:]

    def at(self, place: int) -> float:
        """One of them."""
        if self._away is None:
            return self._held[place]
        if self._seen is None:
            self._seen = self.read()
        return float(self._seen[place])

    def read(self) -> NDArray[np.float64]:
        """All of them."""
        if self._away is None:
            return np.array(self._held, dtype=np.float64)
        self._away.seek(0)
        away = np.fromfile(self._away, dtype=np.float64)
        return np.concatenate((away, np.frombuffer(self._held, dtype=np.float64))) if self._held else away


class Names:
    """Codes for words that recur, such as the ids of prompts."""

    def __init__(self) -> None:
        """Begin with no word; None is code 0."""
        self._codes: dict[str | None, int] = {None: 0}

    def code(self, name: str | None) -> int:
        """The word's code, a new one the first time."""
        known = self._codes.get(name)
        if known is None:
            known = self._codes[name] = len(self._codes)
        return known

    @property
    def words(self) -> list[str]:
        """The words in the order of their codes; that of code 0 is empty."""
        return [name or "" for name in self._codes]

"""What judges said before, kept across runs by the digest of everything that shaped it: a file each, in the cache folder.

Only judges whose weights are known by their digest are kept here: behind a server's name the model may change from one day to the next.
"""

from pathlib import Path
from typing import TypeVar

import msgspec

from bench.errors import RunFolderError
from bench.records.judging import Judgement, PairJudgement, Qualification
from bench.store.writer import encode, write_whole

Kept = TypeVar("Kept", Judgement, PairJudgement, Qualification)
_MOST_BYTES = 1 << 24


class Verdicts:
    """A folder of verdicts. Anything that cannot be read is as if it were not there."""

    def __init__(self, cache: Path) -> None:
        """In the cache folder; nothing is made before the first verdict is kept."""
        self._folder = cache / "judging"

    def get(self, key: str, kind: type[Kept]) -> Kept | None:
        """What is kept under a digest."""
        path = self._path(key)
        try:
            if path.stat().st_size > _MOST_BYTES:
                return None
            return msgspec.json.decode(path.read_bytes(), type=kind)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return None

    def put(self, key: str, verdict: "Judgement | PairJudgement | Qualification") -> bool:
        """Keep it; whether that worked. A cache that cannot be written costs time, never a verdict."""
        try:
            write_whole(self._path(key), encode(verdict))
        except RunFolderError:
            return False
        return True

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.json"

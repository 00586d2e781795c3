"""A lock between processes on one entry of the cache. The system releases it when its holder ends, however that happens."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Self

if sys.platform == "win32":
    import msvcrt

    def _try(stream: IO[bytes]) -> None:
        stream.seek(0)
        msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _try(stream: IO[bytes]) -> None:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)


_AGAIN_S = 0.1


class CacheLock:
    """A context manager; `waiting` is called once when another process holds the lock."""

    def __init__(self, path: Path, waiting: Callable[[], None] = lambda: None) -> None:
        """Name the file; nothing is opened yet."""
        self._path = path
        self._waiting = waiting
        self._stream: IO[bytes] | None = None

    def __enter__(self) -> Self:
        """Wait for the lock."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._stream = stream = self._path.open("ab")
        told = False
        while True:
            try:
                _try(stream)
            except (BlockingIOError, PermissionError):  # held by another process, as POSIX and as Windows say it
                if not told:
                    self._waiting()
                    told = True
                time.sleep(_AGAIN_S)
            except OSError:  # a file system without locks
                self.__exit__()
                raise
            else:
                return self

    def __exit__(self, *_: object) -> None:
        """Release it. The file stays: removing it would let two processes hold locks on two files of one name."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

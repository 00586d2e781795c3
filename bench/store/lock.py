"""One process per run folder. The operating system holds the lock, so it ends with its process, however that ends."""

import datetime
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Self

import msgspec

from bench.errors import RunFolderError
from bench.store.layout import RunLayout

if sys.platform == "win32":
    import msvcrt

    # Windows locks byte ranges against reading too: one byte far behind the text is locked, so that the holder stays readable.
    _FAR = 1 << 30

    def _acquire(file: int) -> None:
        os.lseek(file, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError(error.errno, error.strerror) from error
        finally:
            os.lseek(file, 0, os.SEEK_SET)
else:
    import fcntl

    def _acquire(file: int) -> None:
        # flock, not lockf: a second opener in the same process is refused too, and reading the file elsewhere in it does not unlock.
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Who holds a lock: the content of `.lock`. `started_at` is when it was taken, UTC."""

    pid: int
    started_at: str


class RunLock:
    """Held while it is entered. `note` then says when the last holder was killed."""

    def __init__(self, folder: Path) -> None:
        """Name the run folder; nothing is opened yet."""
        self._path = RunLayout(folder).lock
        self._file = -1
        self.note: str | None = None

    def __enter__(self) -> Self:
        """Take the lock.

        Raises: RunFolderError at once when another process holds it, naming it; or when the folder allows no lock.
        """
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
        except OSError as error:
            raise RunFolderError(f"cannot open {self._path}: {error.strerror or error}", hint="check that the run folder may be written") from error
        try:
            self._take(file)
        except BaseException:
            os.close(file)
            raise
        self._file = file
        return self

    def _take(self, file: int) -> None:
        try:
            _acquire(file)
        except BlockingIOError as error:
            raise self._occupied(_holder(file)) from error
        except OSError as error:
            why = error.strerror or error
            raise RunFolderError(
                f"{self._path} cannot be locked: {why}", hint="this file system has no locks; put the runs on a local disk"
            ) from error
        if (last := _holder(file)) is not None:
            self.note = f"process {last.pid}, which held this run since {last.started_at}, ended without closing it; its lock is taken over"
        now = datetime.datetime.now(datetime.UTC)
        text = msgspec.json.encode(Holder(pid=os.getpid(), started_at=f"{now:%Y-%m-%dT%H:%M:%SZ}"))
        with suppress(OSError):  # the lock holds without a name; a full disk will be told where it costs something
            os.ftruncate(file, 0)
            os.lseek(file, 0, os.SEEK_SET)
            os.write(file, text)

    def _occupied(self, holder: Holder | None) -> RunFolderError:
        who = "another process" if holder is None else f"process {holder.pid} since {holder.started_at}"
        stop = "" if holder is None else f" or end it (Ctrl-C in its terminal, or `kill -INT {holder.pid}`)"
        return RunFolderError(f"{self._path.parent} is in use by {who}", hint=f"wait until it has ended{stop}, then run this command again")

    def __exit__(self, *_: object) -> None:
        """Give the lock back. The file stays, empty: removing it could take away another process's lock."""
        if self._file >= 0:
            with suppress(OSError):  # an unwritable disk must not hide what the run itself has to say
                os.ftruncate(self._file, 0)
            os.close(self._file)
            self._file = -1


def _holder(file: int) -> Holder | None:
    os.lseek(file, 0, os.SEEK_SET)
    try:
        return msgspec.json.decode(os.read(file, 1024), type=Holder)
    except msgspec.DecodeError:
        return None

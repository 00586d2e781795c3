"""Writes that survive a crash: append-only lines, and whole files that appear at once."""

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Self

import msgspec

from bench.errors import RunFolderError

# O_NOFOLLOW: a link planted in a run folder never sends our bytes elsewhere. O_BINARY: Windows keeps our newlines.
_SAFE = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_TAIL_BYTES = 1 << 16
_ENCODER = msgspec.json.Encoder(order="deterministic")


def encode(record: msgspec.Struct) -> bytes:
    """The JSON of a record, without a newline. Half surrogate pairs, which UTF-8 cannot say, become `?`."""
    try:
        return _ENCODER.encode(record)
    except UnicodeEncodeError:
        return json.dumps(msgspec.to_builtins(record), ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


class LineWriter:
    """Appends records to one file, a line each. One writer per file; the run's lock sees to that.

    When `append` returns, the operating system has the whole line: it outlives the process, however that ends. A power cut can take what was
    written since `sync`. A file that exists is continued; the torn last line of a crash, which was never acknowledged, is cut off first.
    """

    def __init__(self, path: Path) -> None:
        """Open or create the file.

        Raises: RunFolderError when that is refused, or the file or its folder is a symbolic link.
        """
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.parent.is_symlink():
                raise RunFolderError(f"{path.parent} is a symbolic link, and a run folder has none", hint="remove the link and start again")
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | _SAFE, 0o666)
        except OSError as error:
            raise _refused(path, error) from error
        _cut_torn_line(self._file)
        self._is_broken = False

    def append(self, record: msgspec.Struct) -> None:
        """Add one line; it is with the operating system when this returns.

        Raises: RunFolderError when the line could not be written whole (disk full, quota); the file then ends with the line before.
        """
        if self._is_broken:
            raise RunFolderError(f"{self.path} takes no more lines after a failed write", hint="make room, then go on with --resume")
        line = encode(record) + b"\n"
        end = os.lseek(self._file, 0, os.SEEK_END)
        try:
            _write_all(self._file, line)
        except BaseException as error:  # an interrupt may come between two halves of a line, too
            with suppress(OSError):  # where even this fails, the reader skips the torn line
                os.ftruncate(self._file, end)
            if isinstance(error, OSError):
                self._is_broken = True
                raise _refused(self.path, error) from error
            raise

    def sync(self) -> None:
        """Wait until the disk has everything. Between blocks of trials, never inside one."""
        try:
            os.fsync(self._file)
        except OSError as error:
            raise _refused(self.path, error) from error

    def close(self) -> None:
        """Sync and close. May be called twice."""
        if self._file < 0:
            return
        try:
            if not self._is_broken:
                self.sync()
        finally:
            os.close(self._file)
            self._file = -1
            self._is_broken = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def write_whole(path: Path, content: bytes | Iterable[bytes]) -> None:
    """Write a file that is there as a whole or as it was before: written beside, synced, then renamed. Pieces are streamed.

    Raises: RunFolderError when that fails; nothing is left behind then.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.unlink(missing_ok=True)
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _SAFE, 0o666), "wb") as file:
            for piece in (content,) if isinstance(content, bytes) else content:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise _refused(path, error) from error
    finally:
        with suppress(OSError):  # it is there only when something failed
            beside.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make new names in a folder outlive a power cut, where the system can (Windows cannot open a folder)."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _write_all(file: int, line: bytes) -> None:
    rest = memoryview(line)
    while rest:
        rest = rest[os.write(file, rest) :]


def _cut_torn_line(file: int) -> None:
    """Let a file end after its last whole line."""
    size = os.fstat(file).st_size
    end = size
    while end:
        start = max(0, end - _TAIL_BYTES)
        os.lseek(file, start, os.SEEK_SET)
        newline = os.read(file, end - start).rfind(b"\n")
        if newline >= 0:
            end = start + newline + 1
            break
        end = start
    if end != size:
        os.ftruncate(file, end)


def _refused(path: Path, error: OSError) -> RunFolderError:
    return RunFolderError(f"cannot write {path}: {error.strerror or error}", hint="check free space and permissions; then go on with --resume")

"""Digests of model files that stay where they are, noted in the cache: as long as path, size and time stamp of a file hold, its digest does."""

import contextlib
import hashlib
import os
from pathlib import Path

from bench.digest import digest
from bench.protocols import ServingContext

_CHUNK = 1 << 20


def file_digest(path: Path, name: str, context: ServingContext) -> str:
    """The SHA-256 of a file, from its note where that still holds. `name` is what progress calls it.

    Raises: OSError.
    """
    state = path.stat()
    noted = context.cache_folder / "digests" / f"{hashlib.sha256(str(path).encode()).hexdigest()[:16]}.txt"
    identity = f"{path}\n{state.st_size} {state.st_mtime_ns}\n"
    with contextlib.suppress(OSError, ValueError):
        if (text := noted.read_text(encoding="utf-8")).startswith(identity):
            return text.removeprefix(identity)
    found = read_digest(path, name, context)
    with contextlib.suppress(OSError):  # a full or read-only disk: then it is read again the next time
        _note(noted, identity + found)
    return found


def _note(noted: Path, text: str) -> None:
    noted.parent.mkdir(parents=True, exist_ok=True)
    beside = noted.with_suffix(f".{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(noted)
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def folder_digest(folder: Path, name: str, context: ServingContext) -> str:
    """The digest of a model of several files: of every file's path in the folder and its SHA-256, in the order of the paths.

    Raises: OSError.
    """
    folder = folder.absolute()
    files = sorted((path.relative_to(folder).as_posix(), path) for path in folder.rglob("*") if path.is_file())
    return digest([[inside, file_digest(path, f"{name} {inside}", context)] for inside, path in files])


def read_digest(path: Path, name: str, context: ServingContext) -> str:
    """The SHA-256 of a file, read now.

    Raises: OSError.
    """
    seen, total, hashed = 0, path.stat().st_size, hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            hashed.update(chunk)
            seen += len(chunk)
            context.progress(f"check {name}", seen, total)
    return hashed.hexdigest()

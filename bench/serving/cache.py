"""The cache of weights: a folder per source, with the file and what is known of it.

    <cache>/weights/<id>/<file>  entry.json        verified files; `id` is the start of the SHA-256 of the source
    <cache>/weights/<id>.part/                     a download under way or broken off; kept, so that it can go on
    <cache>/weights/<id>.lock

An entry counts only with its `entry.json`, which is written last.
"""

import datetime
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from bench.errors import UsageError
from bench.records.spec import Weights
from bench.records.weights import CacheEntry
from bench.serving.cache_lock import CacheLock

_ENTRY = "entry.json"


def default_folder(environ: Mapping[str, str]) -> Path:
    """`BENCH_CACHE`, else the platform's folder for caches of this user."""
    if chosen := environ.get("BENCH_CACHE"):
        return Path(chosen).expanduser().absolute()
    home = Path(environ.get("HOME") or environ.get("USERPROFILE") or Path.home())
    if sys.platform == "win32":
        return Path(environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "bench" / "cache"
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "bench"
    return Path(environ.get("XDG_CACHE_HOME") or home / ".cache") / "bench"


def entry_id(weights: Weights) -> str:
    """The name of a source in the cache: the same source has the same name everywhere."""
    source = json.dumps([*weights.parts, weights.file], ensure_ascii=False)
    return hashlib.sha256(source.encode()).hexdigest()[:12]


def entry_folder(cache: Path, name: str) -> Path:
    """Where the entry of this name is, or would be."""
    return cache / "weights" / name


def part_folder(cache: Path, name: str) -> Path:
    """Where the entry of this name is put together."""
    return cache / "weights" / f"{name}.part"


def lock(cache: Path, name: str) -> CacheLock:
    """The lock under which one entry is changed."""
    return CacheLock(cache / "weights" / f"{name}.lock")


def read_entry(cache: Path, name: str) -> CacheEntry | None:
    """The entry of this name; None when there is none, or its file is gone or changed since its digest was taken."""
    try:
        folder = entry_folder(cache, name)
        entry = msgspec.json.decode((folder / _ENTRY).read_bytes(), type=CacheEntry)
        entry = msgspec.structs.replace(entry, path=str(folder.absolute() / Path(entry.path).name))  # the cache may have been moved
        state = Path(entry.path).stat()
    except (OSError, msgspec.DecodeError):
        return None
    return entry if (state.st_size, state.st_mtime_ns) == (entry.bytes, entry.modified_ns) else None


def write_entry(cache: Path, weights: Weights, made: Path, sha256: str) -> CacheEntry:
    """Move a finished, checked file into its place, named as the weights say, and note what is known of it. To be called under the lock."""
    name = entry_id(weights)
    folder = entry_folder(cache, name)
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    place = folder / Path(weights.file or made.name).name
    made.replace(place)
    state = place.stat()
    entry = CacheEntry(
        id=name,
        source=weights.parts,
        path=str(place.absolute()),
        sha256=sha256,
        bytes=state.st_size,
        modified_ns=state.st_mtime_ns,
        fetched_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )
    beside = folder / f"{_ENTRY}.new"
    beside.write_bytes(msgspec.json.encode(entry))
    beside.replace(folder / _ENTRY)
    return entry


def entries(cache: Path) -> tuple[CacheEntry, ...]:
    """Everything that is in the cache, by source."""
    folder = cache / "weights"
    if not folder.is_dir():
        return ()
    found = (read_entry(cache, path.name) for path in folder.iterdir() if path.is_dir() and path.suffix != ".part")
    return tuple(sorted((entry for entry in found if entry is not None), key=lambda entry: (entry.source, entry.id)))


def find(cache: Path, name: str) -> CacheEntry:
    """The one entry that this id, start of an id, file name or source names.

    Raises: UsageError when there is none, or more than one.
    """
    known = entries(cache)
    exact = [entry for entry in known if name in {entry.id, Path(entry.path).name, *entry.source}]
    found = exact or [entry for entry in known if name and entry.id.startswith(name)]
    if len(found) == 1:
        return found[0]
    problem = "names no file of the cache" if not found else f"names {len(found)} files of the cache"
    ids = ", ".join(f"{entry.id} ({Path(entry.path).name})" for entry in (found or known)) or "the cache is empty"
    raise UsageError(f"{name!r} {problem}", hint=f"`bench models list` shows them: {ids}; foundry:NAME names what is in Foundry Local")


def remove(cache: Path, name: str) -> CacheEntry:
    """Remove the entry that `find` finds, with a broken download of the same source. Returns what it was.

    Raises: UsageError as `find` does.
    """
    entry = find(cache, name)
    with lock(cache, entry.id):
        for folder in (entry_folder(cache, entry.id), part_folder(cache, entry.id)):
            if folder.exists():
                shutil.rmtree(folder)
    return entry


def free_bytes(folder: Path) -> int:
    """Free space where this folder is or will be."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(os.fspath(folder)).free

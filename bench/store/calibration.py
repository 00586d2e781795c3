"""Self-tests that were made on this machine before: `<cache>/selftest/<digest>.json`, the last one of each setting."""

import datetime
from pathlib import Path

import msgspec

from bench.digest import digest
from bench.records.machine import Machine
from bench.records.selftest import SelfTest
from bench.store.create import write_json

# The ruler depends on the machine's settings and on what else runs there, so a self-test is worth something for a while only.
LONGEST_AGE = datetime.timedelta(days=7)


def setting(machine: Machine, bench_version: str, client: str, *, concurrency: int, is_streamed: bool) -> str:
    """What a self-test depends on, as a digest: one of another setting says nothing about this one."""
    return digest([msgspec.to_builtins(machine), bench_version, client, concurrency, is_streamed])


def keep(cache: Path, found: SelfTest) -> Path:
    """Put a self-test into the cache, in the place of an older one of the same setting; returns where it lies.

    Raises: RunFolderError when the cache cannot be written.
    """
    path = _path(cache, found)
    write_json(path, found)
    return path


def _path(cache: Path, found: SelfTest) -> Path:
    name = setting(found.machine, found.bench_version, found.client, concurrency=found.concurrency, is_streamed=found.is_streamed)
    return cache / "selftest" / f"{name[:32]}.json"


def recent(cache: Path, name: str, now: datetime.datetime) -> SelfTest | None:
    """The kept self-test of a setting, unless it is too old or cannot be read: then it is as if there were none."""
    try:
        found = msgspec.json.decode((cache / "selftest" / f"{name[:32]}.json").read_bytes(), type=SelfTest)
        age = now - datetime.datetime.fromisoformat(found.measured_at)
    except (OSError, ValueError, TypeError, msgspec.DecodeError):  # TypeError: a date without its time zone
        return None
    return found if datetime.timedelta(0) <= age <= LONGEST_AGE else None

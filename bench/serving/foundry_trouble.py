"""Why a variant of Foundry Local is not to be had or does not load, in words that say what to do next."""

import re
from pathlib import Path

from bench.errors import ServingError
from bench.records.foundry import FoundryCatalogue, FoundryVariant
from bench.serving.cache import free_bytes
from bench.serving.foundry_choice import CPU_PROVIDER
from bench.serving.foundry_process import Refused

_NO_MEMORY = re.compile(r"out of memory|bad_?alloc|alloc\w* .{0,40}fail|fail\w* to alloc|insufficient memory|OutOfMemory", re.IGNORECASE)
_NO_PROVIDER = re.compile(r"not registered|execution ?provider", re.IGNORECASE)
_BAD_FILES = re.compile(
    r"parse|invalid (?:file|protobuf|model)|not exist|no such file|not found|corrupt|truncat|end of (?:file|input)", re.IGNORECASE
)
_FULL_DISK = re.compile(r"no space left|disk (?:is )?full|not enough (?:disk )?space|ENOSPC", re.IGNORECASE)
_LARGER = "free some space, or set BENCH_FOUNDRY_CACHE to a folder on a larger disk"
_CACHE = "BENCH_FOUNDRY_CACHE names the folder of the models"


def not_cached(variant: FoundryVariant, catalogue: FoundryCatalogue, *, is_offline: bool) -> ServingError:
    """It is not on this machine, and now it cannot be fetched."""
    pull = f"`bench models pull foundry:{variant.id}` fetches it alone"
    if is_offline:
        message, hint = f"{variant.id} is not cached, and `--offline` is set", f"run once without `--offline`; {pull}; {_CACHE}"
    else:
        message = f"{variant.id} is not cached, and Foundry Local's catalogue cannot be reached ({catalogue.unreachable})"
        hint = f"try again with a network; {pull}; {_CACHE}"
    return ServingError(message, hint=hint, state="unavailable")


def check_room(variant: FoundryVariant, catalogue: FoundryCatalogue) -> None:
    """Look before a download whether it fits; the SDK's own folder is below the user's.

    Raises: ServingError, `unavailable`, where it does not.
    """
    free = free_bytes(Path(catalogue.cache) if catalogue.cache else Path.home())
    if variant.size_bytes is not None and variant.size_bytes > free:
        where = f"in {catalogue.cache}" if catalogue.cache else "where Foundry Local keeps its models"
        message = f"{variant.id} takes {variant.size_bytes / 1e6:.0f} MB, and {free / 1e6:.0f} MB are free {where}"
        raise ServingError(message, hint=_LARGER, state="unavailable")


def not_downloaded(variant: FoundryVariant, error: Refused, tries: int) -> ServingError:
    """It was to be fetched, and did not come."""
    hint = _LARGER if _FULL_DISK.search(error.words) else "check network and disk space, then run again"
    after = f" after {tries} tries" if tries > 1 else ""
    return ServingError(f"{variant.id} cannot be downloaded{after}: {error.words}", hint=hint, state="unavailable")


def not_loaded(variant: FoundryVariant, error: Refused, catalogue: FoundryCatalogue, log: Path) -> ServingError:
    """Its files are here, and it does not come up."""
    if _NO_MEMORY.search(error.words):
        hint = f"use a smaller variant or a smaller `context:`; the log is {log.name}"
        return ServingError(f"{variant.id} ran out of memory while it was loaded: {error.words}", hint=hint)
    if _NO_PROVIDER.search(error.words) and variant.execution_provider not in {None, CPU_PROVIDER}:
        registered = ", ".join(provider.name for provider in catalogue.providers if provider.is_registered) or "none but the CPU's"
        hint = f"registered: {registered}. Use `device: cpu`, or a machine with what it needs: its provider is fetched over the network once"
        return ServingError(f"{variant.id} needs {variant.execution_provider}, which is not at hand: {error.words}", hint=hint, state="unavailable")
    hint = f"the log is {log.name}"
    if _BAD_FILES.search(error.words):
        again = f"`bench models rm foundry:{variant.id}`, then `bench models pull foundry:{variant.id}`"
        hint = f"its files may be incomplete or damaged: {again}; {hint}"
    return ServingError(f"Foundry Local cannot load {variant.id}: {error.words}", hint=hint)

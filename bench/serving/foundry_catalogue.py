"""Foundry Local's catalogue and cache: what there is, fetched and removed, without serving anything.

Each function starts the SDK in a process of its own, which writes its log to `foundry-catalogue.log` in `context.log_folder`, and ends it.
"""

from pathlib import Path

from bench.errors import ServingError, UsageError
from bench.protocols import ServingContext
from bench.records.foundry import FoundryCatalogue, FoundryVariant
from bench.records.models import FoundryDetails
from bench.serving.foundry_choice import choose, named
from bench.serving.foundry_hosted import digest_of, fetch, register, size_of
from bench.serving.foundry_process import FoundryProcess, Refused

_REMOVE_S, _PATH_S = 60.0, 10.0


def catalogue(context: ServingContext) -> FoundryCatalogue:
    """All that can be had here: every variant with its device, size, licence, and whether it is cached.

    Raises: ServingError, `unavailable`, when the SDK is not there. An empty catalogue says in `unreachable` why it is empty.
    """
    with _opened(context) as process:
        return process.catalogue()


def variants(name: str, context: ServingContext) -> tuple[FoundryVariant, ...]:
    """What a name means: one variant exactly, or all of an alias.

    Raises: ServingError, `unavailable`: nothing can be listed, or the name is unknown; then near misses are told.
    """
    with _opened(context) as process:
        read = process.catalogue()
        choose(read, name, "auto")
        return tuple(named(read.variants, name))


def details(name: str, context: ServingContext) -> tuple[FoundryDetails, ...]:
    """What a name means, as `variants` has it, with folder, size and digest of those that are cached.

    Raises: ServingError as `variants` does.
    """
    with _opened(context) as process:
        read = process.catalogue()
        choose(read, name, "auto")
        return tuple(_details(process, variant, context) for variant in named(read.variants, name))


def _details(process: FoundryProcess, variant: FoundryVariant, context: ServingContext) -> FoundryDetails:
    if not variant.is_cached:
        return FoundryDetails(variant=variant)
    try:
        folder = Path(process.ask("path", within_s=_PATH_S, model=variant.id)["path"])
    except Refused:
        return FoundryDetails(variant=variant)
    return FoundryDetails(variant=variant, folder=str(folder), disk_bytes=size_of(folder), digest=digest_of(variant, folder, context))


def pull(name: str, context: ServingContext, *, device: str = "auto") -> FoundryVariant:
    """Fetch what a name and a device mean, with its progress; nothing is done where it is cached. An interrupt cancels the download.

    Raises: ServingError, `unavailable`, as for serving it.
    """
    with _opened(context) as process:
        if device != "cpu":
            register(process, context)
        read = process.catalogue()
        variant = choose(read, name, device).variant
        if not variant.is_cached:
            fetch(process, variant, read, context)
            variant = choose(process.catalogue(), variant.id, "auto").variant
        return variant


def remove(name: str, context: ServingContext) -> FoundryVariant:
    """Remove one cached variant. Returns what it was.

    Raises: UsageError when the name means several that are cached, or none; ServingError when it is unknown or cannot be removed.
    """
    with _opened(context) as process:
        read = process.catalogue()
        choose(read, name, "auto")
        cached = [variant for variant in named(read.variants, name) if variant.is_cached]
        if len(cached) != 1:
            meant = f"means {len(cached)} cached variants: {', '.join(variant.id for variant in cached)}" if cached else "is not cached"
            raise UsageError(f"{name!r} {meant}", hint="name one exactly" if cached else "nothing to do")
        try:
            process.ask("remove", within_s=_REMOVE_S, model=cached[0].id)
        except Refused as error:
            raise ServingError(f"{cached[0].id} cannot be removed: {error.words}", hint="end what uses it") from error
        return cached[0]


def _opened(context: ServingContext) -> FoundryProcess:
    return FoundryProcess(context, context.log_folder / "foundry-catalogue.log")

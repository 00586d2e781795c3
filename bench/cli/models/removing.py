"""`bench models rm`: files of our cache, and single variants of Foundry Local's. All names are looked up before the first is removed."""

import argparse
import os
import sys
from pathlib import Path

from bench.cli.console import plain
from bench.cli.models.context import context, foundry_name
from bench.errors import Exit, UsageError
from bench.protocols import ServingContext
from bench.records.foundry import FoundryVariant
from bench.serving import cache, foundry_catalogue


def remove(options: argparse.Namespace) -> int:
    """Remove what was named, after a yes."""
    folder, where = cache.default_folder(os.environ), context(Path.cwd(), offline=True)  # what is cached is known without the catalogue
    meant = [(name, foundry_name(name)) for name in options.ids]
    files = {entry.id: entry for entry in (cache.find(folder, name) for name, variant in meant if variant is None)}
    variants = {found.id: found for found in (_cached(variant, where) for _, variant in meant if variant is not None)}
    for entry in files.values():
        sys.stderr.write(plain(f"{entry.id}  {Path(entry.path).name}  {entry.bytes / 1e6:.0f} MB  {' + '.join(entry.source)}") + "\n")
    for variant in variants.values():
        sys.stderr.write(plain(f"{variant.id}  {_size(variant)}  Foundry Local") + "\n")
    if not options.yes and not _asked("these" if len(files) + len(variants) > 1 else "this"):
        sys.stderr.write("nothing was removed\n")
        return int(Exit.OK)
    for entry in files.values():
        cache.remove(folder, entry.id)
        sys.stdout.write(plain(f"removed {entry.id} ({Path(entry.path).name}, {entry.bytes / 1e6:.0f} MB)") + "\n")
    for variant in variants.values():
        foundry_catalogue.remove(variant.id, where)
        sys.stdout.write(plain(f"removed {variant.id} ({_size(variant)}) from Foundry Local's cache") + "\n")
    return int(Exit.OK)


def _cached(name: str, where: ServingContext) -> FoundryVariant:
    """The one cached variant that a name means. Raises: UsageError when it means none, or several."""
    found = [variant for variant in foundry_catalogue.variants(name, where) if variant.is_cached]
    if len(found) != 1:
        meant = f"means {len(found)} cached variants: {', '.join(variant.id for variant in found)}" if found else "is not cached"
        raise UsageError(f"{name!r} {meant}", hint=f"name one exactly: foundry:{found[0].id}" if found else "nothing to do")
    return found[0]


def _size(variant: FoundryVariant) -> str:
    return f"{variant.size_bytes / 1e6:.0f} MB" if variant.size_bytes is not None else "size unknown"


def _asked(which: str) -> bool:
    """Whether a person says yes. Raises: UsageError when nobody is there."""
    if not sys.stdin.isatty():
        raise UsageError("removing needs a yes, and nobody is there to be asked", hint="add --yes")
    sys.stderr.write(f"remove {which} from the cache? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}

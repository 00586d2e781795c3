"""Check a spec: its YAML, its schema, its rules, its prompt templates. Runs no code of it, opens no connection, reads no file outside its folder.

Every error is shown at once, as file:line:column with the excerpt and a hint. Exit code 0 when there is none, 2 otherwise.
"""

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bench.catalog import REGISTRY
from bench.cli.console import plain
from bench.errors import Exit, SpecError, UsageError
from bench.records.source import Diagnostic, SourceFile
from bench.spec.diagnostics import render
from bench.spec.load import load_spec


class _Found(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to say about one spec. `valid`: the line that says so."""

    diagnostics: tuple[Diagnostic, ...]
    sources: tuple[SourceFile, ...]
    is_bad: bool
    valid: str | None = None


def configure(options: argparse.ArgumentParser) -> None:
    """Options of `bench validate`."""
    options.add_argument("specs", type=Path, nargs="+", metavar="SPEC", help="one spec or several; of a folder every spec in it")
    options.add_argument(
        "--format", choices=("text", "json", "github"), default="text", help="text for people, json for programs, github for annotations"
    )
    options.add_argument("--set", action="append", default=[], dest="overrides", metavar="KEY=VALUE", help="check with this key overridden")
    options.add_argument("--strict", action="store_true", help="count warnings as errors")


def execute(options: argparse.Namespace) -> int:
    """Check every spec; 0 when all are valid."""
    found = [_look(path, options) for given in options.specs for path in _specs(given)]
    if options.format == "text":
        for each in found:
            sys.stderr.write(render(each.diagnostics, each.sources, "text"))
        sys.stdout.write("".join(f"{each.valid}\n" for each in found if each.valid))
        _count([one for each in found for one in each.diagnostics])
    elif options.format == "json":
        documents = [json.loads(render(each.diagnostics, each.sources, "json")) for each in found]
        sys.stdout.write(json.dumps([one for document in documents for one in document], indent=2) + "\n")
    else:
        sys.stdout.write("".join(render(each.diagnostics, each.sources, "github") for each in found))
    return int(Exit.USAGE if any(each.is_bad for each in found) else Exit.OK)


def _specs(given: Path) -> list[Path]:
    """The spec itself; of a folder all in it. Raises: UsageError where there is none."""
    if not os.path.isdir(given):  # noqa: PTH112 - of a name that no file system takes, pathlib raises
        return [given]
    from bench.spec_files import specs_in  # noqa: PLC0415 - a spec alone is checked without it

    found = specs_in(given)
    if not found:
        raise UsageError(f"there is no spec in the folder {given}", hint="a spec begins with `bench: 1`; name its file, or the folder it is in")
    return found


def _look(path: Path, options: argparse.Namespace) -> _Found:
    """What there is to say about one spec. Each is rendered with its own files: two specs may have files of the same name."""
    try:
        loaded = load_spec(path, extensions=REGISTRY, environ=os.environ, overrides=options.overrides)
    except SpecError as error:
        return _Found(diagnostics=error.diagnostics, sources=error.sources, is_bad=True)
    spec = loaded.spec
    is_bad = options.strict and any(each.severity == "warning" for each in loaded.warnings)
    parts = ((len(spec.models), "model"), (len(spec.prompts), "prompt"), (len(spec.variants), "variant"))
    counted = ", ".join(f"{n} {word}{'s' * (n != 1)}" for n, word in parts)
    valid = None if is_bad else f"{plain(str(path))}: valid ({counted})"
    return _Found(diagnostics=loaded.warnings, sources=loaded.sources, is_bad=is_bad, valid=valid)


def _count(diagnostics: Sequence[Diagnostic]) -> None:
    counts = Counter(each.severity for each in diagnostics)
    if diagnostics:
        sys.stderr.write(
            ", ".join(f"{counts[word]} {word}{'s' * (counts[word] != 1)}" for word in ("error", "warning", "note") if counts[word]) + "\n"
        )

"""Check a spec: its YAML, its schema, its rules, its prompt templates. Runs no code of it, opens no connection, reads no file outside its folder.

Every error is shown at once, as file:line:column with the excerpt and a hint. Exit code 0 when there is none, 2 otherwise.
"""

import argparse
import os
import sys
from pathlib import Path

from bench.catalog import REGISTRY
from bench.cli.console import plain
from bench.errors import Exit, SpecError
from bench.records.source import Diagnostic, SourceFile
from bench.spec.diagnostics import render
from bench.spec.load import load_spec


def configure(options: argparse.ArgumentParser) -> None:
    """Options of `bench validate`."""
    options.add_argument("specs", type=Path, nargs="+", metavar="SPEC", help="one spec or several")
    options.add_argument(
        "--format", choices=("text", "json", "github"), default="text", help="text for people, json for programs, github for annotations"
    )
    options.add_argument("--set", action="append", default=[], dest="overrides", metavar="KEY=VALUE", help="check with this key overridden")
    options.add_argument("--strict", action="store_true", help="count warnings as errors")


def execute(options: argparse.Namespace) -> int:
    """Check every spec; 0 when all are valid."""
    diagnostics: list[Diagnostic] = []
    sources: list[SourceFile] = []
    lines: list[str] = []
    failed = False
    for path in options.specs:
        try:
            loaded = load_spec(path, extensions=REGISTRY, environ=os.environ, overrides=options.overrides)
        except SpecError as error:
            found, files, bad = error.diagnostics, error.sources, True
        else:
            found, files, bad = loaded.warnings, loaded.sources, options.strict and bool(loaded.warnings)
            spec = loaded.spec
            lines.append(f"{plain(str(path))}: valid ({len(spec.models)} models, {len(spec.prompts)} prompts, {len(spec.variants)} variants)")
        failed |= bad
        if options.format == "text":
            sys.stderr.write(render(found, files, "text"))
        diagnostics += found
        sources += files
    if options.format != "text":
        sys.stdout.write(render(tuple(diagnostics), tuple(sources), options.format))
    elif lines:
        sys.stdout.write("\n".join(lines) + "\n")
    if options.format == "text" and diagnostics:
        errors = sum(each.severity == "error" for each in diagnostics)
        sys.stderr.write(f"{errors} errors, {len(diagnostics) - errors} warnings\n")
    return int(Exit.USAGE if failed else Exit.OK)

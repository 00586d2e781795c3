"""Write a spec as another tool's file. What has no counterpart there is listed with its line, and marked in the file.

bench export promptfoo my.yaml -o promptfooconfig.yaml

Exit code 0 when there is a file, 2 when the spec is wrong, or with --strict when anything was left out (then nothing is written).
"""

import argparse
import os
import sys
from pathlib import Path

from bench.catalog import REGISTRY
from bench.cli.console import plain
from bench.cli.words import add_overrides
from bench.cli.writing import write_new
from bench.errors import Exit, SpecError
from bench.interchange.findings import Spot
from bench.interchange.promptfoo.exporting import export_config
from bench.spec.diagnostics import render
from bench.spec.load import load_spec
from bench.spec.yaml_source import parse


def configure(options: argparse.ArgumentParser) -> None:
    """Options of `bench export`."""
    kinds = options.add_subparsers(dest="kind", required=True, metavar="FORMAT", prog="bench export")
    promptfoo = kinds.add_parser("promptfoo", help="a configuration of promptfoo")
    promptfoo.add_argument("spec", type=Path, metavar="SPEC", help="the spec's file (YAML)")
    add_overrides(promptfoo)
    promptfoo.add_argument("-o", "--output", metavar="FILE", help="write the file here (default: standard output)")
    promptfoo.add_argument("--force", action="store_true", help="replace the file if it exists")
    promptfoo.add_argument("--strict", action="store_true", help="write nothing and end with code 2 when anything is left out")
    promptfoo.add_argument("--format", choices=("text", "json", "github"), default="text", help="how findings are listed, on standard error")


def execute(options: argparse.Namespace) -> int:
    """Check the spec, make the file, list what was left out, write it."""
    try:
        loaded = load_spec(options.spec, extensions=REGISTRY, environ=os.environ, overrides=options.overrides)
    except SpecError as error:
        sys.stderr.write(render(error.diagnostics, error.sources, options.format))
        return int(Exit.USAGE)
    source = loaded.sources[0]
    written, _ = parse(source.content, source.path)
    exported = export_config(loaded.spec, Spot(written))
    sys.stderr.write(render(exported.findings, loaded.sources, options.format))
    left_out = sum(one.severity == "warning" for one in exported.findings)
    is_refused = bool(left_out) and options.strict
    if not is_refused and options.output is None:
        sys.stdout.write(exported.text)
    elif not is_refused:
        write_new(Path(options.output), exported.text, force=options.force)
        sys.stdout.write(f"wrote {plain(options.output)}\n")
    if left_out and options.format == "text":
        ending = "nothing was written (--strict)" if is_refused else "the file says where"
        sys.stderr.write(f"{left_out} thing{'s are' if left_out != 1 else ' is'} left out; {ending}\n")
    return int(Exit.USAGE if is_refused else Exit.OK)

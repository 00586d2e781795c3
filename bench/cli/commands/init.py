"""Write a commented spec that runs as it is, to be changed into your own.

bench init                                bench.yaml, for the embedded model: no server, no account
bench init mine.yaml --runtime external   for a server that already runs
bench init -                              show it, write nothing
"""

import argparse
import sys
from pathlib import Path

from bench import resources
from bench.cli.console import plain
from bench.cli.writing import write_new
from bench.errors import Exit

_STARTS = {"llama.cpp": "embedded.yaml", "external": "external.yaml"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `bench init`."""
    parser.add_argument("file", nargs="?", default="bench.yaml", metavar="FILE", help="where to write it (default: bench.yaml); - for the terminal")
    parser.add_argument("--runtime", choices=tuple(_STARTS), default="llama.cpp", help="what serves the first model (default: llama.cpp, embedded)")
    parser.add_argument("--force", action="store_true", help="replace the file if it exists")


def execute(options: argparse.Namespace) -> int:
    """Write the spec; an existing file is left alone."""
    text = resources.read("templates", f"init/{_STARTS[options.runtime]}")
    if options.file == "-":
        sys.stdout.write(text)
        return int(Exit.OK)
    path = Path(options.file)
    write_new(path, text.replace("FILE", path.as_posix()), force=options.force)
    shown = plain(str(path))
    sys.stdout.write(f"wrote {shown}\nnext: bench validate {shown}, then bench run {shown}\n")
    return int(Exit.OK)

"""Write a commented spec that runs as it is, to be changed into your own.

bench init                            bench.yaml, for the embedded model: no server, no account
bench init mine.yaml --runtime external   for a server that already runs
bench init -                          show it, write nothing
"""

import argparse
import sys
from pathlib import Path

from bench import resources
from bench.cli.console import plain
from bench.errors import Exit, UsageError

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
    _write(path, text.replace("FILE", path.as_posix()), force=options.force)
    shown = plain(str(path))
    sys.stdout.write(f"wrote {shown}\nnext: bench validate {shown}, then bench run {shown}\n")
    return int(Exit.OK)


def _write(path: Path, text: str, *, force: bool) -> None:
    try:
        with path.open("w" if force else "x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError as error:
        raise UsageError(f"{path} exists and is left as it is", hint="give another name, or --force to replace it") from error
    except IsADirectoryError as error:
        raise UsageError(f"{path} is a folder", hint=f"name a file in it, such as {path / 'bench.yaml'}") from error
    except FileNotFoundError as error:
        raise UsageError(f"the folder {path.parent} does not exist", hint="make it first, or name a file in a folder that exists") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}", hint="name a file in a folder that you may write to") from error

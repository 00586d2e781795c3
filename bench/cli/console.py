"""What the terminal shows of errors. Text from specs, models and servers is untrusted: control characters are made visible."""

import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Literal, cast

from bench.errors import BenchError, Exit, SpecError
from bench.spec.diagnostics import render

# C0 and C1 controls but tab and newline, and the characters that reorder text (Unicode TR 9).
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def plain(text: str) -> str:
    r"""Text that cannot steer a terminal: control and bidirectional characters shown as `\\x1b`."""
    return _UNSAFE.sub(lambda found: f"\\x{ord(found.group()):02x}", text)


def line(text: str) -> None:
    """A line on standard error, at once. When its reader is gone nobody misses it: what is being done goes on."""
    with suppress(BrokenPipeError):
        sys.stderr.write(plain(text) + "\n")
        sys.stderr.flush()


def complain(error: BenchError, *, style: str = "text") -> None:
    """An expected error on standard error; a spec's findings in the style that was asked for (standard output, when it is for a program)."""
    if isinstance(error, SpecError):
        chosen = cast("Literal['text', 'json', 'github']", style if style in {"json", "github"} else "text")
        stream = sys.stderr if chosen == "text" else sys.stdout
        stream.write(render(error.diagnostics, error.sources, chosen).rstrip("\n") + "\n")
        if chosen == "text":
            stream.write(f"{error.message}\n")
        return
    sys.stderr.write(f"error: {plain(error.message)}\n")
    if error.hint:
        sys.stderr.write(f"hint: {plain(error.hint)}\n")


def end(error: Exception, words: Sequence[str]) -> int:
    """Show an exception that ends the program; returns the exit code."""
    if not isinstance(error, BenchError):
        log_bug(error)
        return int(Exit.BUG)
    asked = [word.partition("=")[2] or after for word, after in pairwise((*words, "")) if word == "--format" or word.startswith("--format=")]
    complain(error, style=asked[-1] if asked else "text")
    return int(error.code)


def log_bug(error: Exception) -> None:
    """Write the traceback to a log and name it: a user sees one line, the maintainer the whole."""
    import tempfile  # noqa: PLC0415 - only here, and dear to load
    import traceback  # noqa: PLC0415

    handle, name = tempfile.mkstemp(prefix="bench-bug-", suffix=".log")
    with os.fdopen(handle, "w", encoding="utf-8") as log:
        traceback.print_exception(error, file=log)
    sys.stderr.write(f"bug in bench: {type(error).__name__}: {plain(str(error))}\n")
    sys.stderr.write(f"hint: please report it with {Path(name)} (look through it first: it may hold text of your spec)\n")

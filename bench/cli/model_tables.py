"""How lists of models are shown: tables for people, JSON for programs. Names come from servers and files, so they are made harmless."""

import json
import re
import sys
from collections.abc import Sequence
from typing import Any

from bench.cli.console import plain

_BREAKS = re.compile(r"[\n\r\t]")


def one_line(text: str) -> str:
    """Untrusted text as one harmless line: a name with a line break cannot pretend to be two rows."""
    return plain(_BREAKS.sub(lambda found: f"\\x{ord(found.group()):02x}", text))


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Rows as aligned columns, two spaces apart; the last column is not padded."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join(lines) + "\n"


def write_json(document: Any) -> None:
    """A document for programs, on standard output; control characters are escaped by JSON itself."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=True) + "\n")


def counted(n: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{n} {noun}{'s' * (n != 1)}"


def megabytes(n: int) -> str:
    """A size for people: MB, from a gigabyte on GB (powers of 1000)."""
    return f"{n / 1e9:.2f} GB" if n >= 10**9 else f"{n / 1e6:.0f} MB" if n >= 10**6 else f"{n / 1e3:.0f} kB"

"""How weights and models are shown: tables for people, JSON for programs. Names come from servers and files, so they are made harmless."""

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from bench.cli.console import plain
from bench.cli.endpoints import Offer
from bench.cli.gguf import NotGguf, describe
from bench.records.weights import CacheEntry

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


def print_offer(offer: Offer, style: str) -> None:
    """The models of a server, one a line."""
    if style == "json":
        write_json(msgspec.to_builtins(offer))
        return
    for name in offer.models:
        sys.stdout.write(one_line(name) + "\n")
    sys.stderr.write(f"{counted(len(offer.models), 'model')} at {one_line(offer.base_url)}\n")


def print_cache(entries: Sequence[CacheEntry], folder: Path, style: str) -> None:
    """The files of the cache."""
    if style == "json":
        write_json([msgspec.to_builtins(entry) for entry in entries])
        return
    if not entries:
        sys.stdout.write(f"the cache is empty ({one_line(str(folder))})\nfetch with: bench models pull SPEC\n")
        return
    rows = [("id", "size", "fetched", "file", "source")]
    rows += [
        (entry.id, megabytes(entry.bytes), entry.fetched_at[:10], one_line(Path(entry.path).name), one_line(" + ".join(entry.source)))
        for entry in entries
    ]
    sys.stdout.write(columns(rows))
    sys.stderr.write(f"{counted(len(entries), 'file')}, {megabytes(sum(entry.bytes for entry in entries))}, in {one_line(str(folder))}\n")


def print_details(entry: CacheEntry, style: str) -> None:
    """All that is known of one file, with what its header says where it is a GGUF file."""
    path = Path(entry.path)
    header: dict[str, Any] = {}
    note = None
    if path.suffix.lower() == ".gguf":
        try:
            header = describe(path)
        except (NotGguf, OSError) as error:
            note = f"the header cannot be read: {error}"
    if style == "json":
        write_json({**msgspec.to_builtins(entry), "gguf": header, "note": note})
        return
    rows = [
        ("id", entry.id),
        ("file", entry.path),
        ("source", " + ".join(entry.source)),
        ("size", f"{megabytes(entry.bytes)} ({entry.bytes} bytes)"),
        ("sha256", entry.sha256),
        ("fetched", entry.fetched_at),
        ("licence", entry.license or header.pop("licence", None) or "not said by the file; see its source"),
        *((name, "yes" if value is True else "no" if value is False else str(value)) for name, value in header.items()),
    ]
    if note:
        rows.append(("note", note))
    sys.stdout.write(columns([(name, one_line(value)) for name, value in rows]))


def counted(n: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{n} {noun}{'s' * (n != 1)}"


def megabytes(n: int) -> str:
    """A size for people: MB, from a gigabyte on GB (powers of 1000)."""
    return f"{n / 1e9:.2f} GB" if n >= 10**9 else f"{n / 1e6:.0f} MB" if n >= 10**6 else f"{n / 1e3:.0f} kB"

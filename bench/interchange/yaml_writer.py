"""Plain data to YAML that people like to read: comments, short values on one line, long texts as blocks, repeated texts named once.

Written for this project's own reader: what comes out is read back as the same data (`tests/unit/interchange/test_yaml_writer.py`).
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from bench.spec.core_types import plain
from bench.spec.diagnostics import visible

_ROOM = 120  # characters of a line that may hold a whole list or mapping
_BARE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_ ./()%+=<>;-]*")
_OPENING = re.compile(r"[A-Za-z0-9_$(/]")
_RAW = re.compile("[\x7f-\xa0\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f]")
_UNFIT = re.compile(r"[\x00-\x09\x0b-\x1f]|[ ]$|\A[\s]", re.MULTILINE)  # what a literal block cannot show


class Remarked(msgspec.Struct, frozen=True):
    """A value with comments above it and beside it."""

    value: Any
    above: tuple[str, ...] = ()
    beside: str = ""


class Named(msgspec.Struct, frozen=True):
    """A text that is written once with a name (`&name`), to be repeated by `Again`."""

    name: str
    value: str


class Again(msgspec.Struct, frozen=True):
    """The text that was named before (`*name`)."""

    name: str


class Block(msgspec.Struct, frozen=True):
    """A mapping or list that gets a line for each entry, however short it is."""

    value: Any


def to_yaml(document: Mapping[str, Any], head: Sequence[str] = ()) -> str:
    """The document as YAML, with comments at its head; lists and mappings at the top are set apart by blank lines."""
    lines = [f"# {visible(line)}".rstrip() for line in head]
    was_long = bool(lines)
    for key, given in document.items():
        written = list(_entry(key, given, 0))
        is_long = len(written) > 1
        if lines and (is_long or was_long):
            lines.append("")
        lines += written
        was_long = is_long
    return "\n".join(lines) + "\n"


def _entry(key: str, given: Any, indent: int) -> Iterator[str]:
    """The lines of `key: value`."""
    pad = " " * indent
    value, above, beside = _open(given)
    yield from (f"{pad}# {visible(line)}".rstrip() for line in above)
    beside = f"  # {visible(beside)}" if beside else ""
    first = f"{pad}{scalar(key)}:"
    if (text := _one_line(value, _ROOM - len(first))) is not None:
        yield f"{first} {text}{beside}"
    elif isinstance(value, str | Named):
        opening, rest = _literal(value, indent + 2)
        yield f"{first} {opening}{beside}"
        yield from rest
    else:
        yield first + beside
        yield from _body(value, indent + 2)


def _body(given: Any, indent: int) -> Iterator[str]:
    value = given.value if isinstance(given, Block) else given
    if isinstance(value, Mapping):
        for key, child in value.items():
            yield from _entry(key, child, indent)
        return
    for item in value:
        yield from _item(item, indent)


def _item(given: Any, indent: int) -> Iterator[str]:
    pad = " " * indent
    value, above, beside = _open(given)
    yield from (f"{pad}# {visible(line)}".rstrip() for line in above)
    beside = f"  # {visible(beside)}" if beside else ""
    if (text := _one_line(value, _ROOM - indent - 2)) is not None:
        yield f"{pad}- {text}{beside}"
        return
    if isinstance(value, str | Named):
        opening, rest = _literal(value, indent + 2)
        yield f"{pad}- {opening}{beside}"
        yield from rest
        return
    lines = list(_body(value, indent + 2))
    start = next(index for index, line in enumerate(lines) if not line.lstrip().startswith("#"))
    yield from (f"{pad}{line.strip()}" for line in lines[:start])
    yield f"{pad}- {lines[start][indent + 2 :]}"
    yield from lines[start + 1 :]


def _open(given: Any) -> tuple[Any, tuple[str, ...], str]:
    return (given.value, given.above, given.beside) if isinstance(given, Remarked) else (given, (), "")


def _one_line(value: Any, room: int) -> str | None:
    """The value on one line; None when it is too long or holds what needs more lines."""
    if isinstance(value, Block):
        return None
    if isinstance(value, str | Named):
        text, name = (value, "") if isinstance(value, str) else (value.value, f"&{value.name} ")
        return None if _is_literal(text) else name + (text if _is_bare(text) else scalar(text))
    if not isinstance(value, Mapping | list | tuple):
        return _flow(value)
    if not value:
        return "{}" if isinstance(value, Mapping) else "[]"
    flow = _flow(value)
    return flow if flow is not None and len(flow) <= room else None


def _flow(value: Any) -> str | None:
    """Flow style; None where a part has comments or a line for each entry."""
    match value:
        case Remarked() | Block():
            return None
        case Named():
            return f"&{value.name} {scalar(value.value)}"
        case Again():
            return f"*{value.name}"
        case Mapping():
            pairs = [(scalar(key), _flow(child)) for key, child in value.items()]
            return None if any(text is None for _, text in pairs) else "{" + ", ".join(f"{key}: {text}" for key, text in pairs) + "}"
        case list() | tuple():
            texts = [_flow(child) for child in value]
            return None if any(text is None for text in texts) else "[" + ", ".join(text or "" for text in texts) + "]"
        case _:
            return scalar(value)


def scalar(value: Any) -> str:
    """One value on one line: bare where nothing can be misread, in single quotes where double ones would need escapes, else in double quotes."""
    if not isinstance(value, str):
        return json.dumps(value)
    if _BARE.fullmatch(value) and not value.endswith(" ") and isinstance(plain(value), str):
        return value
    text = json.dumps(value, ensure_ascii=False)
    if ("\\" in value or '"' in value) and value.isprintable() and not _RAW.search(value):
        return "'" + value.replace("'", "''") + "'"
    return _RAW.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def _is_bare(text: str) -> bool:
    """Whether a text needs no quotes where it has the rest of the line to itself."""
    is_clear = text.isprintable() and not _RAW.search(text) and not text.endswith((":", " ")) and ": " not in text and " #" not in text
    return is_clear and _OPENING.match(text) is not None and isinstance(plain(text), str)


def _is_literal(text: str) -> bool:
    body = text.removesuffix("\n")
    return "\n" in text and bool(body.strip()) and not body.endswith("\n") and not _UNFIT.search(body) and not _RAW.search(text)


def _literal(given: Any, indent: int) -> tuple[str, list[str]]:
    text = given.value if isinstance(given, Named) else given
    name = f"&{given.name} " if isinstance(given, Named) else ""
    mark = "|" if text.endswith("\n") else "|-"
    return name + mark, [" " * indent + line if line else "" for line in text.removesuffix("\n").split("\n")]

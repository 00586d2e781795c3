"""Findings as people and machines read them: text with the source line, JSON, or GitHub annotations.

Specs are untrusted: control characters, terminal escapes and text-direction marks are made visible wherever text is shown.
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from bench.records.source import Diagnostic, SourceFile

Style = Literal["text", "json", "github"]

_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb]")
_WIDTH = 120  # characters of a source line that are shown
_RANK = {"error": 0, "warning": 1, "note": 2}
_PRIVATE = {"inline-secret", "credentials-in-url"}  # the source line from this place on is never shown
_MISSPELT = "did you mean `api_key`?"  # what stands after such a key may be a secret
_GITHUB = {"error": "error", "warning": "warning", "note": "notice"}


def render(diagnostics: Iterable[Diagnostic], sources: Sequence[SourceFile], style: Style) -> str:
    """All findings in order of file and place, in one style. Ends in a line break unless there is nothing to say."""
    files = {source.path: source for source in sources}
    found = in_order(diagnostics, sources)
    match style:
        case "text":
            hidden = _hidden(found)
            return "".join(f"{_text(one, files, hidden)}\n" for one in found)
        case "json":
            return json.dumps([_plain(one, files) for one in found], indent=2) + "\n"
        case "github":
            return "".join(f"{_github(one, files)}\n" for one in found)


def in_order(diagnostics: Iterable[Diagnostic], sources: Sequence[SourceFile]) -> tuple[Diagnostic, ...]:
    """Without repetition, by file (in the order they were read), line, column, and severity."""
    rank = {source.path: index for index, source in enumerate(sources)}

    def place(one: Diagnostic) -> tuple[int, str, int, int, int, str, str, str]:
        at = one.position
        file, line, column = (at.file, at.line, at.column) if at is not None else ("", 0, 0)
        return rank.get(file, len(rank)), file, line, column, _RANK[one.severity], one.code, one.pointer, one.message

    return tuple(sorted({place(one): one for one in diagnostics}.values(), key=place))


def visible(text: str) -> str:
    """The text with every character that cannot be seen written as its escape."""
    return _UNSEEN.sub(lambda found: _escape(found.group()), text)


def _escape(character: str) -> str:
    code = ord(character)
    return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")


def _shown(one: Diagnostic, files: Mapping[str, SourceFile]) -> str:
    file = one.position.file if one.position is not None else ""
    source = files.get(file)
    return (source.shown or file) if source is not None else file


def _hidden(found: Iterable[Diagnostic]) -> dict[tuple[str, int], int]:
    """Where in which line a secret starts."""
    hidden: dict[tuple[str, int], int] = {}
    for at in [one.position for one in found if one.position is not None and (one.code in _PRIVATE or one.hint == _MISSPELT)]:
        hidden[at.file, at.line] = min(at.column, hidden.get((at.file, at.line), at.column))
    return hidden


def _text(one: Diagnostic, files: Mapping[str, SourceFile], hidden: Mapping[tuple[str, int], int]) -> str:
    at = one.position
    place = f"{visible(_shown(one, files))}:{at.line}:{at.column}: " if at is not None else ""
    lines = [f"{place}{one.severity}[{one.code}]: {visible(one.message)}"]
    if at is not None and at.file in files:
        lines += _excerpt(files[at.file].text, at.line, at.column, hidden.get((at.file, at.line)))
    if one.hint:
        lines.append(f"  hint: {visible(one.hint)}")
    return "\n".join(lines)


def _excerpt(text: str, line: int, column: int, secret: int | None) -> list[str]:
    lines = re.split(r"\r\n|\n|\r", text)
    if not 1 <= line <= len(lines) or not lines[line - 1].strip():
        return []
    content = lines[line - 1] if secret is None else lines[line - 1][: secret - 1] + "…"
    column = column if secret is None else min(column, secret)
    start = max(0, min(column - 1, len(content)) - _WIDTH // 2) if len(content) > _WIDTH else 0
    before = "…" * (start > 0) + visible(content[start : column - 1].replace("\t", " "))
    rest = content[max(start, column - 1) : start + _WIDTH]
    after = visible(rest.replace("\t", " ")) + "…" * (start + _WIDTH < len(content))
    number = str(line)
    return [f"  {number} | {before}{after}", f"  {' ' * len(number)} | {' ' * _columns(before)}^"]


def _columns(text: str) -> int:
    """Terminal columns that a text takes."""
    return sum(0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text)


def _plain(one: Diagnostic, files: Mapping[str, SourceFile]) -> dict[str, Any]:
    at = one.position
    return {
        "code": one.code,
        "severity": one.severity,
        "message": one.message,
        "file": _shown(one, files) or None,
        "line": at.line if at is not None else None,
        "column": at.column if at is not None else None,
        "pointer": one.pointer,
        "hint": one.hint,
    }


def _github(one: Diagnostic, files: Mapping[str, SourceFile]) -> str:
    fields = {"title": f"bench: {one.code}"}
    if one.position is not None:
        fields = {"file": _inside(_shown(one, files)), "line": str(one.position.line), "col": str(one.position.column), **fields}
    properties = ",".join(f"{name}={_property(value)}" for name, value in fields.items())
    message = f"{one.message} ({one.hint})" if one.hint else one.message
    return f"::{_GITHUB[one.severity]} {properties}::{_data(visible(message))}"


def _inside(file: str) -> str:
    """The path as seen from the working directory (GitHub wants it from the checkout), or as it is."""
    path = Path(file)
    return path.relative_to(Path.cwd()).as_posix() if path.is_absolute() and path.is_relative_to(Path.cwd()) else file


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")

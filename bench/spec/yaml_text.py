"""Bytes to text that YAML can read, and the parser's complaints in words of our own."""

import re
from typing import Any

import yaml

from bench.records.source import Diagnostic, Position

MAX_BYTES = 4 * 2**20  # one file; ten transcripts take 100 kB

# Control characters, surrogates, and the line breaks that YAML 1.1 and 1.2 read differently.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_JSON_PAIR = re.compile(r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")

_WORDS = {  # libyaml's words -> ours, and what to do
    "found character that cannot start any token": (
        "a value cannot start with this character",
        "put the text in quotes",
    ),
    "mapping values are not allowed in this context": (
        "`:` starts a value here, but no key can stand at this place",
        "put text that contains `: ` in quotes, and check the indentation",
    ),
    "did not find expected ',' or ']'": (
        "this list is not closed",
        "close it with `]`, separate its items with `,`, and quote text that contains `, ` or `: `",
    ),
    "did not find expected ',' or '}'": (
        "this mapping is not closed",
        "close it with `}`, separate its entries with `,`, and quote text that contains `, ` or `: `",
    ),
    "did not find expected key": ("expected a key here", "check the indentation and the quotes of this line and the one before"),
    "did not find expected '-' indicator": ("expected an item that starts with `- `", "check the indentation"),
    "did not find expected node content": ("a value is missing here", "close the list or mapping, or write the value"),
    "found unexpected end of stream": ("this quoted text never ends", "close the quote"),
    "found unknown escape character": ("unknown escape in double quotes", "use single quotes, or write the backslash twice"),
    "did not find expected hexdecimal number": ("unknown escape in double quotes", "use single quotes, or write the backslash twice"),
    "found invalid Unicode character escape code": ("this escape is not a Unicode character", "write the character itself"),
    "could not find expected ':'": ("this line is not `key: value`", "add the `:`, and check the indentation"),
    "block sequence entries are not allowed in this context": ("a list cannot start here", "start the list on the next line"),
}


class Unreadable(Exception):
    """The text is not YAML as this language takes it; carries the finding."""

    def __init__(self, found: Diagnostic) -> None:
        """Keep the finding."""
        super().__init__(found.message)
        self.found = found


def finding(file: str, at: tuple[int, int], code: str, message: str, hint: str | None = None) -> Diagnostic:
    """An error at a line and column."""
    position = Position(file=file, line=at[0], column=at[1])
    return Diagnostic(code=code, severity="error", message=message, position=position, hint=hint)


def readable(content: bytes, file: str) -> str:
    """The text of a file. Raises: Unreadable when it is too large, not UTF-8, or holds what no spec should."""
    if len(content) > MAX_BYTES:
        message = f"the file has {len(content):,} bytes; at most {MAX_BYTES:,} are read"
        raise Unreadable(finding(file, (1, 1), "yaml-size", message, "move prompts into several prompt sets and include them"))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8-sig", errors="replace")
        message = f"the file is not UTF-8 (byte 0x{content[error.start]:02x})"
        raise Unreadable(finding(file, _at(before, len(before)), "yaml-encoding", message, "save it as UTF-8")) from error
    if (bad := _FORBIDDEN.search(text)) is not None:
        message = f"the character U+{ord(bad.group()):04X} is not allowed as it stands"
        hint = f'remove it, or write it as "\\u{ord(bad.group()):04X}" in double quotes'
        raise Unreadable(finding(file, _at(text, bad.start()), "yaml-character", message, hint))
    if file.endswith(".json"):  # JSON writes characters beyond U+FFFF as two escapes, which YAML does not know
        text = _JSON_PAIR.sub(lambda pair: pair[1] + chr(0x10000 + (int(pair[2], 16) - 0xD800) * 0x400 + int(pair[3], 16) - 0xDC00), text)
    return text


def _at(text: str, index: int) -> tuple[int, int]:
    lines = re.split(r"\r\n|\n|\r", text[:index])
    return len(lines), len(lines[-1]) + 1


def place(mark: Any) -> tuple[int, int]:
    """Line and column from 1 of a parser's mark."""
    return mark.line + 1, mark.column + 1


def complaint(error: yaml.MarkedYAMLError, text: str, file: str) -> Diagnostic:
    """What the parser stumbled over, and what to do about it."""
    mark = error.problem_mark or error.context_mark
    line, column = place(mark) if mark is not None else (1, 1)
    problem = str(error.problem or "unreadable")
    lines = re.split(r"\r\n|\n|\r", text)
    if "\t" in lines[min(line, len(lines)) - 1][:column]:
        return finding(file, (line, column), "yaml-tab", "a tab stands where YAML wants spaces", "indent with spaces")
    message, hint = _WORDS.get(problem, (problem, None))
    opened = error.context_mark if "is not closed" in message or "never ends" in message else None
    return finding(file, place(opened) if opened is not None else (line, column), "yaml-syntax", message, hint)

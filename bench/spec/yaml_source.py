"""YAML text to plain data with the place of every value: YAML 1.2 core types, and nothing that surprises.

Built from the parser's events, not by a loader, so that nesting, aliases and size are bounded while reading. Source: yaml.org/spec/1.2.2, §10.3
(core schema).
"""

import math
import re
from copy import deepcopy
from typing import Any

import yaml

from bench.records.source import Diagnostic, Position
from bench.spec.marked import Mark, Marked, Path, pointer

MAX_BYTES = 4 * 2**20  # one file; ten transcripts take 100 kB
MAX_NODES = 100_000  # values after aliases are in place
MAX_DEPTH = 64
MAX_ALIASES = 1_000
_MAX_INTEGER = 2**63  # what every JSON reader takes

_NULL = {"", "~", "null", "Null", "NULL"}
_BOOLEAN = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", re.ASCII)
# Control characters, surrogates, and the line breaks that YAML 1.1 and 1.2 read differently.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_JSON_PAIR = re.compile(r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_CORE_TAGS = {"tag:yaml.org,2002:str": "str", "tag:yaml.org,2002:map": "map", "tag:yaml.org,2002:seq": "seq", "!": "str"}

_WORDS = {  # libyaml's words -> ours, and what to do
    "found character that cannot start any token": (
        "a value cannot start with this character",
        "put the text in quotes",
    ),
    "mapping values are not allowed in this context": (
        "`:` starts a value here, but no key can stand at this place",
        "put text that contains `: ` in quotes, and check the indentation",
    ),
    "did not find expected ',' or ']'": ("this list is not closed", "close it with `]`, and separate its items with `,`"),
    "did not find expected ',' or '}'": ("this mapping is not closed", "close it with `}`, and separate its entries with `,`"),
    "did not find expected key": ("expected a key here", "check the indentation and the quotes of this line and the one before"),
    "did not find expected '-' indicator": ("expected an item that starts with `- `", "check the indentation"),
    "found unexpected end of stream": ("this quoted text never ends", "close the quote"),
    "found unknown escape character": ("unknown escape in double quotes", "use single quotes, or write the backslash twice"),
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


def parse(content: bytes, file: str) -> tuple[Marked, tuple[Diagnostic, ...]]:
    """The data of one file, its marks, and what is wrong with it (duplicate keys, unknown tags, …), all at once.

    Raises: Unreadable when there is no data to go on with (syntax, encoding, size).
    """
    reader = _Reader(file)
    text = _text(content, file)
    try:
        for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            reader.feed(event)
    except yaml.MarkedYAMLError as error:
        raise Unreadable(_syntax(error, text, file)) from error
    except yaml.YAMLError as error:
        raise Unreadable(_finding(file, (1, 1), "yaml-syntax", "this is not YAML", "check the encoding of the file")) from error
    if not reader.documents or (reader.data is None and not text.strip()):
        raise Unreadable(_finding(file, (1, 1), "yaml-empty", "the file is empty", "`bench init` writes a spec to start from"))
    return Marked(reader.data, reader.marks()), tuple(reader.found)


def _finding(file: str, at: tuple[int, int], code: str, message: str, hint: str | None = None, where: str = "") -> Diagnostic:
    position = Position(file=file, line=at[0], column=at[1])
    return Diagnostic(code=code, severity="error", message=message, position=position, pointer=where, hint=hint)


def _text(content: bytes, file: str) -> str:
    if len(content) > MAX_BYTES:
        message = f"the file has {len(content):,} bytes; at most {MAX_BYTES:,} are read"
        raise Unreadable(_finding(file, (1, 1), "yaml-size", message, "move prompts into several prompt sets and include them"))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8-sig", errors="replace")
        message = f"the file is not UTF-8 (byte 0x{content[error.start]:02x})"
        raise Unreadable(_finding(file, _at(before, len(before)), "yaml-encoding", message, "save it as UTF-8")) from error
    if (bad := _FORBIDDEN.search(text)) is not None:
        message = f"the character U+{ord(bad.group()):04X} is not allowed as it stands"
        hint = f'remove it, or write it as "\\u{ord(bad.group()):04X}" in double quotes'
        raise Unreadable(_finding(file, _at(text, bad.start()), "yaml-character", message, hint))
    if file.endswith(".json"):  # JSON writes characters beyond U+FFFF as two escapes, which YAML does not know
        text = _JSON_PAIR.sub(lambda pair: pair[1] + chr(0x10000 + (int(pair[2], 16) - 0xD800) * 0x400 + int(pair[3], 16) - 0xDC00), text)
    return text


def _at(text: str, index: int) -> tuple[int, int]:
    lines = re.split(r"\r\n|\n|\r", text[:index])
    return len(lines), len(lines[-1]) + 1


def _place(mark: Any) -> tuple[int, int]:
    return mark.line + 1, mark.column + 1


def _syntax(error: yaml.MarkedYAMLError, text: str, file: str) -> Diagnostic:
    mark = error.problem_mark or error.context_mark
    line, column = _place(mark) if mark is not None else (1, 1)
    problem = str(error.problem or "unreadable")
    lines = re.split(r"\r\n|\n|\r", text)
    if "\t" in lines[min(line, len(lines)) - 1][:column]:
        return _finding(file, (line, column), "yaml-tab", "a tab stands where YAML wants spaces", "indent with spaces")
    message, hint = _WORDS.get(problem, (problem, None))
    opened = error.context_mark if "is not closed" in message or "never ends" in message else None
    return _finding(file, _place(opened) if opened is not None else (line, column), "yaml-syntax", message, hint)


class _Open:
    """A mapping or list that is being read."""

    def __init__(self, container: dict[str, Any] | list[Any], path: Path, anchor: tuple[str, int] | None) -> None:
        self.container = container
        self.path = path
        self.anchor = anchor  # its name, and where its marks begin
        self.key: str | None = None
        self.key_at: tuple[int, int] | None = None
        self.is_skipping = False  # the value of a refused key
        self.lines: dict[str, int] = {}  # where each key stands first


class _Reader:
    """Builds data and marks from events, within bounds."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.data: Any = None
        self.documents = 0
        self.found: list[Diagnostic] = []
        self._marks: list[tuple[Path, Mark]] = []
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Any, Path, int, int]] = {}
        self._aliases = 0

    def marks(self) -> dict[Path, Mark]:
        """Where each value stands."""
        return dict(self._marks)

    def feed(self, event: yaml.Event) -> None:
        """Take one event."""
        match event:
            case yaml.DocumentStartEvent():
                self.documents += 1
                if self.documents > 1:
                    hint = "keep one document per file; remove the `---`"
                    self._stop(event, "yaml-documents", "a second YAML document starts here", hint)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._start(event)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._end()
            case yaml.ScalarEvent():
                self._scalar(event)
            case yaml.AliasEvent():
                self._alias(event)

    def _stop(self, event: yaml.Event, code: str, message: str, hint: str | None = None) -> None:
        raise Unreadable(_finding(self.file, _place(event.start_mark), code, message, hint))

    def _note(self, event: yaml.Event, code: str, message: str, hint: str | None = None) -> None:
        path = self._open[-1].path if self._open else ()
        self.found.append(_finding(self.file, _place(event.start_mark), code, message, hint, pointer(path)))

    def _mark(self, path: Path, event: yaml.Event, style: str = "") -> None:
        if len(self._marks) >= MAX_NODES:
            self._stop(event, "yaml-size", f"more than {MAX_NODES:,} values", "split the prompts over several experiments")
        key_at = self._open[-1].key_at if self._open else None
        self._marks.append((path, Mark(self.file, pointer(path), _place(event.start_mark), key_at, style)))

    def _slot(self, event: yaml.Event) -> Path | None:
        """The path of the value that starts now; None when it stands where a key must."""
        if not self._open:
            return ()
        top = self._open[-1]
        if isinstance(top.container, list):
            return (*top.path, len(top.container))
        if top.key is None and not top.is_skipping:
            self._note(event, "yaml-key", "a list or mapping cannot be a key", "use a word as the key")
            return None
        return (*top.path, top.key if top.key is not None else "")

    def _put(self, value: Any) -> None:
        if not self._open:
            self.data = value
            return
        top = self._open[-1]
        if isinstance(top.container, list):
            top.container.append(value)
            return
        if top.key is not None:
            top.container[top.key] = value
            top.key = top.key_at = None
        else:
            top.is_skipping = not top.is_skipping  # a refused key: its value is dropped; an unusable key: its value will be

    def _start(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent) -> None:
        if len(self._open) >= MAX_DEPTH:
            self._stop(event, "yaml-depth", f"nested deeper than {MAX_DEPTH} levels")
        is_map = isinstance(event, yaml.MappingStartEvent)
        if event.tag is not None and _CORE_TAGS.get(event.tag) != ("map" if is_map else "seq"):
            self._note(event, "yaml-tag", f"the tag `{event.tag}` has no meaning here", "remove it")
        path = self._slot(event)
        anchor = (event.anchor, len(self._marks)) if event.anchor is not None and path is not None else None
        path = path if path is not None else (*self._open[-1].path, "")
        self._mark(path, event)
        self._open.append(_Open({} if is_map else [], path, anchor))

    def _end(self) -> None:
        done = self._open.pop()
        if done.anchor is not None:
            name, start = done.anchor
            self._anchors[name] = (done.container, done.path, start, len(self._marks))
        self._put(done.container)

    def _alias(self, event: yaml.AliasEvent) -> None:
        self._aliases += 1
        if self._aliases > MAX_ALIASES:
            self._stop(event, "yaml-alias", f"more than {MAX_ALIASES:,} aliases", "write the values out")
        if event.anchor not in self._anchors:
            inside = any(one.anchor is not None and one.anchor[0] == event.anchor for one in self._open)
            message = (
                f"`*{event.anchor}` stands inside the value it names" if inside else f"no `&{event.anchor}` stands before this `*{event.anchor}`"
            )
            self._stop(event, "yaml-alias", message, "name a value that is complete before this place")
        value, origin, start, end = self._anchors[event.anchor]
        if self._open and isinstance(self._open[-1].container, dict) and self._open[-1].key is None and not self._open[-1].is_skipping:
            self._note(event, "yaml-key", "an alias cannot be a key", "write the key out")
            self._put(None)
            return
        path = self._slot(event) or ()
        self._mark(path, event)
        if len(self._marks) + end - start > MAX_NODES:
            self._stop(event, "yaml-size", f"more than {MAX_NODES:,} values once aliases are in place", "write fewer aliases")
        self._marks.extend([(path + where[len(origin) :], mark) for where, mark in self._marks[start + 1 : end]])
        self._put(deepcopy(value))

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        top = self._open[-1] if self._open else None
        if top is not None and isinstance(top.container, dict) and top.key is None and not top.is_skipping:
            self._key(event, top)
            return
        path = self._slot(event) or ()
        start = len(self._marks)
        self._mark(path, event, event.style or "")
        value = self._value(event)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, path, start, start + 1)
        self._put(value)

    def _key(self, event: yaml.ScalarEvent, top: _Open) -> None:
        key = event.value if event.style else _plain(event.value)
        problem: tuple[str, str, str] | None = None
        if key == "<<" and not event.style:
            problem = ("yaml-merge-key", "merge keys (`<<`) are not part of the spec language", "use `defaults` of a prompt set, or write it out")
        elif not isinstance(key, str):
            problem = ("yaml-key", f"the key `{event.value[:40]}` is not text", f'put it in quotes: "{event.value[:40]}"')
        elif key in top.container:
            message = f"the key `{key[:60]}` stands here twice; first in line {top.lines[key]}"
            problem = ("yaml-duplicate-key", message, "remove one of them")
        if problem is not None:
            self._note(event, *problem)
            top.is_skipping = True
            top.key, top.key_at = None, _place(event.start_mark)
            return
        top.key, top.key_at = str(key), _place(event.start_mark)
        top.lines[top.key] = top.key_at[0]

    def _value(self, event: yaml.ScalarEvent) -> Any:
        if event.tag is not None:
            if _CORE_TAGS.get(event.tag) == "str":
                return event.value
            self._note(event, "yaml-tag", f"the tag `{event.tag}` has no meaning here", "remove it; only data can stand in a spec")
            return event.value
        value = event.value if event.style else _plain(event.value)
        if isinstance(value, str) and (bad := _SURROGATE.search(value)) is not None:
            self._note(event, "yaml-character", f"the escape of U+{ord(bad.group()):04X} is not a character", "write the character itself")
            return ""
        if isinstance(value, _Unusable):
            self._note(event, "yaml-number", value.why, value.hint)
            return 0
        return value


class _Unusable:
    """A number that JSON cannot hold."""

    def __init__(self, why: str, hint: str) -> None:
        self.why = why
        self.hint = hint


def _plain(text: str) -> Any:
    """The value of a plain scalar by the core schema."""
    if text in _NULL:
        return None
    if text in _BOOLEAN:
        return _BOOLEAN[text]
    if _INTEGER.fullmatch(text):
        if len(text) > 24:
            return _Unusable("this whole number has too many digits", "put it in quotes when it is text")
        number = int(text, 0) if text[:2] in {"0o", "0x"} else int(text)
        return number if abs(number) < _MAX_INTEGER else _Unusable("this whole number is beyond 64 bits", "put it in quotes when it is text")
    if _FLOAT.fullmatch(text):
        value = float(text)
        return value if math.isfinite(value) else _Unusable("this number is too large", "put it in quotes when it is text")
    if _NOT_FINITE.fullmatch(text):
        return _Unusable(f"`{text}` is no finite number", "put it in quotes when it is text")
    return text

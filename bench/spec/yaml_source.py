"""YAML text to plain data with the place of every value: YAML 1.2 core types, and nothing that surprises.

Built from the parser's events, not by a loader, so that nesting, aliases and size are bounded while reading. Source: yaml.org/spec/1.2.2, §10.3
(core schema).
"""

import re
from typing import Any

import msgspec
import yaml

from bench.records.source import Diagnostic
from bench.spec.core_types import Unusable, plain
from bench.spec.marked import Mark, Marked, Path, copied, pointer
from bench.spec.yaml_text import Unreadable, complaint, finding, place, readable

MAX_NODES = 100_000  # values after aliases are in place
MAX_DEPTH = 64
MAX_ALIASES = 1_000
_SURROGATE = re.compile("[\ud800-\udfff]")
_CORE_TAGS = {"tag:yaml.org,2002:str": "str", "tag:yaml.org,2002:map": "map", "tag:yaml.org,2002:seq": "seq", "!": "str"}


def parse(content: bytes, file: str) -> tuple[Marked, tuple[Diagnostic, ...]]:
    """The data of one file, its marks, and what is wrong with it (duplicate keys, unknown tags, …), all at once.

    Raises: Unreadable when there is no data to go on with (syntax, encoding, size).
    """
    reader = _Reader(file)
    text = readable(content, file)
    try:
        for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            reader.feed(event)
    except yaml.MarkedYAMLError as error:
        raise Unreadable(complaint(error, text, file)) from error
    except yaml.YAMLError as error:
        raise Unreadable(finding(file, (1, 1), "yaml-syntax", "this is not YAML", "check the encoding of the file")) from error
    if not reader.documents or (reader.data is None and not text.strip()):
        raise Unreadable(finding(file, (1, 1), "yaml-empty", "the file is empty", "`bench init` writes a spec to start from"))
    return Marked(reader.data, reader.marks()), tuple(reader.found)


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
        raise Unreadable(finding(self.file, place(event.start_mark), code, message, hint))

    def _note(self, event: yaml.Event, code: str, message: str, hint: str | None = None) -> None:
        path = self._open[-1].path if self._open else ()
        found = finding(self.file, place(event.start_mark), code, message, hint)
        self.found.append(msgspec.structs.replace(found, pointer=pointer(path)))

    def _mark(self, path: Path, event: yaml.Event, style: str = "") -> None:
        if len(self._marks) >= MAX_NODES:
            self._stop(event, "yaml-size", f"more than {MAX_NODES:,} values", "split the prompts over several experiments")
        key_at = self._open[-1].key_at if self._open else None
        self._marks.append((path, Mark(self.file, pointer(path), place(event.start_mark), key_at, style)))

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
        if event.anchor is None or event.anchor not in self._anchors:
            inside = any(one.anchor is not None and one.anchor[0] == event.anchor for one in self._open)
            message = (
                f"`*{event.anchor}` stands inside the value it names" if inside else f"no `&{event.anchor}` stands before this `*{event.anchor}`"
            )
            self._stop(event, "yaml-alias", message, "name a value that is complete before this place")
        value, origin, start, end = self._anchors[str(event.anchor)]
        if self._open and isinstance(self._open[-1].container, dict) and self._open[-1].key is None and not self._open[-1].is_skipping:
            self._note(event, "yaml-key", "an alias cannot be a key", "write the key out")
            self._put(None)
            return
        path = self._slot(event) or ()
        self._mark(path, event)
        if len(self._marks) + end - start > MAX_NODES:
            self._stop(event, "yaml-size", f"more than {MAX_NODES:,} values once aliases are in place", "write fewer aliases")
        self._marks.extend([(path + where[len(origin) :], mark) for where, mark in self._marks[start + 1 : end]])
        self._put(copied(value))

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
        key = event.value if event.style else plain(event.value)
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
            top.key, top.key_at = None, place(event.start_mark)
            return
        top.key, top.key_at = str(key), place(event.start_mark)
        top.lines[top.key] = top.key_at[0]

    def _value(self, event: yaml.ScalarEvent) -> Any:
        if event.tag is not None:
            if _CORE_TAGS.get(event.tag) == "str":
                return event.value
            self._note(event, "yaml-tag", f"the tag `{event.tag}` has no meaning here", "remove it; only data can stand in a spec")
            return event.value
        value = event.value if event.style else plain(event.value)
        if isinstance(value, str) and (bad := _SURROGATE.search(value)) is not None:
            self._note(event, "yaml-character", f"the escape of U+{ord(bad.group()):04X} is not a character", "write the character itself")
            return ""
        if isinstance(value, Unusable):
            self._note(event, "yaml-number", value.why, "put it in quotes when it is text")
            return 0
        return value

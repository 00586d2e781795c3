"""Where every key and value of a YAML text starts and ends, and edits at those places."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import yaml

from bench.spec.marked import Path
from bench.spec.yaml_source import parse
from bench.spec.yaml_text import readable

_BREAK = re.compile(r"\r\n|\n|\r")


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """Text in the place of what stands between two offsets (characters)."""

    start: int
    end: int
    text: str


class Places:
    """A text that was read, and where things stand in it. Every method that edits returns the edits; none changes anything.

    A path that is not there has no edits, so that a step can be said once for all specs.
    """

    def __init__(self, content: bytes, file: str) -> None:
        """Read it. Raises: Unreadable when it is not YAML as the language takes it."""
        marked, self.found = parse(content, file)  # it bounds depth, size and aliases before anything else looks
        self.data = marked.data
        self.text = readable(content, file)
        self._starts: list[int] = [0, *(found.end() for found in _BREAK.finditer(self.text))]
        self.line_break = found[0] if (found := _BREAK.search(self.text)) else "\n"
        self._root = yaml.compose(self.text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))

    def rename(self, path: Path, key: str) -> list[Edit]:
        """Another key for the value at a path."""
        pair = self._pair(path)
        return [] if pair is None else [Edit(start=self._start(pair[0]), end=self._end(pair[0]), text=key)]

    def replace(self, path: Path, text: str) -> list[Edit]:
        """Another value, as it is to be written on one line."""
        node = self._node(path)
        return [] if node is None else [Edit(start=self._start(node), end=self._last(node), text=text)]

    def remove(self, path: Path) -> list[Edit]:
        """Nothing in the place of a key and its value; of what stands alone on its lines, the lines go, with their comments at the end."""
        pair, parent = self._pair(path), self._node(path[:-1])
        if pair is None or parent is None:
            return []
        start, end = self._start(pair[0]), self._last(pair[1])
        if parent.flow_style:
            return [self._without_comma(start, end)]
        if len(parent.value) == 1 or self.text[self._line(start) : start].strip():  # the first key of a list's item shares its line with the dash
            following = re.compile(r"[^\S\r\n]*(?:#[^\r\n]*)?(?:\r\n|\n|\r|$)[^\S\r\n]*").match(self.text, end)
            is_last = parent.value[-1][0] is pair[0]
            return [Edit(start=start, end=end if is_last or following is None else following.end(), text="{}" if len(parent.value) == 1 else "")]
        after = _BREAK.search(self.text, end)
        return [Edit(start=self._line(start), end=after.end() if after else len(self.text), text="")]

    def add(self, path: Path, text: str, *, after: str) -> list[Edit]:
        """A new key with its value, as it is to be written on one line, behind an existing key of the same mapping."""
        pair, parent = self._pair((*path[:-1], after)), self._node(path[:-1])
        if pair is None or parent is None or self._pair(path) is not None:
            return []
        entry = f"{path[-1]}: {text}"
        end = self._last(pair[1])
        if parent.flow_style:
            return [Edit(start=end, end=end, text=f", {entry}")]
        indent = " " * pair[0].start_mark.column
        line_end = _BREAK.search(self.text, end)
        if line_end is None:
            return [Edit(start=len(self.text), end=len(self.text), text=f"{self.line_break}{indent}{entry}{self.line_break}")]
        return [Edit(start=line_end.end(), end=line_end.end(), text=f"{indent}{entry}{self.line_break}")]

    def written(self, path: Path) -> str | None:
        """A value as it is written, for putting it elsewhere; None when there is none."""
        node = self._node(path)
        return None if node is None else self.text[self._start(node) : self._last(node)]

    def below(self, path: Path) -> Iterator[Path]:
        """The paths of the items of a list, or the entries of a mapping."""
        value: Any = self.data
        for step in path:
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                return
        if isinstance(value, dict | list):
            yield from ((*path, step) for step in (value if isinstance(value, dict) else range(len(value))))

    def edited(self, edits: Iterable[Edit]) -> str:
        """The text with all edits; the same one twice, as through an alias, is one. Raises: ValueError when two of them overlap."""
        parts, at = [], 0
        for edit in sorted(set(edits), key=lambda one: (one.start, one.end)):
            if edit.start < at:
                raise ValueError(f"two edits overlap at character {edit.start}")
            parts += [self.text[at : edit.start], edit.text]
            at = edit.end
        return "".join((*parts, self.text[at:]))

    def _node(self, path: Path) -> Any:
        node = self._root
        for step in path:
            if isinstance(node, yaml.MappingNode) and isinstance(step, str):
                node = next((value for key, value in node.value if key.value == step), None)
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
                node = node.value[step]
            else:
                return None
        return node

    def _pair(self, path: Path) -> tuple[Any, Any] | None:
        parent = self._node(path[:-1])
        if not path or not isinstance(parent, yaml.MappingNode):
            return None
        return next(((key, value) for key, value in parent.value if key.value == path[-1]), None)

    def _start(self, node: Any) -> int:
        return self._starts[int(node.start_mark.line)] + int(node.start_mark.column)

    def _end(self, node: Any) -> int:
        return self._starts[int(node.end_mark.line)] + int(node.end_mark.column)

    def _line(self, offset: int) -> int:
        return self._starts[bisect_right(self._starts, offset) - 1]

    def _last(self, node: Any) -> int:
        """Where a value's last character ends: the parser ends a block only where the next one starts, behind comments."""
        if isinstance(node, yaml.ScalarNode):
            end = self._end(node)
            return self._start(node) + len(self.text[self._start(node) : end].rstrip()) if node.style in ("|", ">") else end
        if node.flow_style or not node.value:
            return self._end(node)
        last = node.value[-1][1] if isinstance(node, yaml.MappingNode) else node.value[-1]
        return max(self._last(last), self._last(node.value[-1][0]) if isinstance(node, yaml.MappingNode) else 0)

    def _without_comma(self, start: int, end: int) -> Edit:
        """An entry of a flow mapping with the comma behind it, else the one before."""
        if (behind := re.compile(r"\s*,[^\S\r\n]*").match(self.text, end)) is not None:
            return Edit(start=start, end=behind.end(), text="")
        before = re.search(r",\s*$", self.text[:start])
        return Edit(start=before.start() if before else start, end=end, text="")

"""Plain data in which every value knows where it was written."""

from collections.abc import Iterator
from typing import Any

import msgspec

from bench.records.source import Diagnostic, Position, Severity

Path = tuple[str | int, ...]


class Mark(msgspec.Struct, frozen=True, gc=False):
    """Where a value and, inside a mapping, its key stand: (line, column) from 1. `style` is YAML's: `|`, `>`, a quote, or empty."""

    file: str
    pointer: str
    value: tuple[int, int]
    key: tuple[int, int] | None = None
    style: str = ""


class Marked:
    """Data and the mark of each value in it, by path."""

    def __init__(self, data: Any, marks: dict[Path, Mark]) -> None:
        """Take both as they are."""
        self.data = data
        self.marks = marks
        self.from_environment: set[Path] = set()  # values that are never shown
        self.checked: set[Path] = set()  # values that a schema has accepted already

    def mark(self, path: Path) -> Mark | None:
        """The mark of a value; of the nearest value around it when it has none of its own."""
        for length in range(len(path), -1, -1):
            if (found := self.marks.get(path[:length])) is not None:
                return found
        return None

    def get(self, path: Path) -> Any:
        """The value at a path, None when there is none."""
        value: Any = self.data
        for step in path:
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                return None
        return value

    def below(self, path: Path) -> Iterator[tuple[Path, Mark]]:
        """The marks of a value and of all in it, with paths that start at the value."""
        waiting: list[tuple[Path, Any]] = [((), self.get(path))]
        while waiting:
            rest, value = waiting.pop()
            if (mark := self.marks.get(path + rest)) is not None:
                yield rest, mark
            if isinstance(value, dict):
                waiting.extend(((*rest, key), child) for key, child in value.items())
            elif isinstance(value, list):
                waiting.extend(((*rest, index), child) for index, child in enumerate(value))

    def diagnose(  # noqa: PLR0913  (the parts of a finding, each named at every call)
        self, path: Path, code: str, message: str, *, hint: str | None = None, severity: Severity = "error", at: str = "value"
    ) -> Diagnostic:
        """A finding about the value at a path, or (`at="key"`) about its key."""
        mark = self.mark(path)
        if mark is None:
            return Diagnostic(code=code, severity=severity, message=message, pointer=pointer(path), hint=hint)
        line, column = mark.key if at == "key" and mark.key is not None else mark.value
        where = mark.pointer if path in self.marks else pointer(path)
        position = Position(file=mark.file, line=line, column=column)
        return Diagnostic(code=code, severity=severity, message=message, position=position, pointer=where, hint=hint)


class Assembly:
    """Data that is put together from pieces of marked data. `build` gives the whole."""

    def __init__(self) -> None:
        """Start empty."""
        self.marks: dict[Path, Mark] = {}

    def take(self, source: Marked, origin: Path, target: Path) -> Any:
        """A copy of one value of a source; its marks go to the target path."""
        for rest, mark in source.below(origin):
            self.marks[target + rest] = mark
        return copied(source.get(origin))

    def mark(self, target: Path, mark: Mark | None) -> None:
        """Mark a value that was made here with the place it came from."""
        if mark is not None:
            self.marks[target] = mark


def copied(value: Any) -> Any:
    """A copy of plain data of bounded depth; several times as fast as `copy.deepcopy`."""
    if isinstance(value, dict):
        return {key: copied(child) for key, child in value.items()}
    return [copied(item) for item in value] if isinstance(value, list) else value


def pointer(path: Path) -> str:
    """The JSON pointer (RFC 6901) of a path."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)

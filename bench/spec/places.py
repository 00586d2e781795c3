"""Where things stand in a spec's own text: the items of a list, and what keys and ids lead to."""

from collections.abc import Mapping
from typing import Any

from bench.records.source import Position
from bench.spec.marked import Mark, Path
from bench.spec.yaml_source import parse
from bench.spec.yaml_text import Unreadable


def places_of(content: bytes, file: str, key: str) -> tuple[Position, ...]:
    """The place of each item of a list at the top level; nothing where there is no such list. `file`: what to call it."""
    try:
        tree, _ = parse(content, file)
    except Unreadable:
        return ()
    items = tree.data.get(key) if isinstance(tree.data, dict) else None
    marks = [tree.mark((key, number)) for number in range(len(items))] if isinstance(items, list) else []
    return tuple(Position(file=file, line=mark.value[0], column=mark.value[1]) for mark in marks if mark is not None)


class Places:
    """Where the values of a resolved spec stand, and how they are written. What has no id, as gates, is known by its number from 1."""

    def __init__(self, data: Any, marks: Mapping[Path, Mark]) -> None:
        """`marks`: where each value was written."""
        self._data, self._marks = data, marks
        self._numbers: dict[Path, dict[str, int]] = {}

    def at(self, keys: tuple[str, ...]) -> Position | None:
        """Where what keys and ids lead to is written, or what is nearest around it."""
        path, _ = self._found(keys)
        found = next((mark for length in range(len(path), -1, -1) if (mark := self._marks.get(path[:length])) is not None), None)
        if found is None:
            return None
        line, column = found.key or found.value
        return Position(file=found.file, line=line, column=column)

    def written(self, keys: tuple[str, ...]) -> Any:
        """The value that keys and ids lead to, as it is written; None where none is, as for a default."""
        path, value = self._found(keys)
        return value if len(path) == len(keys) else None

    def _found(self, keys: tuple[str, ...]) -> tuple[Path, Any]:
        """As far as there is something, and what is there."""
        path: Path = ()
        data = self._data
        for key in keys:
            step: str | int | None = None
            if isinstance(data, dict) and key in data:
                step = key
            elif isinstance(data, list):
                step = self._number(path, data, key)
            if step is None:
                break
            data, path = data[step], (*path, step)
        return path, data

    def _number(self, path: Path, items: list[Any], key: str) -> int | None:
        if path not in self._numbers:
            ids = {item["id"]: number for number, item in reversed([*enumerate(items)]) if isinstance(item, dict) and isinstance(item.get("id"), str)}
            self._numbers[path] = ids
        if (number := self._numbers[path].get(key)) is not None:
            return number
        return int(key) - 1 if key.isdecimal() and 0 < int(key) <= len(items) else None

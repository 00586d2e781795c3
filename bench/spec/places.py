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


def place_of(data: Any, marks: Mapping[Path, Mark], keys: tuple[str, ...]) -> Position | None:
    """Where what keys and ids lead to is written, or what is nearest around it. What has no id, as gates, is known by its number from 1."""
    path = _path(data, keys)
    found = next((mark for length in range(len(path), -1, -1) if (mark := marks.get(path[:length])) is not None), None)
    if found is None:
        return None
    line, column = found.key or found.value
    return Position(file=found.file, line=line, column=column)


def written(data: Any, keys: tuple[str, ...]) -> Any:
    """The value that keys and ids lead to, as it is written; None where none is, as for a default."""
    path = _path(data, keys)
    if len(path) < len(keys):
        return None
    for step in path:
        data = data[step]
    return data


def _path(data: Any, keys: tuple[str, ...]) -> Path:
    """As far as there is something."""
    path: Path = ()
    for key in keys:
        step: str | int | None = None
        if isinstance(data, dict) and key in data:
            step = key
        elif isinstance(data, list):
            step = next((number for number, item in enumerate(data) if isinstance(item, dict) and item.get("id") == key), None)
            if step is None and key.isdecimal() and 0 < int(key) <= len(data):
                step = int(key) - 1
        if step is None:
            break
        data, path = data[step], (*path, step)
    return path

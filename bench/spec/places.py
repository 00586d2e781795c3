"""Where the items of a list stand in a spec's own text."""

from bench.records.source import Position
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

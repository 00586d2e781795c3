"""Two trees compared by identity: what was added, removed, changed, renamed, and what only moved."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

from bench.diff.spec_tree import NAMED, Tree, content
from bench.digest import canonical

Kind = Literal["added", "removed", "changed", "renamed"]
_ABSENT = object()
_WITH_IDS = {*NAMED, "aspects", "criteria"}


class Difference(NamedTuple):
    """One difference. Of what was renamed, `where` ends in the new name and `before` and `after` are the names."""

    where: tuple[str, ...]
    kind: Kind
    before: Any
    after: Any


def differences(before: Tree, after: Tree) -> Iterator[Difference]:
    """All of them, in the order of the newer version; what was removed comes last in its place."""
    return _between(before, after, ())


def moved(before: Tree, after: Tree) -> tuple[str, ...]:
    """What stands at another place among what both versions have: the fewest that must be moved to get from one order to the other."""
    found = [f"{key} › {name}" for key in sorted(NAMED) for name in _moved(list(before[key]), list(after[key]))]
    for key, inner in (("prompts", "aspects"), ("rubrics", "criteria")):
        for name, entry in after[key].items():
            if name in before[key]:
                found += [f"{key} › {name} › {inner} › {one}" for one in _moved(list(before[key][name][inner]), list(entry[inner]))]
    return tuple(found)


def _between(before: Tree, after: Tree, where: tuple[str, ...]) -> Iterator[Difference]:
    is_named = bool(where) and where[-1] in _WITH_IDS
    names = _renamed(before, after, where) if is_named else {}
    for key, new in after.items():
        here = (*where, key)
        if key in names:
            yield Difference(here, "renamed", names[key], key)
            continue
        old = before.get(key, _ABSENT)
        if old is _ABSENT:
            yield Difference(here, "added", None, new)
        elif isinstance(old, dict) and isinstance(new, dict) and (old or new):
            yield from _between(old, new, here)
        elif old != new or isinstance(old, bool) is not isinstance(new, bool):
            yield Difference(here, "changed", old, new)
    gone = set(names.values())
    for key, old in before.items():
        if key not in after and key not in gone:
            yield Difference((*where, key), "removed", old, None)


def _renamed(before: Tree, after: Tree, where: tuple[str, ...]) -> dict[str, str]:
    """The new names of entries that have their content under another name, with the old ones."""
    plain = content if where == ("prompts",) else (lambda entry: entry)
    gone: dict[bytes, list[str]] = {}
    for key, entry in before.items():
        if key not in after:
            gone.setdefault(canonical(plain(entry)), []).append(key)
    found: dict[str, str] = {}
    for key, entry in after.items():
        if key not in before and gone and (names := gone.get(canonical(plain(entry)))):
            found[key] = names.pop(0)
    return found


def _moved(before: Sequence[str], after: Sequence[str]) -> list[str]:
    """What is outside the longest run of names that stand in the same order in both (patience sorting)."""
    places = {name: place for place, name in enumerate(before)}
    common = [name for name in after if name in places]
    ends: list[int] = []  # the smallest place that a run of each length ends with
    ending: list[str] = []
    earlier: dict[str, str | None] = {}
    for name in common:
        length = bisect_left(ends, places[name])
        earlier[name] = ending[length - 1] if length else None
        ends[length:], ending[length:] = ([places[name], *ends[length + 1 :]], [name, *ending[length + 1 :]])
    kept = set()
    last = ending[-1] if ending else None
    while last is not None:
        kept.add(last)
        last = earlier[last]
    return [name for name in common if name not in kept]

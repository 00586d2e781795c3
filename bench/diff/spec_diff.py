"""Two versions of a spec -> `SpecDiff`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from bench.diff import version
from bench.diff.cells import Cells, Key, fates, to_run
from bench.diff.differences import Difference, differences, moved
from bench.diff.effects import Meaning, Sides, meaning
from bench.diff.spec_tree import Tree, tree
from bench.diff.words import pieces
from bench.records.diff import EFFECTS, Effect, Redo, SpecChange, SpecDiff
from bench.records.plan import Plan
from bench.records.source import Position
from bench.records.spec import Spec

MOST_SHOWN = 200  # characters of one value that is no text compared by words
_WORDS_FROM = 24  # a shorter text is shown whole, before and after
_MORE_OF_A_FILE: dict[str, Meaning] = {
    "report": Meaning("policy", "the same numbers are shown otherwise"),
    "labels": Meaning("measurement", "corrected scores follow from people's labels"),
    "templates": Meaning("measurement", "the judge is asked in other words", "grade"),
}
Keys = tuple[str, ...]
_A_FILE = "(the file)"


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One version: the spec, its plan, the texts it is made of, and the files that it names, by the keys that name them.

    `place`: where what the keys of a change lead to is written; `written`: the value there, as it stands.
    """

    spec: Spec
    plan: Plan
    texts: tuple[str, ...] = ()
    named: Mapping[Keys, str | None] = {}
    place: Callable[[Keys], Position | None] = lambda _: None
    written: Callable[[Keys], Any] = lambda _: None


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What `compare` found: the diff, and what of the newer plan must be run."""

    diff: SpecDiff
    to_run: Plan


def compare(before: Side, after: Side) -> Result:
    """What changed and what it means. `before` and `after` of the diff, and what running again takes, are for the caller to fill in."""
    sides = Sides(before=tree(before.spec), after=tree(after.spec), old=Cells(before.plan), new=Cells(after.plan))
    found = [(difference, meaning(difference, sides)) for difference in differences(sides.before, sides.after)]
    meanings = [what for _, what in found]
    changes = [_change(difference, what, sides) for difference, what in found]
    for keys, what in _files(before.named, after.named):
        meanings.append(what)
        changes.append(SpecChange(where=(*keys, _A_FILE), kind="changed", effect=what.effect, why=what.why, redo=what.redo))
    if not changes and _lines(before.texts) != _lines(after.texts):
        changes = [SpecChange(where=(), kind="text", effect="cosmetic", why="other words, comments or layout for the same meaning")]
    both = (before, sides.before), (after, sides.after)
    changes = [_as_written(_placed(change, *both), *both) for change in changes]
    changes.sort(key=lambda change: -EFFECTS.index(change.effect))
    effect = changes[0].effect if changes else None
    is_run_again, is_graded_again = _touched(meanings, "run"), _touched(meanings, "grade")
    diff = SpecDiff(
        name=after.spec.name,
        before="",
        after="",
        effect=effect,
        changes=tuple(changes),
        moved=moved(sides.before, sides.after),
        trials=fates(sides.old, sides.new, is_run_again, is_graded_again),
        version=version.rise(before.spec.version, after.spec.version, effect),
    )
    return Result(diff=diff, to_run=to_run(after.plan, sides.old, is_run_again))


def worst(effects: Sequence[Effect | None]) -> Effect | None:
    """The effect that does most."""
    return max((effect for effect in effects if effect is not None), key=EFFECTS.index, default=None)


def _touched(meanings: Sequence[Meaning], redo: Redo) -> Callable[[Key], bool]:
    """Which trials must be done again: those of all models or prompts, or of some."""
    found = [what for what in meanings if what.redo == redo]
    is_all = any(what.models is None and what.prompts is None for what in found)
    models = {model for what in found if what.prompts is None for model in what.models or ()}
    prompts = {prompt for what in found if what.models is None for prompt in what.prompts or ()}
    return lambda one: is_all or one[0] in models or one[1] in prompts


def _files(before: Mapping[Keys, str | None], after: Mapping[Keys, str | None]) -> list[tuple[Keys, Meaning]]:
    """Files that both versions name and that have another content."""
    changed = [keys for keys in after if keys in before and before[keys] != after[keys]]
    return [(keys, _MORE_OF_A_FILE["report" if keys[0] == "report" else keys[1]]) for keys in changed]


def _lines(texts: Sequence[str]) -> list[str]:
    """What stands in the texts wherever it stands; without the version, which has a line of its own in every diff."""
    lines = (line.strip() for text in texts for line in text.splitlines())
    return sorted(line for line in lines if line and not line.startswith("version:"))


def _change(difference: Difference, what: Meaning, sides: Sides) -> SpecChange:
    file = ""
    if difference.where[0] == "prompts":
        name = difference.where[1]
        file = (sides.after["prompts"].get(name) or sides.before["prompts"].get(name) or {"file": ""})["file"]
    shown: dict[str, Any] = {"before": _short(difference.before), "after": _short(difference.after)}
    old, new = difference.before, difference.after
    if difference.kind == "changed" and isinstance(old, str) and isinstance(new, str) and max(len(old), len(new)) >= _WORDS_FROM:
        shown = {"pieces": pieces(old, new)}
    return SpecChange(where=difference.where, kind=difference.kind, effect=what.effect, why=what.why, redo=what.redo, file=file, **shown)


def _placed(change: SpecChange, before: tuple[Side, Tree], after: tuple[Side, Tree]) -> SpecChange:
    """With where it is written in both versions. Of what was renamed the older name is in `before`."""
    keys = change.where[:-1] if change.where[-1:] == (_A_FILE,) else change.where
    old = (*keys[:-1], change.before or "") if change.kind == "renamed" else keys
    return msgspec.structs.replace(
        change,
        before_at=_place(old, *before) if keys and change.kind != "added" else None,
        after_at=_place(keys, *after) if keys and change.kind != "removed" else None,
    )


def _as_written(change: SpecChange, before: tuple[Side, Tree], after: tuple[Side, Tree]) -> SpecChange:
    """With the values as a person wrote them, `800 ms` and not 0.8; but what is sent as it is sent, with its variables filled in."""
    is_sent = change.where[:1] == ("prompts",) and change.where[2:3] != ("aspects",)
    if is_sent or change.pieces or change.kind in ("renamed", "text") or change.where[-1:] == (_A_FILE,):
        return change
    old, new = (_short(side.written(_numbered(change.where, whole))) for side, whole in (before, after))
    old, new = (None if change.before is None else old or change.before), (None if change.after is None else new or change.after)
    return change if old == new else msgspec.structs.replace(change, before=old, after=new)


def _place(keys: Keys, side: Side, whole: Tree) -> Position | None:
    return side.place(_numbered(keys, whole))


def _numbered(keys: Keys, whole: Tree) -> Keys:
    """Gates are compared by what they are about, and stand in a list."""
    if keys[0] == "gates" and len(keys) > 1 and keys[1] in whole["gates"]:
        return ("gates", str(list(whole["gates"]).index(keys[1]) + 1), *keys[2:])
    return keys


def _short(value: Any) -> str | None:
    """A value on one line."""
    if value is None:
        return None
    if isinstance(value, dict):
        value = _set(value)
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


def _set(value: Any) -> Any:
    """What is set in a mapping, without what is at its empty default."""
    if not isinstance(value, dict):
        return value
    return {name: _set(inner) for name, inner in value.items() if inner not in (None, "", [], {}) and inner is not False}

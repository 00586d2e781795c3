"""`--set dotted.path=value`: changes of a spec from the command line, applied before it is checked."""

from collections.abc import Sequence
from typing import Any

from bench.records.source import Diagnostic, Position
from bench.spec import hints
from bench.spec.marked import Mark, Marked, Path
from bench.spec.yaml_source import parse
from bench.spec.yaml_text import Unreadable

FILE = "--set"  # how messages name the place


class Override:
    """One change: the dotted path as written, its value with marks, and its number from 1."""

    def __init__(self, line: int, words: str, value: Marked, column: int) -> None:
        """Take what was parsed."""
        self.line = line
        self.words = words.split(".")
        self.value = value
        self.column = column

    @property
    def is_early(self) -> bool:
        """Whether it names files that are read in: then it is applied before they are."""
        return len(self.words) == 1 or (self.words[0] in {"models", "prompts", "load"} and self.words[-1] in {"file", "include"})


def read(texts: Sequence[str]) -> tuple[list[Override], list[Diagnostic]]:
    """The changes as asked for, and what is wrong with how they are written."""
    changes: list[Override] = []
    found: list[Diagnostic] = []
    for line, text in enumerate(texts, start=1):
        path, equals, value = text.partition("=")
        path = path.strip()
        if not equals or not path or not all(path.split(".")) or "\n" in text or "\r" in text:
            found.append(_finding(line, 1, "a change is written `dotted.path=value`", "for example `rounds=1` or `load.concurrency=4`"))
            continue
        try:
            tree, problems = parse(value.encode(errors="surrogatepass") or b"null", FILE)
        except Unreadable as problem:
            tree, problems = Marked(None, {}), (problem.found,)
        column = len(text) - len(value)
        found.extend(_finding(line, column + (one.position.column if one.position else 1), one.message, one.hint, one.code) for one in problems)
        if not problems:
            changes.append(Override(line, path, tree, column))
    return changes, found


def apply(tree: Marked, changes: Sequence[Override]) -> list[Diagnostic]:
    """Change the tree in place. What cannot be placed is a finding."""
    return [problem for change in changes if (problem := _apply(tree, change)) is not None]


def _finding(line: int, column: int, message: str, hint: str | None, code: str = "override") -> Diagnostic:
    return Diagnostic(code=code, severity="error", message=message, position=Position(file=FILE, line=line, column=column), hint=hint)


def _apply(tree: Marked, change: Override) -> Diagnostic | None:
    holder: Any = tree.data
    path: Path = ()
    words = list(change.words)
    while True:
        step, used = _step(holder, words)
        if step is None:
            return _lost(holder, words[0], change)
        words = words[used:]
        path = (*path, step)
        if not words:
            break
        if isinstance(holder, dict):
            holder = holder.setdefault(str(step), {})
            if holder is None:
                return _lost(holder, words[0], change)
        else:
            holder = holder[step]
    holder[step] = change.value.data
    tree.checked -= {path[:length] for length in range(len(path) + 1)}
    for old in [where for where in tree.marks if where[: len(path)] == path]:
        del tree.marks[old]
    for where, mark in change.value.marks.items():
        key = (change.line, 1) if not where else None if mark.key is None else (change.line, mark.key[1] + change.column)
        tree.marks[path + where] = Mark(FILE, mark.pointer, (change.line, mark.value[1] + change.column), key, mark.style)
    return None


def _step(holder: Any, words: Sequence[str]) -> tuple[str | int | None, int]:
    """The key or index that the next words name, and how many words it takes: ids may hold dots themselves."""
    for used in range(len(words), 0, -1):
        name = ".".join(words[:used])
        if isinstance(holder, dict) and name in holder:
            return name, used
        if isinstance(holder, list):
            for index, item in enumerate(holder):
                if isinstance(item, dict) and item.get("id") == name:
                    return index, used
    if isinstance(holder, dict):
        return words[0], 1
    if isinstance(holder, list) and words[0].isascii() and words[0].isdigit() and int(words[0][:9]) < len(holder):
        return int(words[0]), 1
    return None, 0


def _lost(holder: Any, word: str, change: Override) -> Diagnostic:
    if isinstance(holder, list):
        names = [item["id"] for item in holder if isinstance(item, dict) and isinstance(item.get("id"), str)]
        hint = hints.for_name(word, names, "ids")
        return _finding(change.line, 1, f"there is no item `{word[:60]}` to change", hint)
    hint = "set the value around it instead"
    return _finding(change.line, 1, f"there is nothing below that `{word[:60]}` could change", hint)

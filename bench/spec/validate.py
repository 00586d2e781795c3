"""What the schema finds wrong, in words of our own and at the place it was written."""

import re
from collections.abc import Iterator
from typing import Any

from bench.records.source import Diagnostic
from bench.spec import hints, schema, wording
from bench.spec.marked import Marked
from bench.spec.schema import Violation

MAX_FINDINGS = 200
_REFERENCE = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)")
_SECRET_KEYS = {"api_key"}


def validate(tree: Marked, file: str, part: str | None = None) -> list[Diagnostic]:
    """All findings of a shipped schema about a document; `part` names a definition of it, for files of another shape."""
    found: dict[tuple[Any, ...], Diagnostic] = {}
    accepted = {id(value) for path in tree.checked if isinstance(value := tree.get(path), dict)}
    for violation in schema.violations(tree.data, file, part, accepted):
        for one in _explain(violation, tree, file if part is None else ""):
            found.setdefault((one.code, one.pointer, one.message, one.position), one)
        if len(found) >= MAX_FINDINGS:
            break
    return _without_consequences(list(found.values()))


def _without_consequences(found: list[Diagnostic]) -> list[Diagnostic]:
    """Leave out a missing key when an unknown one beside it was meant to be it, or the whole was meant to be a list."""
    meant = {(one.pointer.rpartition("/")[0], one.hint) for one in found if one.code == "unknown-key"}
    meant |= {(where, "did you mean `file`?") for where, hint in meant if hint == hints.AS_A_LIST}
    return [one for one in found if one.code != "missing-key" or (one.pointer, f"did you mean {one.message.partition(' ')[0]}?") not in meant]


def _explain(wrong: Violation, tree: Marked, file: str) -> Iterator[Diagnostic]:
    path, value = wrong.path, wrong.value
    if wrong.is_name:
        message = f"the name '{str(value)[:60]}' does not fit: expected {wrong.schema.get('x-expected') or 'another name'}"
        yield tree.diagnose((*path, value), "bad-name", message, at="key")
        return
    match wrong.rule:
        case "additionalProperties":
            allowed = wrong.schema.get("properties", {})
            for key in [key for key in value if key not in allowed]:
                hint = hints.for_key(key, file, path, allowed) if file else hints.for_name(key, allowed, "keys here")
                yield tree.diagnose((*path, key), "unknown-key", f"unknown key `{str(key)[:60]}`", hint=hint, at="key")
        case "required" if wrong.missing is not None:
            node = schema.keys(file, path).get(wrong.missing) if file else None
            message = f"`{wrong.missing}` is missing in {wording.label(path)}"
            yield tree.diagnose(path, "missing-key", message, hint=_wanted(wrong.missing, node) if node is not None else None)
        case "dependentRequired":
            for key, other in [(key, other) for key, needed in wrong.wanted.items() for other in needed if key in value and other not in value]:
                yield tree.diagnose((*path, key), "missing-key", f"`{key}` needs `{other}` beside it", at="key")
        case "oneOf" | "anyOf":
            yield from _branches(wrong, tree, file)
        case _:
            yield _mismatch(wrong, tree)


def _wanted(key: str, node: schema.Node) -> str:
    """What a missing key is for, or its only value."""
    return f"write `{key}: {node[1]['const']}`" if "const" in node[1] else schema.description(node)


def _branches(wrong: Violation, tree: Marked, file: str) -> Iterator[Diagnostic]:
    """One finding for a choice: which keys there are to choose from, or what is wrong with the branch that fits best."""
    if isinstance(wrong.value, dict) and all(set(branch) == {"required"} for branch in wrong.wanted):
        options = [str(branch["required"][0]) for branch in wrong.wanted]
        there = [one for one in options if one in wrong.value]
        how = "exactly" if wrong.rule == "oneOf" else "at least"
        listed, seen = ", ".join(f"`{one}`" for one in options), " and ".join(f"`{one}`" for one in there) or "none"
        message = f"{wording.label(wrong.path)} needs {how} one of {listed}; found {seen}"
        yield tree.diagnose((*wrong.path, there[1]) if there else wrong.path, "choose-one", message, at="key" if there else "value")
    elif wrong.closest is not None:
        yield from _explain(wrong.closest, tree, file)


def _mismatch(wrong: Violation, tree: Marked) -> Diagnostic:
    key = next((step for step in reversed(wrong.path) if isinstance(step, str)), "")
    if key in _SECRET_KEYS:
        name = found.group(1) if isinstance(wrong.value, str) and (found := _REFERENCE.match(wrong.value)) is not None else "NAME"
        message = f"`{key}` takes a secret by the name of its environment variable only; what was found is not shown"
        return tree.diagnose(wrong.path, "inline-secret", message, hint=f"write `{key}: {{env: {name}}}`")
    code, expected = wording.expected(wrong)
    seen = "something else in the environment" if wrong.path in tree.from_environment else wording.found(wrong)
    return tree.diagnose(wrong.path, code, f"{wording.label(wrong.path)}: expected {expected}, found {seen}", hint=wording.hint(wrong))

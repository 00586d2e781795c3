"""What the schema finds wrong, in words of our own and at the place it was written."""

import re
from collections.abc import Iterator
from typing import Any

from jsonschema.exceptions import ValidationError, best_match

from bench.records.source import Diagnostic
from bench.spec import hints, schema
from bench.spec.marked import Marked, Path

MAX_FINDINGS = 200
_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "`true` or `false`",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)")
_SECRET_KEYS = {"api_key"}


def validate(tree: Marked, file: str, inside: str = "", base: Path = ()) -> list[Diagnostic]:
    """All findings of one schema about a document; `inside` names a part of the schema, for files of another shape."""
    found: dict[tuple[Any, ...], Diagnostic] = {}
    for error in schema.errors(tree.get(base), file, inside):
        for one in _explain(error, tree, file if not inside else ""):
            found.setdefault((one.code, one.pointer, one.message, one.position), one)
        if len(found) >= MAX_FINDINGS:
            break
    return _without_consequences(list(found.values()))


def describe(value: Any) -> str:
    """A value as found, short."""
    match value:
        case None:
            return "nothing"
        case bool():
            return f"`{str(value).lower()}`"
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text '{value[:57]}…'" if len(value) > 60 else f"the text '{value}'"
        case list():
            return f"a list of {len(value)}" if value else "an empty list"
        case _:
            return "a mapping with " + ", ".join(f"`{str(key)[:30]}`" for key in list(value)[:4]) if value else "an empty mapping"


def label(path: Path) -> str:
    """A value by its key: `threads`, or item 2 of `models`."""
    items = [step + 1 for step in path if isinstance(step, int)]
    key = next((step for step in reversed(path) if isinstance(step, str)), None)
    if key is None:
        return f"item {items[-1]}" if items else "the file"
    return f"item {items[-1]} of `{key[:60]}`" if isinstance(path[-1], int) else f"`{key[:60]}`"


def _without_consequences(found: list[Diagnostic]) -> list[Diagnostic]:
    """Leave out a missing key when an unknown one beside it was meant to be it."""
    meant = {(one.pointer.rpartition("/")[0], one.hint) for one in found if one.code == "unknown-key"}
    return [one for one in found if not (one.code == "missing-key" and (one.pointer, f"did you mean {one.message.partition(' ')[0]}?") in meant)]


def _explain(error: ValidationError, tree: Marked, file: str) -> Iterator[Diagnostic]:
    path: Path = tuple(error.absolute_path)
    value = error.instance
    names = "propertyNames" in error.absolute_schema_path
    if names:
        expected = error.schema.get("x-expected") or "another name"
        yield tree.diagnose((*path, value), "bad-name", f"the name '{str(value)[:60]}' does not fit: expected {expected}", at="key")
        return
    match str(error.validator):
        case "additionalProperties":
            for key in value:
                if key not in error.schema.get("properties", {}):
                    hint = hints.for_key(key, file, path) if file else _allowed(key, error)
                    yield tree.diagnose((*path, key), "unknown-key", f"unknown key `{str(key)[:60]}`", hint=hint, at="key")
        case "required":
            missing = next(key for key in error.validator_value if f"'{key}'" in error.message[: len(key) + 2])
            hint = schema.description(node) if (node := schema.keys(file, path).get(missing) if file else None) is not None else None
            yield tree.diagnose(path, "missing-key", f"`{missing}` is missing in {label(path)}", hint=hint, at="value")
        case "dependentRequired":
            for key, needed in error.validator_value.items():
                for other in needed:
                    if key in value and other not in value:
                        yield tree.diagnose((*path, key), "missing-key", f"`{key}` needs `{other}` beside it", at="key")
        case "oneOf" | "anyOf":
            yield from _branches(error, tree, file, path)
        case _:
            yield _mismatch(error, tree, path)


def _allowed(key: str, error: ValidationError) -> str:
    return hints.for_name(key, error.schema.get("properties", {}), "keys here")


def _branches(error: ValidationError, tree: Marked, file: str, path: Path) -> Iterator[Diagnostic]:
    """One finding for a choice: which keys there are to choose from, or what is wrong with the branch that fits best."""
    branches = [branch.get("required") for branch in error.validator_value if set(branch) == {"required"}]
    if len(branches) == len(error.validator_value) and isinstance(error.instance, dict):
        options = [str(required[0]) for required in branches if required]
        there = [f"`{one}`" for one in options if one in error.instance]
        how = "exactly" if error.validator == "oneOf" else "at least"
        message = f"{label(path)} needs {how} one of {', '.join(f'`{one}`' for one in options)}; found {' and '.join(there) or 'none'}"
        where = (*path, there[1].strip("`")) if len(there) > 1 else path
        yield tree.diagnose(where, "choose-one", message, at="key" if there else "value")
        return
    if (closest := best_match(error.context or ())) is not None:
        yield from _explain(closest, tree, file)


def _mismatch(error: ValidationError, tree: Marked, path: Path) -> Diagnostic:
    value, key = error.instance, next((step for step in reversed(path) if isinstance(step, str)), "")
    if key in _SECRET_KEYS:
        name = found.group(1) if isinstance(value, str) and (found := _REFERENCE.match(value)) is not None else "NAME"
        message = f"`{key}` takes a secret by the name of its environment variable only; the value found is not shown"
        return tree.diagnose(path, "inline-secret", message, hint=f"write `{key}: {{env: {name}}}`")
    code, expected = _expected(error)
    hint = _hint(error, value)
    seen = "something else in the environment" if path in tree.from_environment else _found(error, value)
    return tree.diagnose(path, code, f"{label(path)}: expected {expected}, found {seen}", hint=hint)


def _found(error: ValidationError, value: Any) -> str:
    if error.validator in {"maxLength", "minLength"} and isinstance(value, str):
        return f"{len(value):,} characters"
    if error.validator == "uniqueItems":
        return "repeated ones"
    return describe(value)


def _expected(error: ValidationError) -> tuple[str, str]:
    """The stable code and the words for what was expected."""
    wanted, ours = error.validator_value, error.schema.get("x-expected")
    match str(error.validator):
        case "type":
            kinds = [wanted] if isinstance(wanted, str) else list(wanted)
            return "wrong-type", ours or " or ".join(_TYPES[kind] for kind in kinds)
        case "enum":
            return "not-allowed", "one of " + ", ".join(f"`{one}`" for one in wanted)
        case "const":
            return "not-allowed", f"`{wanted}`"
        case "pattern":
            return "bad-format", ours or "another form"
        case "minimum" | "minItems" | "minLength" | "minProperties" as rule:
            return _bound(rule, f"at least {wanted}", ours)
        case "maximum" | "maxItems" | "maxLength" | "maxProperties" as rule:
            return _bound(rule, f"at most {wanted:,}", ours)
        case "exclusiveMinimum":
            return "out-of-range", ours or f"more than {wanted}"
        case "uniqueItems":
            return "repeated-item", "each item once"
        case "x-quantity":
            return "out-of-range", f"{ours} within reason"
        case _:
            return "not-valid", ours or "another value"


def _bound(rule: str, words: str, ours: str | None) -> tuple[str, str]:
    if rule.endswith("Items"):
        return "wrong-count", f"{words} item{'' if words.endswith(' 1') else 's'}"
    if rule.endswith("Length"):
        return "wrong-length", ours if ours and rule == "minLength" else f"{words} character{'' if words.endswith(' 1') else 's'}"
    if rule.endswith("Properties"):
        return "wrong-count", ours or f"{words} key{'' if words.endswith(' 1') else 's'}"
    return "out-of-range", ours or words


def _hint(error: ValidationError, value: Any) -> str | None:
    wanted = error.validator_value
    if error.validator == "enum" and isinstance(value, str):
        close = hints.near(value, [str(one) for one in wanted])
        return f"did you mean `{close}`?" if close is not None else None
    if error.validator == "const":
        return "this version of bench reads version 1 of the language"
    if error.validator != "type":
        return None
    kinds = {wanted} if isinstance(wanted, str) else set(wanted)
    if value is None:
        return "write the value after the `:`, or remove the key"
    if "boolean" in kinds and str(value).lower() in {"yes", "no", "on", "off", "y", "n"}:
        return f"write `{'true' if str(value).lower() in {'yes', 'on', 'y'} else 'false'}`"
    if "string" in kinds and isinstance(value, bool | int | float):
        return f'put it in quotes: "{value}"'
    if kinds & {"integer", "number"} and isinstance(value, str) and re.fullmatch(r"[-+0-9.eE]+", value):
        return "remove the quotes"
    if "array" in kinds:
        return "write it as a list: start each item with `- `"
    return None

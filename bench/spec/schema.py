"""The shipped schemas: loading, walking and validating. `$ref` finds only what is shipped; nothing is ever retrieved."""

import json
import math
import re
from collections.abc import Collection, Iterator
from functools import cache
from typing import Any

import msgspec
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match
from jsonschema.validators import extend
from referencing import Registry

from bench import resources
from bench.records.quantity import fraction, money, seconds, size_bytes
from bench.spec.marked import Path

SPEC = "spec.v1.schema.json"
PROMPTS = "prompts.v1.schema.json"

Node = tuple[str, dict[str, Any]]  # the file and a schema in it


class Violation(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a schema finds wrong: the keyword (`rule`) with what it wants, in which schema, and the value at a path.

    `is_name`: the value is a key that does not fit. `missing`: the key that `required` asks for. `closest`: for a choice, what is wrong with the
    branch that fits best.
    """

    rule: str
    wanted: Any
    schema: dict[str, Any]
    value: Any
    path: Path
    is_name: bool = False
    missing: str | None = None
    closest: "Violation | None" = None


_NOTHING: Registry[Any] = Registry()  # knows no schema and retrieves none
_ALSO = ("allOf", "anyOf", "oneOf")
_BRANCHES = ("if", "then", "else")
_LIMITS = {"duration": 366 * 86_400.0, "size": 2.0**60, "money": 1e12}  # a year, an exbibyte: beyond is a slip of the pen


@cache
def document(file: str) -> dict[str, Any]:
    """A shipped schema with every `$ref` replaced by what it means: checking is faster, and nothing is left that could be retrieved.

    `x-definition` keeps the definition's name. `$schema` is left out: it would make jsonschema fall back from our validator to its own.
    """
    whole: dict[str, Any] = _inlined(_written(file), file)
    return {keyword: value for keyword, value in whole.items() if keyword != "$schema"}


@cache
def _written(file: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(resources.read("schemas", file))
    return loaded


def _inlined(value: Any, file: str) -> Any:
    if isinstance(value, list):
        return [_inlined(item, file) for item in value]
    if not isinstance(value, dict):
        return value
    own = {key: _inlined(child, file) for key, child in value.items() if key != "$ref"}
    return {**_definition(value["$ref"], file), **own} if "$ref" in value else own


@cache
def _definition(reference: str, file: str) -> dict[str, Any]:
    """What a `$ref` means. Our schemas refer to definitions of shipped files only, and none refers to itself."""
    name, _, inside = reference.partition("#/$defs/")
    return {**_inlined(_written(name or file)["$defs"][inside], name or file), "x-definition": inside}


def definition(name: str, file: str) -> Node:
    """The schema of one definition."""
    return file, _definition(f"#/$defs/{name}", file)


def spread(node: Node) -> Iterator[Node]:
    """A schema and all that apply to the same value through combinations."""
    file, schema = node
    yield node
    for keyword in _ALSO:
        for one in schema.get(keyword, ()):
            yield from spread((file, one))
    for keyword in _BRANCHES:
        if isinstance(schema.get(keyword), dict):
            yield from spread((file, schema[keyword]))


def at(file: str, path: Path) -> list[Node]:
    """All schemas that speak about the value at a path of a document of this kind."""
    nodes = list(spread((file, document(file))))
    for step in path:
        below: list[Node] = []
        for where, schema in nodes:
            child = schema.get("items") if isinstance(step, int) else schema.get("properties", {}).get(step, schema.get("additionalProperties"))
            if isinstance(child, dict):
                below.extend(spread((where, child)))
        nodes = below
    return nodes


def keys(file: str, path: Path) -> dict[str, Node]:
    """The keys that the mapping at a path may have, with their schemas."""
    found: dict[str, Node] = {}
    for where, schema in at(file, path):
        for name, child in schema.get("properties", {}).items():
            found.setdefault(name, (where, child))
    return found


def description(node: Node) -> str:
    """What a schema says of its value."""
    return next((str(schema["description"]) for _, schema in spread(node) if "description" in schema), "")


def violations(data: Any, file: str, part: str | None = None, accepted: Collection[int] = ()) -> Iterator[Violation]:
    """What a shipped schema, or one of its definitions, finds wrong. `accepted`: the `id()` of list items that were checked before."""
    wanted = document(file) if part is None else definition(part, file)[1]

    def items(validator: Any, schema: Any, instance: Any, _whole: Any) -> Iterator[ValidationError]:
        if validator.is_type(instance, "array"):
            for index, item in enumerate(instance):
                if id(item) not in accepted:
                    yield from validator.descend(item, schema, path=index)

    checker = extend(_validator(), {"items": items}) if accepted else _validator()  # type: ignore[no-untyped-call]
    return (_violation(error) for error in checker(wanted, registry=_NOTHING).iter_errors(data))


def _violation(error: ValidationError) -> Violation:
    rule, wanted = str(error.validator), error.validator_value
    closest = best_match(error.context or ())
    return Violation(
        rule=rule,
        wanted=wanted,
        schema=error.schema if isinstance(error.schema, dict) else {},
        value=error.instance,
        path=tuple(error.absolute_path),
        is_name="propertyNames" in error.absolute_schema_path,
        missing=next((str(key) for key in wanted if error.message.startswith(repr(key))), None)
        if rule == "required" and isinstance(wanted, list)
        else None,
        closest=_violation(closest) if closest is not None else None,
    )


def _pattern(_validator: Any, pattern: str, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    """`pattern` as other languages read it: `$` is the very end, not the place before a last line break."""
    if isinstance(instance, str) and not _compiled(pattern).search(instance):
        yield ValidationError("does not match")


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"(?<!\\)\$(?=\)*$)", r"\\Z", pattern))


def _quantity(_validator: Any, kind: str, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    """Our keyword `x-quantity`: the value converts, and is of a size that makes sense."""
    if isinstance(instance, bool) or not isinstance(instance, str | int | float):
        return
    try:
        amount = _amount(kind, instance)
    except (ValueError, OverflowError):
        return  # `pattern`, `minimum` and `maximum` say it
    if not math.isfinite(amount) or amount > _LIMITS.get(kind, math.inf):
        yield ValidationError("beyond all measure")


def _amount(kind: str, value: str | float) -> float:
    match kind:
        case "duration":
            return seconds(value)
        case "size":
            return float(size_bytes(value))
        case "share":
            return fraction(value)
        case "money" if isinstance(value, str):
            return money(value).amount
        case _:
            return 0.0


@cache
def _validator() -> type[Draft202012Validator]:
    made: type[Draft202012Validator] = extend(Draft202012Validator, {"pattern": _pattern, "x-quantity": _quantity})  # type: ignore[no-untyped-call]
    return made

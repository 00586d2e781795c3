"""The shipped schemas: loading, walking and validating. `$ref` finds only what is shipped; nothing is ever retrieved."""

import json
import math
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend
from referencing import Registry, Resource
from referencing.exceptions import NoSuchResource
from referencing.jsonschema import DRAFT202012

from bench import resources
from bench.records.quantity import fraction, money, seconds, size_bytes
from bench.spec.marked import Path

SPEC = "spec.v1.schema.json"
PROMPTS = "prompts.v1.schema.json"

Node = tuple[str, dict[str, Any]]  # the file and a schema in it

_ALSO = ("allOf", "anyOf", "oneOf")
_BRANCHES = ("if", "then", "else")
_LIMITS = {"duration": 366 * 86_400.0, "size": 2.0**60, "money": 1e12}  # a year, an exbibyte: beyond is a slip of the pen


@cache
def document(file: str) -> dict[str, Any]:
    """A shipped schema."""
    loaded: dict[str, Any] = json.loads(resources.read("schemas", file))
    return loaded


def resolve(reference: str, file: str) -> Node:
    """The schema that a `$ref` in this file means."""
    name, _, inside = reference.partition("#")
    node: Any = document(name or file)
    for step in inside.split("/")[1:]:
        node = node[step.replace("~1", "/").replace("~0", "~")]
    return name or file, node


def spread(node: Node) -> Iterator[Node]:
    """A schema and all that apply to the same value through references and combinations."""
    file, schema = node
    yield node
    if "$ref" in schema:
        yield from spread(resolve(schema["$ref"], file))
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
    """What a schema says of its value: its own description, else that of what it refers to."""
    return next((str(schema["description"]) for _, schema in spread(node) if "description" in schema), "")


def errors(data: Any, file: str, inside: str = "") -> Iterator[ValidationError]:
    """What a shipped schema (or, by a JSON pointer, a part of it) finds wrong."""
    schema = {"$ref": f"{file}#{inside}"}
    yield from _validator()(schema, registry=_registry()).iter_errors(data)


def _refuse(uri: str) -> Resource[Any]:
    raise NoSuchResource(ref=uri)


@cache
def _registry() -> Registry[Any]:
    pairs = [(name, Resource.from_contents(document(name), default_specification=DRAFT202012)) for name in (SPEC, PROMPTS)]
    registry: Registry[Any] = Registry(retrieve=_refuse)
    return registry.with_resources(pairs)


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
    made: type[Draft202012Validator] = extend(Draft202012Validator, {"pattern": _pattern, "x-quantity": _quantity})
    return made

"""`json_schema`: the answer holds JSON that a JSON Schema accepts."""

import json
import re
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from bench.judge.checks import argument as read
from bench.judge.checks.bounded import SHARED, TEXT_LIMIT, Undecided
from bench.judge.checks.reading import EMPTY
from bench.protocols import Verdict

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_EXAMPLE = "json_schema: {schema: {type: object, required: [owner]}, find: anywhere}"
SCHEMA: dict[str, Any] = {
    "description": "A JSON Schema (draft 2020-12); or a mapping with `schema` and `find`.",
    "type": "object",
    "properties": {
        "schema": {"type": ["object", "boolean"], "description": "The JSON Schema, when `find` is given too."},
        "find": {
            "enum": ["anywhere", "whole"],
            "description": "Where the JSON is: `anywhere` (default: the last fenced block, else the last object or list) or the `whole` answer.",
        },
    },
}
_FENCE = re.compile(r"[ \t]{0,20}(`{3,}|~{3,})")
_TRIES = 2000  # places in prose where JSON may begin; bounds the work on text full of brackets
_DATA_KEYWORDS = frozenset({"const", "enum", "default", "examples"})  # what they hold is data, not a schema


class NoJson(ValueError):
    """The answer holds no JSON; the message says what was found."""


class JsonSchema:
    """Passes when the answer's JSON is accepted by the schema.

    The JSON is the whole answer if that is JSON; else the last fenced block that is; else the last complete object or list within the prose. A `$ref`
    may only point into the schema itself: nothing is ever fetched.
    """

    def __init__(self, argument: Any) -> None:
        """Read the argument. Raises: ValueError when it is no JSON Schema of draft 2020-12."""
        is_wrapped = isinstance(argument, dict) and "schema" in argument and set(argument) <= {"schema", "find"}
        options: Mapping[str, Any] = argument if is_wrapped else {"schema": argument}
        self._whole = read.choice(options.get("find", "anywhere"), ("anywhere", "whole"), "find") == "whole"
        self._schema = _checked(options["schema"])

    def decide(self, text: str) -> Verdict:
        """Whether the JSON is accepted; the detail names the first problem and its place."""
        if len(text) > TEXT_LIMIT:
            return Verdict(passed=None, detail=f"the answer has {len(text)} characters, more than the {TEXT_LIMIT} that are read")
        try:
            instance = _parse(text) if self._whole else find_json(text)
        except NoJson as error:
            return Verdict(passed=False, detail=str(error))
        try:
            answer = SHARED.ask({"job": "validate", "schema": self._schema, "instance": instance})
        except Undecided as reason:
            return Verdict(passed=None, detail=f"the schema could not be decided: {reason}")
        if answer["first"] is None:
            return Verdict(passed=True, detail="the JSON is as the schema asks")
        return Verdict(passed=False, detail=f"at {answer['path']}: {answer['first']}")


def find_json(text: str) -> Any:
    """The value of the JSON in an answer: all of it, the last fenced block, or the last object or list in the prose.

    Raises: NoJson when there is none.
    """
    for candidate in (text, *reversed(tuple(_fenced(text)))):
        try:
            return _parse(candidate)
        except NoJson:
            continue
    objects = deque(_objects(text), maxlen=1)
    if not objects:
        raise NoJson(EMPTY if not text.strip() else "no complete JSON object or list in the answer")
    return objects[0]


def _parse(text: str) -> Any:
    try:
        return _DECODER.decode(text.strip())
    except json.JSONDecodeError as error:
        raise NoJson(f"the answer is not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from error
    except (ValueError, RecursionError) as error:
        raise NoJson(f"the answer is not JSON that can be read: {error}") from error


def _fenced(text: str) -> Iterator[str]:
    """The contents of fenced blocks, in order; a block without its closing fence goes to the end of the text."""
    fence = ""
    held: list[str] = []
    for line in text.splitlines():
        mark = _FENCE.match(line)
        if fence and mark and mark.group(1).startswith(fence) and not line[mark.end() :].strip():
            yield "\n".join(held)
            fence, held = "", []
        elif fence:
            held.append(line)
        elif mark:
            fence = mark.group(1)
    if fence:
        yield "\n".join(held)


def _objects(text: str) -> Iterator[Any]:
    """Complete top-level objects and lists within prose, in order."""
    place, tries = 0, 0
    while tries < _TRIES and (start := _BRACKET.search(text, place)) is not None:
        tries += 1
        try:
            value, place = _DECODER.raw_decode(text, start.start())
        except (ValueError, RecursionError):
            place = start.end()
        else:
            yield value


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse)
_BRACKET = re.compile(r"[{\[]")


def _checked(schema: Any) -> Any:
    if not isinstance(schema, dict | bool):
        raise ValueError(f"the schema is {type(schema).__name__}; write a mapping. For example: {_EXAMPLE}")  # noqa: TRY004 - the contract of checks
    try:
        json.dumps(schema, allow_nan=False)
        problem = best_match(
            Draft202012Validator(Draft202012Validator.META_SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER).iter_errors(schema)
        )
    except (TypeError, ValueError) as error:
        raise ValueError(f"the schema cannot be written as JSON: {error}") from error
    except RecursionError as error:
        raise ValueError("the schema is nested too deeply") from error
    if problem is not None:
        raise ValueError(f"the schema is wrong at {problem.json_path}: {problem.message[:300]}")
    if isinstance(schema, dict):
        _check_references(schema)
    return schema


def _check_references(schema: dict[str, Any]) -> None:
    if schema.get("$schema", _DIALECT) != _DIALECT:
        raise ValueError(f"$schema is {schema['$schema']!r}; only draft 2020-12 is read: {_DIALECT}")
    resolver = Registry().with_resource("", DRAFT202012.create_resource(schema)).resolver("")
    for reference in _references(schema):
        if not reference.startswith("#"):
            raise ValueError(
                f"$ref {reference!r} points outside the schema and is never fetched; put the definition under $defs and write '#/$defs/NAME'"
            )
        try:
            resolver.lookup(reference)
        except Unresolvable as error:
            raise ValueError(f"$ref {reference!r} points to nothing in the schema") from error


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key in {"$ref", "$dynamicRef"} and isinstance(item, str):
                yield item
            elif key not in _DATA_KEYWORDS:
                yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)


_OWNER = {"type": "object", "properties": {"owner": {"type": "string"}, "due": {"type": "string", "pattern": "^[0-9-]+$"}}, "required": ["owner"]}
EXAMPLES = (
    (_OWNER, '{"owner": "Ana"}', True),
    (_OWNER, '{"owner": 3}', False),
    (_OWNER, '{"due": "2026-05-27"}', False),
    (_OWNER, 'Sure! Here it is:\n```json\n{"owner": "Ana"}\n```\nAnything else?', True),
    (_OWNER, 'Draft: {"owner": 1}. Better: {"owner": "Ana", "due": "2026-05-27"}. Done {really}.', True),
    (_OWNER, 'First {"owner": "Ana"}, then {"owner": 1}', False),
    (_OWNER, '```\n{broken\n```\nbut {"owner": "Bo {not a brace}"}', True),
    (_OWNER, '{"owner": "Ana"', False),
    (_OWNER, "no JSON here", False),
    (_OWNER, "", False),
    ({"schema": _OWNER, "find": "whole"}, 'Here: {"owner": "Ana"}', False),
    ({"schema": _OWNER, "find": "whole"}, ' {"owner": "Ana"}\n', True),
    ({"type": "array", "minItems": 2}, "The items are [1, 2].", True),
    ({"type": "number"}, "NaN", False),
    ({"$ref": "#/$defs/n", "$defs": {"n": {"type": "integer"}}}, "7", True),
    ({"properties": {"a": {"pattern": "(a|a)+$"}}}, '{"a": "' + "a" * 60 + '!"}', None),
)

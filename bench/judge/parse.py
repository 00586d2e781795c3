"""What a judge wrote, read strictly: what does not fulfil the form is unreadable, and never a score.

Reasoning is taken away first, for a draft inside it may contradict the verdict. Of several valid objects the last one counts. Nothing here raises for
any text, and every score is within its scale.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from bench.judge.escape import escaped

MOST_CHARACTERS = 20_000  # of what follows the reasoning; a judge's verdict has a few hundred
_TRIES = 500  # places where an object may begin
_NAMES = "think|thinking|thought|reasoning|reflection|scratchpad"
_OPEN_THOUGHT = re.compile(rf"<(?:{_NAMES})>|\[THINK\]|<\|channel\|>analysis", re.IGNORECASE)
_CLOSE_THOUGHT = re.compile(rf"</(?:{_NAMES})>|\[/THINK\]|<\|channel\|>final(?:<\|message\|>)?", re.IGNORECASE)
_WORD = re.compile(r"\W*(?:answer|verdict)?\W*\b([^\W\d_]+)\b(?:\W*$|[.,;:!*\n])", re.IGNORECASE)
_NUMBER = re.compile(
    r"[\s*\"'(]*(?:rating|score|answer)?[\s*:\"'(]*([+-]?\d{1,6})(?:\s*/\s*(\d{1,6}))?(?:[\s.,;:!*\"')]*$|[.,;:!*)]*\s*\n|[.,;:!*)]+\s)",
    re.IGNORECASE,
)
_RESULT = re.compile(r"\[RESULT\][\s(:]*([^\s)]*)", re.IGNORECASE)


class Unreadable(msgspec.Struct, frozen=True):
    """A reply that is no verdict. `problem` says what is wrong with it, in words that a judge can be told."""

    problem: str


class WrittenVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict of the asked form. `value`: whether the statement holds, or the score. `quote` is what the judge claims to have read."""

    value: bool | int
    reason: str
    quote: str = ""


def without_reasoning(text: str) -> str:
    """What was said after all reasoning; empty when the reasoning never ends.

    >>> without_reasoning('<think>{"score": 1}</think>{"score": 4}')
    '{"score": 4}'
    """
    end = 0
    for closing in _CLOSE_THOUGHT.finditer(text):  # a chat template may have opened it, so the closing tag alone decides
        end = closing.end()
    opening = _OPEN_THOUGHT.search(text, end)
    return text[end : opening.start() if opening else len(text)][-MOST_CHARACTERS:].strip()


def read_word(text: str, words: tuple[str, ...]) -> str | None:
    """The one of `words` that the reply is, or begins with before a break of the sentence; None when it is none of them.

    >>> read_word(" **Yes**, it does.", ("Yes", "No")), read_word("No doubt it does", ("Yes", "No"))
    ('Yes', None)
    """
    match = _WORD.match(without_reasoning(text)[:200])
    return next((word for word in words if match and match.group(1).casefold() == word.casefold()), None)


def read_number(text: str, low: int, high: int) -> int | None:
    """The whole number that the reply is; None when it is none, or off the scale.

    >>> read_number("Rating: 4/5", 1, 5), read_number("9", 1, 5), read_number("4.5", 1, 5)
    (4, None, None)
    """
    match = _NUMBER.match(without_reasoning(text)[:500])
    if match is None or (match.group(2) is not None and int(match.group(2)) != high):
        return None
    number = int(match.group(1))
    return number if low <= number <= high else None


def read_result(text: str) -> WrittenVerdict | Unreadable:
    """Feedback with its `[RESULT]`, 1 to 5: the last one counts."""
    said = without_reasoning(text)
    results = list(_RESULT.finditer(said))
    if not results:
        return Unreadable("it has no [RESULT] followed by a number from 1 to 5" if said else "it is empty")
    last = results[-1]
    if not re.fullmatch(r"[1-5]\.?", last.group(1), re.ASCII):
        return Unreadable(f"after [RESULT] stands {last.group(1)[:40]!r}, not a whole number from 1 to 5")
    feedback = said[results[-2].end() if len(results) > 1 else 0 : last.start()].strip()
    return WrittenVerdict(value=int(last.group(1)[0]), reason=feedback.removeprefix("Feedback:").strip())


def verdict_schema(low: int, high: int, *, is_scale: bool) -> dict[str, Any]:
    """The JSON Schema of a verdict: reason first, so that the decision follows from it."""
    decision: dict[str, Any] = {"score": {"type": "integer", "minimum": low, "maximum": high}} if is_scale else {"holds": {"type": "boolean"}}
    properties = {"reason": {"type": "string"}, "quote": {"type": "string"}, **decision}
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def read_verdict(text: str, schema: dict[str, Any], candidate: str) -> WrittenVerdict | Unreadable:
    """The last object in the reply that is valid under the schema; its quote must stand in the candidate."""
    said = without_reasoning(text)
    problem = _NONE if said else "it is empty"
    for found in reversed(tuple(_objects(said))):
        wrong = _problem(found, schema)
        if wrong is None:
            if found["quote"].strip() and not is_quoted(found["quote"], candidate):
                return Unreadable(f"the quote {found['quote'][:80]!r} does not stand in the answer; copy its words exactly, or leave it empty")
            return WrittenVerdict(value=found.get("holds", found.get("score")), reason=_sound(found["reason"]), quote=_sound(found["quote"]))
        problem = wrong if problem == _NONE else problem
    return Unreadable(problem)


_NONE = "it holds no complete JSON object"


def is_quoted(quote: str, candidate: str) -> bool:
    """Whether the quote's words stand in the candidate in this order, white space, quotation marks and ends aside."""
    plain = _plain(quote).strip(" \"'.…")
    return bool(plain) and plain in _plain(escaped(candidate))


def _sound(text: str) -> str:
    """The text without halves of characters, which no file can carry."""
    return text.encode("utf-8", "replace").decode()


def _plain(text: str) -> str:
    return " ".join(text.translate(_QUOTES).replace("< ", "<").replace("[ ", "[").split())


_QUOTES = str.maketrans({"“": '"', "”": '"', "‘": "'", "’": "'", "„": '"'})


def _problem(found: dict[str, Any], schema: dict[str, Any]) -> str | None:
    """What is wrong with an object, in words."""
    properties: dict[str, dict[str, Any]] = schema["properties"]
    missing = [name for name in properties if name not in found]
    if missing:
        return f"the field {missing[0]!r} is missing"
    surplus = [name for name in found if name not in properties]
    if surplus:
        return f"there is a field too many, {surplus[0][:40]!r}"
    return next((wrong for name, rule in properties.items() if (wrong := _field_problem(name, found[name], rule))), None)


def _field_problem(name: str, value: Any, rule: dict[str, Any]) -> str | None:
    match rule["type"]:
        case "string" if isinstance(value, str):
            return None
        case "boolean" if isinstance(value, bool):
            return None
        case "integer" if isinstance(value, int) and not isinstance(value, bool):
            return (
                None if rule["minimum"] <= value <= rule["maximum"] else f"{name!r} is {str(value)[:20]}, not {rule['minimum']} to {rule['maximum']}"
            )
    words = {"string": "a text", "boolean": "true or false", "integer": "a whole number, without quotation marks"}
    return f"{name!r} is not {words[rule['type']]}"


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """Complete objects in the text, in order; none that stands inside another one."""
    place, tries = 0, 0
    while tries < _TRIES and (start := text.find("{", place)) >= 0:
        tries += 1
        try:
            value, place = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            place = start + 1
        else:
            yield value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a field stands twice")
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=lambda name: name)

"""Words for what a schema wants and what was found."""

import re
from typing import Any

from bench.spec import hints
from bench.spec.marked import Path
from bench.spec.schema import Violation

_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "`true` or `false`",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}


# A value that is a mapping, as it is written most often.
_MAPPINGS = {
    "aspects": "{id: NAME, check: {contains: TEXT}}",
    "check": "{contains: TEXT}",
    "cost": "{model: energy, busy_watts: 25, price_per_kwh: 0.30 EUR}",
    "generation": "{temperature: 0, max_tokens: 100}",
    "gates": "{metric: ttft, max: 1 s}",
    "gpu": "{mode: on}",
    "judge": "{use: NAME}",
    "load": "{kind: closed, concurrency: 4}",
    "models": "{id: NAME, runtime: external, base_url: ADDRESS, model: NAME}",
    "prompts": "{id: NAME, user: TEXT}",
    "variants": "{id: NAME, threads: 2}",
}
_GGUF = re.compile(r"^[^:]+\.gguf$", re.IGNORECASE)


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


def found(violation: Violation) -> str:
    """What stands there."""
    match violation.rule, violation.value:
        case "maxLength" | "minLength", str() as text if text.strip():
            return f"{len(text):,} characters"
        case "uniqueItems", _:
            return "repeated ones"
        case _:
            return describe(violation.value)


def expected(violation: Violation) -> tuple[str, str]:
    """The stable code of the finding, and what should stand there."""
    wanted, ours = violation.wanted, violation.schema.get("x-expected")
    kinds = [wanted] if isinstance(wanted, str) else wanted
    match violation.rule:
        case "type":
            words = "wrong-type", ours or " or ".join(_TYPES[kind] for kind in kinds)
        case "enum":
            words = "not-allowed", "one of " + ", ".join(f"`{one}`" for one in wanted)
        case "const":
            words = "not-allowed", f"`{wanted}`"
        case "pattern":
            words = "bad-format", ours or "text in another form"
        case "exclusiveMinimum":
            words = "out-of-range", ours or f"more than {wanted}"
        case "uniqueItems":
            words = "repeated-item", "each item once"
        case "x-quantity":
            words = "out-of-range", f"{ours} of a sensible size"
        case rule if rule.startswith(("min", "max")):
            words = _bound(rule, wanted, ours)
        case _:
            words = "not-valid", ours or "another value"
    return words


def _bound(rule: str, wanted: Any, ours: str | None) -> tuple[str, str]:
    words = f"at {'least' if rule.startswith('min') else 'most'} {wanted:,}"
    things = {"Items": "item", "Length": "character", "Properties": "key"}.get(rule[3:])
    if things is None:
        return "out-of-range", ours or words
    if ours and rule in {"minLength", "minProperties", "maxProperties"}:
        return "wrong-length" if things == "character" else "wrong-count", ours
    return "wrong-length" if things == "character" else "wrong-count", f"{words} {things}{'s' * (wanted != 1)}"


def hint(violation: Violation) -> str | None:
    """What to do about it, where that can be told."""
    wanted, value = violation.wanted, violation.value
    match violation.rule:
        case "enum" if isinstance(value, str):
            close = hints.near(value, [str(one) for one in wanted])
            return f"did you mean `{close}`?" if close is not None else None
        case "const":
            return "this version of bench reads version 1 of the language"
        case "type":
            kinds = {wanted} if isinstance(wanted, str) else set(wanted)
            if kinds == {"object"} and isinstance(value, str):
                return _as_mapping(violation.path)
            return None if value is not None and "pattern" in violation.schema else _for_type(kinds, value)
        case "pattern" if isinstance(value, str) and violation.path[-1:] == ("weights",) and _GGUF.search(value):
            return f"did you mean `file:{value[:60]}`?"
        case _:
            return None


def _as_mapping(path: Path) -> str | None:
    key = next((step for step in reversed(path) if isinstance(step, str)), "")
    shown = _MAPPINGS.get(key)
    if shown is None:
        return None
    return f"for example `- {shown}`" if isinstance(path[-1], int) else f"for example `{key}: {shown}`"


def _for_type(kinds: set[str], value: Any) -> str | None:
    plain = str(value).lower()
    words: str | None = None
    if value is None:
        words = "write the value after the `:`, or remove the key"
    elif "boolean" in kinds and plain in {"yes", "no", "on", "off", "y", "n"}:
        words = f"write `{'true' if plain in {'yes', 'on', 'y'} else 'false'}`"
    elif "string" in kinds and isinstance(value, bool | int | float):
        words = f'put it in quotes: "{plain}"'
    elif kinds & {"integer", "number"} and isinstance(value, str) and re.fullmatch(r"[-+0-9.eE]+", value):
        words = "remove the quotes"
    elif "array" in kinds:
        words = "write it as a list: start each item with `- `"
    return words

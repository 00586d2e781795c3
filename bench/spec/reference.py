"""The reference of the spec language, written from the schemas' descriptions: `python -m bench.spec.reference docs/spec.md` renews that part."""

import sys
from pathlib import Path
from typing import Any

from bench.spec import schema
from bench.spec.schema import Node

START = "<!-- reference: generated from schemas/ by `python -m bench.spec.reference docs/spec.md`; do not edit below -->\n"
_KINDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true, false",
    "array": "list",
    "object": "mapping",
    "null": "null",
}


def reference() -> str:
    """Every key of specs and prompt sets, as Markdown tables."""
    written: dict[str, str] = {}
    _section("The spec", (schema.SPEC, schema.document(schema.SPEC)), written)
    _section("A prompt set", (schema.PROMPTS, schema.document(schema.PROMPTS)), written)
    for name in ("workshop_models", "workshop_prompts"):
        file = schema.SPEC if name == "workshop_models" else schema.PROMPTS
        node = schema.definition(name, file)
        child = node[1].get("items") or node[1]["additionalProperties"]
        title = "An entry of a workshop's `models.json`" if name == "workshop_models" else "An entry of a workshop's `prompts.json`"
        _section(title, (file, child), written)
    return "\n".join(written.values())


def renew(text: str) -> str:
    """A page with its generated part as the schemas say now. Raises: ValueError when the page has no such part."""
    before, start, _ = text.partition(START)
    if not start:
        raise ValueError("the page has no line that starts the generated part")
    return f"{before}{START}\n{reference()}"


def _section(title: str, node: Node, written: dict[str, str]) -> None:
    """One table, and after it the tables of what its keys hold."""
    if title in written:
        return
    keys: dict[str, Node] = {}
    required: set[str] = set()
    for where, part in schema.spread(node):
        required |= set(part.get("required", ())) if part.get("properties") else set()
        for name, child in part.get("properties", {}).items():
            keys.setdefault(name, (where, child))
    alone = _alone(node[1])
    marks = {**dict.fromkeys(required, " **required**"), **dict.fromkeys(alone, " **in place of the others**")}
    rows = [f"| `{name}`{marks.get(name, '')} | {_kind(child)} | {_cell(schema.description(child))} |" for name, child in keys.items()]
    about = _sentence(schema.description(node))
    written[title] = "\n".join([f"## {title}\n", f"{about}\n", "| key | value | meaning |", "|---|---|---|", *rows, ""])
    for name, child in keys.items():
        for below, is_list, is_map in _below(child):
            suffix = "[]" if is_list else ".<name>" if is_map else ""
            shared = _shared(child, below)
            target = schema.definition(shared, schema.SPEC) if shared else below
            _section(f"`{shared.replace('_', ' ')}`" if shared else f"`{name}{suffix}`", target, written)


def _alone(part: dict[str, Any]) -> set[str]:
    """Keys of the one of two alternatives that has no other keys: `include` among the prompts."""
    one, other = (part.get(branch, {}).get("properties", {}) for branch in ("then", "else"))
    return set(one) - set(other) if one and other else set()


def _below(node: Node) -> list[tuple[Node, bool, bool]]:
    """Schemas with keys of their own: of the value, of its items, of its entries."""
    found: list[tuple[Node, bool, bool]] = []
    for where, part in schema.spread(node):
        if part.get("properties") and part.get("type") != ["array", "object"]:
            found.append((node, False, False))
            break
        for keyword in ("items", "additionalProperties"):
            child = part.get(keyword)
            if isinstance(child, dict) and any(one.get("properties") for _, one in schema.spread((where, child))):
                found.append(((where, child), keyword == "items", keyword == "additionalProperties"))
    return found


def _shared(node: Node, below: Node) -> str:
    """The name of a definition that several keys use, so that it is described once."""
    return str(node[1].get("x-definition") or below[1].get("x-definition") or "")


def _kind(node: Node) -> str:
    """What kind of value it is."""
    for _, part in schema.spread(node):
        if "x-quantity" in part:
            return str(part["x-quantity"])
        if "enum" in part:
            return ", ".join(f"`{one}`" for one in part["enum"])
        if "const" in part:
            return f"`{part['const']}`"
        if "type" in part:
            kinds = [part["type"]] if isinstance(part["type"], str) else part["type"]
            return " or ".join(_KINDS[kind] for kind in kinds) + _bounds(part)
    return "anything"


def _bounds(part: dict[str, Any]) -> str:
    low = f"from {part['minimum']}" if "minimum" in part else f"above {part['exclusiveMinimum']}" if "exclusiveMinimum" in part else ""
    high = f"to {part['maximum']}" if "maximum" in part else ""
    words = " ".join(word for word in (low, high) if word)
    return f", {words}" if words else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


if __name__ == "__main__":
    for name in sys.argv[1:]:
        page = Path(name)
        page.write_text(renew(page.read_text(encoding="utf-8")), encoding="utf-8")

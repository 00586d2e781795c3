"""A spec as nested mappings in which everything with an id stands under it, in the words of the language."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec

from bench.records.spec import Message, Prompt, Spec

Tree = dict[str, Any]
NAMED = {"models", "prompts", "rubrics", "variants", "judges"}  # mappings by id, at the top
_NAMES = {"size_bytes": "size", "pass_score": "pass"}
_AS_WRITTEN = {"settings", "argument", "require", "weights", "templates", "content"}  # what stands in them are a user's own names
_NOT_COMPARED = {"digest", "version", "bench"}


def tree(spec: Spec) -> Tree:
    """The tree: quantities with their units, what follows from something else left out, so that one change is seen once."""
    whole: Tree = _said({key: value for key, value in msgspec.to_builtins(spec).items() if key not in _NOT_COMPARED})
    for key in NAMED:
        whole[key] = _by_id(whole[key])
    for prompt in spec.prompts:
        entry = whole["prompts"][prompt.id]
        entry["aspects"] = _by_id(entry["aspects"])
        del entry["messages"]
        whole["prompts"][prompt.id] = {**_messages(prompt), **entry}
    for rubric in whole["rubrics"].values():
        rubric["criteria"] = _by_id(rubric["criteria"])
        rubric["anchors"] = {str(score): meaning for score, meaning in rubric["anchors"]}
    for model in (*whole["models"].values(), *whole["judges"].values()):
        model["environment"] = dict(model["environment"])
    for variant in whole["variants"].values():
        own = variant["generation"] or {}
        variant["generation"] = {key: value for key, value in own.items() if value != whole["generation"][key]}
    if whole["judge"] is not None:
        whole["judge"] = {**whole["judge"].pop("settings"), **whole["judge"], "templates": dict(whole["judge"]["templates"])}
    load = whole["load"]
    whole["load"] = {"kind": load["kind"], "concurrency": load["concurrency"], **load["settings"]}
    whole["gates"] = _gates(whole["gates"])
    return whole


def content(prompt: Tree) -> Tree:
    """What a prompt is, without where it stands."""
    return {key: value for key, value in prompt.items() if key != "file"}


def _by_id(entries: list[Tree]) -> Tree:
    return {entry["id"]: {key: value for key, value in entry.items() if key != "id"} for entry in entries}


def _messages(prompt: Prompt) -> Tree:
    """The messages by their role; by number where a role speaks twice."""
    often = Counter(message.role for message in prompt.messages)

    def name(number: int, message: Message) -> str:
        return message.role if often[message.role] == 1 else f"message {number} ({message.role})"

    return {name(number, message): message.content for number, message in enumerate(prompt.messages, start=1)}


def _gates(gates: list[Tree]) -> Tree:
    """Gates by what they are about."""
    found: Tree = {}
    for gate in gates:
        of, against = gate["model"], gate["baseline"]
        words = (gate["metric"], gate.get("aspect"), gate["at"], f"of {of}" if of else None, "against a baseline" if against else None)
        name = " ".join(str(word) for word in words if word)
        more = next(number for number in range(1, len(gates) + 1) if (name if number == 1 else f"{name} ({number})") not in found)
        found[name if more == 1 else f"{name} ({more})"] = dict(gate)
    return found


def _said(value: Any, key: str = "") -> Any:
    """Values as a person would write them."""
    if isinstance(value, Mapping):
        if set(value) == {"amount", "currency"}:
            return f"{_number(value['amount'])} {value['currency']}"
        return {_key(name): inner if name in _AS_WRITTEN else _said(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [_said(inner) for inner in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        if key.endswith("_s"):
            return f"{_number(value)} s"
        if key.endswith("_bytes"):
            return f"{value} B"
    return value


def _key(name: str) -> str:
    return _NAMES.get(name) or name.removesuffix("_s")


def _number(value: float) -> str:
    return repr(value).removesuffix(".0")

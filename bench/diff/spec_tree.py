"""A spec as nested mappings in which everything with an id stands under it, in the words of the language."""

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import msgspec

from bench.records.quantity import fraction, money, seconds
from bench.records.spec import Message, Prompt, Selection, Spec

Tree = dict[str, Any]
NAMED = {"models", "prompts", "rubrics", "variants", "judges"}  # mappings by id, at the top
_NAMES = {"size_bytes": "size", "pass_score": "pass"}
_AS_WRITTEN = {"settings", "argument", "environment", "templates", "content"}  # what stands in them are a user's own names
_LOAD_DEFAULTS: Mapping[str, Mapping[str, Any]] = {  # of the loads that come with bench; `test_spec_tree` holds them to the loads' own
    "ramp": {"of": "rate"},
    "sweep": {"of": "concurrency", "spacing": "geometric", "min_goodput": 0.95, "min_growth": 0.2},
    "trace": {"speed": 1},
}
_NOT_COMPARED = {"digest", "version", "bench"}


def tree(spec: Spec) -> Tree:
    """The tree: quantities with their units, what follows from something else left out, so that one change is seen once."""
    whole: Tree = _said({key: value for key, value in msgspec.to_builtins(spec).items() if key not in _NOT_COMPARED})
    for key in NAMED:
        whole[key] = _by_id(whole[key])
    for prompt in spec.prompts:
        whole["prompts"][prompt.id] = _prompt(prompt, whole["prompts"][prompt.id])
    for rubric in whole["rubrics"].values():
        rubric["criteria"] = _by_id(rubric["criteria"])
        rubric["anchors"] = {str(score): meaning for score, meaning in rubric["anchors"]}
    for entry in (*whole["models"].values(), *whole["judges"].values()):
        _model(entry)
    for variant in whole["variants"].values():
        own = variant["generation"] or {}
        variant["generation"] = {key: value for key, value in own.items() if value != whole["generation"][key]}
    if whole["judge"] is not None:
        whole["judge"] = {**whole["judge"].pop("settings"), **whole["judge"], "templates": dict(whole["judge"]["templates"])}
    whole |= {"load": _load(whole["load"]), "cost": _cost(whole["cost"]), "gates": _gates(whole["gates"]), "selection": _selection(spec.selection)}
    return whole


def content(prompt: Tree) -> Tree:
    """What a prompt is, without where it stands."""
    return {key: value for key, value in prompt.items() if key != "file"}


def _by_id(entries: list[Tree]) -> Tree:
    return {entry["id"]: {key: value for key, value in entry.items() if key != "id"} for entry in entries}


def _prompt(prompt: Prompt, entry: Tree) -> Tree:
    aspects = _by_id(entry["aspects"])
    for aspect in aspects.values():
        if (check := aspect["check"]) is not None:
            aspect["check"] = {check["name"]: check["argument"]}
    rest = {key: value for key, value in entry.items() if key != "messages"}
    return {**_messages(prompt), **rest, "aspects": aspects}


def _model(entry: Tree) -> None:
    """Put a model's or a judge's keys as they are written."""
    entry |= {"environment": dict(entry["environment"]), "cost": _cost(entry["cost"])}
    weights = entry["weights"]
    if weights is not None and len(weights["parts"]) == 1 and weights["file"] is None:
        entry["weights"] = weights["parts"][0]


def _messages(prompt: Prompt) -> Tree:
    """The messages by their role; by number where a role speaks twice."""
    often = Counter(message.role for message in prompt.messages)

    def name(number: int, message: Message) -> str:
        return message.role if often[message.role] == 1 else f"message {number} ({message.role})"

    return {name(number, message): message.content for number, message in enumerate(prompt.messages, start=1)}


def _load(load: Tree) -> Tree:
    """A load with its settings beside its kind; `60 s` and `1 min` are one, and so are a default that is written and one that is not."""
    settings = {**_LOAD_DEFAULTS.get(load["kind"], {}), **load["settings"]}
    steps = {"steps": load["steps"]} if load["kind"] == "sweep" else {}
    return {"kind": load["kind"], "concurrency": load["concurrency"], **steps, **{key: _quantity(key, value) for key, value in settings.items()}}


def _cost(cost: Tree | None) -> Tree | None:
    return None if cost is None else {"model": cost["model"], **{key: _quantity(key, value) for key, value in cost["settings"].items()}}


def _quantity(key: str, value: Any) -> Any:
    """A quantity in one form whatever its unit; what is none, such as a third party's setting of the same name, as it is."""
    if key in _QUANTITIES and isinstance(value, str | int | float):
        with suppress(ValueError):
            return _QUANTITIES[key](value)
    return value


def _duration(value: str | float) -> str:
    return f"{_number(seconds(value))} s"


def _share(value: str | float) -> str:
    return f"{_number(fraction(value) * 100)} %"


def _price(value: str | float) -> str:
    found = money(str(value))
    return f"{_number(found.amount)} {found.currency}"


_QUANTITIES: Mapping[str, Callable[[str | float], str]] = {
    **dict.fromkeys(("over", "every", "max_wait"), _duration),
    **dict.fromkeys(("min_goodput", "min_growth"), _share),
    **dict.fromkeys(("price_per_kwh", "price_per_hour", "input_per_million", "output_per_million", "cached_per_million"), _price),
}


def _selection(selection: Selection | None) -> Tree | None:
    if selection is None:
        return None
    require = {one.name: {"min": one.min, "max": one.max} for one in selection.bounds}
    named = {"license": list(selection.licenses), "capabilities": list(selection.capabilities)}
    return {"weights": {one.name: one.weight for one in selection.weights}, "require": {**named, **require}}


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
    if isinstance(value, list | tuple):
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

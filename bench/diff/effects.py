"""What each difference does to what was measured: decided by the trials' own digests where they can, by the table below otherwise."""

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from bench.diff.cells import Cells
from bench.diff.differences import Difference
from bench.diff.spec_tree import Tree
from bench.records.diff import Effect, Redo


class Meaning(NamedTuple):
    """What a difference does, why, and which results it touches; None stands for those of all models or prompts."""

    effect: Effect
    why: str
    redo: Redo = "nothing"
    models: frozenset[str] | None = None
    prompts: frozenset[str] | None = None


class Sides(msgspec.Struct, frozen=True, kw_only=True):
    """Both versions: as trees, and what their plans send to what."""

    before: Tree
    after: Tree
    old: Cells
    new: Cells


_COSMETIC = Meaning("cosmetic", "it is only for readers")
_TOP: dict[str, Meaning] = {
    "name": Meaning("policy", "runs and baselines are kept under the name"),
    "description": _COSMETIC,
    "seed": Meaning("measurement", "the order of the trials, and the draws of loads and probes, follow from it", "run"),
    "order": Meaning("measurement", "the models meet other neighbours", "run"),
    "client": Meaning("measurement", "another client measures", "run"),
    "retries": Meaning("measurement", "what counts as failed depends on it", "run"),
    "load": Meaning("measurement", "times under one load say nothing of another", "run"),
    "warmup": Meaning("measurement", "what is cold at the first measured request depends on it", "run"),
    "timeout": Meaning("measurement", "what counts as failed depends on it", "run"),
    "keep_alive": Meaning("measurement", "what is cold after a pause depends on it", "run"),
    "record": Meaning("measurement", "which times are kept of an answer depends on it", "run"),
    "telemetry": Meaning("measurement", "what is read from the machine changes", "run"),
    "limits": Meaning("policy", "they only end a run; what was measured before holds"),
    "rounds": Meaning("scope", "rounds are added or removed; the others stay as they are"),
    "cost": Meaning("policy", "the same work gets another price"),
    "gates": Meaning("policy", "the same numbers are held against other bounds"),
    "selection": Meaning("policy", "the same numbers lead to another choice"),
    "report": Meaning("policy", "the same numbers are shown otherwise"),
}
_OF_MODEL: dict[str, Meaning] = {
    "description": _COSMETIC,
    "license": Meaning("policy", "it may decide what is chosen, not what is measured"),
    "capabilities": Meaning("policy", "they may decide what is chosen, not what is measured"),
    "size": Meaning("policy", "it is declared, not measured"),
    "optional": Meaning("policy", "whether a run may do without it, not what is measured"),
    "cost": Meaning("policy", "the same work gets another price"),
    "ready": Meaning("policy", "how it is seen to be up, not how it answers"),
    "load_timeout": Meaning("policy", "how long to wait for it, not how it answers"),
    "api_key": Meaning("policy", "who asks, not who answers"),
}
_OF_JUDGE: dict[str, Meaning] = {
    "concurrency": Meaning("policy", "how fast it judges, not how"),
    "allow_self": Meaning("policy", "whose word is allowed to count, not what is said"),
    "allow_unqualified": Meaning("policy", "whose word is allowed to count, not what is said"),
    "labels": Meaning("measurement", "corrected scores follow from people's labels"),
    "probes": Meaning("measurement", "whether the judge counts as qualified follows from them", "grade"),
}


def _scope(difference: Difference, what: str) -> Meaning:
    if difference.kind == "renamed":
        return Meaning("scope", f"the same {what} under another id: trials are known by it")
    return Meaning("scope", f"trials of this {what} {'come in' if difference.kind == 'added' else 'go'}; the rest stays as it is")


def _model(difference: Difference, sides: Sides) -> Meaning:
    rest = difference.where[1:]
    if len(rest) == 1:
        return _scope(difference, "model")
    model_id, key = rest[:2]
    if key in _OF_MODEL:
        return _OF_MODEL[key]
    only = frozenset({model_id})
    if key == "base_url":
        return Meaning("measurement", "another address may be another machine, with other times", "run", only)
    if key == "weights" and _has_same_weights("models", model_id, sides):
        return Meaning("cosmetic", "what answers is the same by its digest")
    if sides.old.served(model_id=model_id, beside=sides.new) != sides.new.served(model_id=model_id, beside=sides.old):
        return Meaning("treatment", "something else answers", "run", frozenset(), frozenset())
    return Meaning("cosmetic", "what answers is the same by its digest")


def _variant(difference: Difference, sides: Sides) -> Meaning:
    rest = difference.where[1:]
    if len(rest) == 1:
        return _scope(difference, "variant")
    variant_id, key = rest[:2]
    if key == "optional":
        return _OF_MODEL["optional"]
    if key == "generation":
        if sides.old.sends_otherwise(sides.new, variant_id):
            return Meaning("treatment", "something else is sent", "run", frozenset(), frozenset())
        return Meaning("cosmetic", "the same is sent")
    if sides.old.served(variant_id=variant_id, beside=sides.new) != sides.new.served(variant_id=variant_id, beside=sides.old):
        return Meaning("treatment", "it is served otherwise", "run", frozenset(), frozenset())
    return Meaning("cosmetic", "what answers is the same by its digest")


def _prompt(difference: Difference, _sides: Sides) -> Meaning:
    rest = difference.where[1:]
    if len(rest) == 1:
        return _scope(difference, "prompt")
    prompt_id, key = rest[:2]
    match key:
        case "file":
            return Meaning("cosmetic", "the same prompt stands in another file")
        case "tags":
            return Meaning("cosmetic", "they are only for readers")
        case "aspects" | "rubric" | "reference":
            if key == "aspects" and difference.kind == "renamed":
                return Meaning("measurement", "grades are known by the aspect's id", "grade", None, frozenset({prompt_id}))
            return Meaning("measurement", "the same answer gets another grade", "grade", None, frozenset({prompt_id}))
        case _:
            return Meaning("treatment", "something else is sent", "run", frozenset(), frozenset())


def _rubric(difference: Difference, sides: Sides) -> Meaning:
    rubric_id = difference.where[1]
    users = {name for side in (sides.before, sides.after) for name, prompt in side["prompts"].items() if prompt["rubric"] == rubric_id}
    if not users:
        return Meaning("cosmetic", "no prompt uses this rubric")
    return Meaning("measurement", "the same answer gets another score", "grade", None, frozenset(users))


def _judge(difference: Difference, sides: Sides) -> Meaning:
    top, *rest = difference.where
    if top == "judge" and rest and rest[0] in _OF_JUDGE:
        return _OF_JUDGE[rest[0]]
    if top == "judges" and len(rest) > 1 and rest[1] in _OF_MODEL:
        return _OF_MODEL[rest[1]]
    if top == "judges" and rest[1:2] == ["weights"] and _has_same_weights("judges", rest[0], sides):
        return Meaning("cosmetic", "what grades is the same by its digest")
    if top == "judges" and sides.before["judge"] is None and sides.after["judge"] is None:
        return Meaning("cosmetic", "no judge is used")
    asked = {name for side in (sides.before, sides.after) for name, prompt in side["prompts"].items() if _is_judged(prompt, side)}
    return Meaning("measurement", "the same answer gets another grade", "grade", None, frozenset(asked))


def _has_same_weights(among: str, name: str, sides: Sides) -> bool:
    """Whether both versions name the weights of a model or a judge by one digest, wherever they lie."""
    first, second = (side[among].get(name, {}).get("sha256") for side in (sides.before, sides.after))
    return first is not None and first == second


def _sent(_difference: Difference, sides: Sides) -> Meaning:
    if sides.old.sends_otherwise(sides.new):
        return Meaning("treatment", "something else is sent", "run", frozenset(), frozenset())
    return Meaning("cosmetic", "every variant has its own: the same is sent")


def _slo(_difference: Difference, sides: Sides) -> Meaning:
    if "sweep" in (sides.before["load"]["kind"], sides.after["load"]["kind"]):
        return Meaning("measurement", "the sweep looks for the load that keeps it", "run")
    return Meaning("measurement", "goodput counts by it; the answers stay")


def _is_judged(prompt: Tree, side: Tree) -> bool:
    """Whether anything is expected of a prompt's answer that no check decides."""
    rubric = side["rubrics"].get(prompt["rubric"], {"criteria": {}})
    return any(aspect["check"] is None for aspect in prompt["aspects"].values()) or any(one["question"] for one in rubric["criteria"].values())


_DECIDED: dict[str, Callable[[Difference, Sides], Meaning]] = {
    "models": _model,
    "prompts": _prompt,
    "variants": _variant,
    "generation": _sent,
    "cache": _sent,
    "rubrics": _rubric,
    "judges": _judge,
    "judge": _judge,
    "slo": _slo,
}


def meaning(difference: Difference, sides: Sides) -> Meaning:
    """What a difference does."""
    top = difference.where[0]
    return _DECIDED[top](difference, sides) if top in _DECIDED else _TOP[top]

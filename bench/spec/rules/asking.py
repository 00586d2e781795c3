"""Prompts, aspects and rubrics: what is asked and what is expected."""

import re
from collections.abc import Iterator
from typing import Any

from bench.errors import BenchError
from bench.records.source import Diagnostic
from bench.spec import hints
from bench.spec.marked import Path
from bench.spec.rules.view import View, text

_TWO_FACTS = re.compile(r"\band\b|;", re.IGNORECASE)
_OWN_REFERENCE = "#"
_COMPARING = "overlap"


def check(view: View) -> Iterator[Diagnostic]:
    """Aspects that cannot be decided, rubrics with nothing to score."""
    for path, prompt in view.prompts:
        if "messages" in prompt and "system" in prompt:
            message = "`system` cannot stand beside `messages`"
            yield view.tree.diagnose((*path, "system"), "conflicting-keys", message, hint="make it the first of `messages`", at="key")
        for where, aspect in view.entries(*path, "aspects"):
            yield from _aspect(view, where, aspect, has_reference=bool(prompt.get("reference")))
        yield from _scored(view, path, prompt)
    for path, rubric in view.entries("rubrics"):
        yield from _scale(view, path, rubric)
    yield from _ungraded(view)


def _aspect(view: View, path: Path, aspect: dict[str, Any], *, has_reference: bool) -> Iterator[Diagnostic]:
    for key in ("expect", "forbid"):
        if _TWO_FACTS.search(text(aspect, key)):
            message = "this aspect seems to hold two facts; a judge answers one question at a time"
            hint = "make it two aspects, each with its own id"
            yield view.tree.diagnose((*path, key), "two-facts", message, hint=hint, severity="warning")
    for name, argument in view.section(*path, "check").items():
        where = (*path, "check", name)
        if not view.extensions.has("check", name):
            names = view.extensions.names("check")
            yield view.tree.diagnose(
                where, "unregistered", f"no check is registered as `{name}`", hint=hints.for_name(name, names, "checks"), at="key"
            )
            continue
        if name == "json_schema" and (reference := _foreign(argument)) is not None:
            message = f"`$ref` to '{reference[:60]}' leads out of the schema; nothing is ever fetched"
            yield view.tree.diagnose(where, "foreign-reference", message, hint="put the schema under `$defs` and refer to `#/$defs/…`")
            continue
        try:
            problem = view.extensions.problem("check", name, argument)
        except BenchError as error:
            yield view.tree.diagnose(where, "missing-extension", error.message, hint=error.hint)
            continue
        if problem is not None:
            yield view.tree.diagnose(where, "check-argument", f"`{name}`: {problem}")
        elif name == _COMPARING and not has_reference and not (isinstance(argument, dict) and "with" in argument):
            message = f"`{name}` compares with the prompt's `reference`, and this prompt has none"
            yield view.tree.diagnose(where, "nothing-to-compare", message, hint="add `reference:` to the prompt, or `with:` to the check")


def _foreign(schema: Any) -> str | None:
    """The first reference of a JSON Schema that does not stay inside it."""
    waiting = [schema]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            for key in ("$ref", "$dynamicRef", "$recursiveRef"):
                target = value.get(key)
                if isinstance(target, str) and not target.startswith(_OWN_REFERENCE):
                    return target
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return None


def _scored(view: View, path: Path, prompt: dict[str, Any]) -> Iterator[Diagnostic]:
    """A rubric whose criteria find no aspect in this prompt."""
    name = text(prompt, "rubric")
    own = {text(aspect, "id") for _, aspect in view.entries(*path, "aspects")}
    for _, criterion in view.entries("rubrics", name, "criteria") if name else ():
        wanted = criterion.get("aspects")
        is_empty = (wanted == "all" and not own) or (isinstance(wanted, list) and not own & {one for one in wanted if isinstance(one, str)})
        if is_empty:
            what = "no aspects" if not own else "none of its aspects"
            message = f"the criterion `{text(criterion, 'id')}` of the rubric `{name}` has nothing to score: this prompt has {what}"
            yield view.tree.diagnose((*path, "rubric"), "nothing-to-score", message, hint="add `aspects:` to the prompt, or remove its `rubric:`")
            return


def _scale(view: View, path: Path, rubric: dict[str, Any]) -> Iterator[Diagnostic]:
    given = rubric.get("scale", [1, 5])
    if not (isinstance(given, list) and len(given) == 2 and all(isinstance(end, int | float) and not isinstance(end, bool) for end in given)):
        return
    low, high = given
    if low >= high:
        yield view.tree.diagnose((*path, "scale"), "out-of-range", f"the scale goes from {low} to {high}", hint="write the lowest score first")
        return
    least = rubric.get("pass")
    if isinstance(least, int | float) and not isinstance(least, bool) and not low <= least <= high:
        yield view.tree.diagnose((*path, "pass"), "out-of-range", f"`pass` is {least}, outside the scale {low} to {high}")
    for score in view.section(*path, "anchors"):
        if re.fullmatch(r"-?[0-9]{1,4}", score) and not low <= int(score) <= high:
            message = f"the anchor {score} is outside the scale {low} to {high}"
            yield view.tree.diagnose((*path, "anchors", score), "out-of-range", message, at="key")


def _ungraded(view: View) -> Iterator[Diagnostic]:
    if "judge" in view.data:
        return
    open_ones = [path for where, _ in view.prompts for path, aspect in view.entries(*where, "aspects") if "expect" in aspect or "forbid" in aspect]
    if open_ones:
        many = "1 aspect of this spec needs" if len(open_ones) == 1 else f"{len(open_ones)} aspects of this spec need"
        message = f"{many} a judge, and there is no `judge`: {'it stays' if len(open_ones) == 1 else 'they stay'} ungraded"
        hint = "decide them with `check:` where a program can, or name a judge"
        yield view.tree.diagnose(open_ones[0], "ungraded", message, hint=hint, severity="note")

"""promptfoo's templates (Nunjucks) as the spec's (a small part of Jinja): what both know comes out the same, and is tried here."""

import json
import re
from collections.abc import Mapping
from typing import Any

from bench.interchange.findings import Findings, Spot
from bench.spec.sandbox import Budget, TemplateProblem, render

_TEMPLATE = re.compile(r"\{[{%#]")
_ENVIRONMENT = re.compile(r"\{\{-?\s*env\.([A-Za-z_][A-Za-z0-9_]*)\s*-?\}\}")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OUT = re.compile(r"\{\{-?\s*([A-Za-z_]\w*)")
_TAG = re.compile(r"\{[{%]|[%}]\}")
_MISSING = re.compile(r"`([A-Za-z_][A-Za-z0-9_]*)` is undefined")
_NESTED = 5  # variables inside variables
_STEPS = 1_000_000
_CHARACTERS = 64 * 2**20


class Templates:
    """Renders templates of one import: all of them together take a bounded number of turns."""

    def __init__(self, findings: Findings) -> None:
        """Start with the whole budget."""
        self._findings = findings
        self._budget = Budget(_STEPS)
        self._size = 0

    def filled(self, value: Any, variables: Mapping[str, Any], spot: Spot) -> Any:
        """A value with the templates of its texts filled in, and of the texts below it; a text that cannot be filled stays as it is."""
        match value:
            case str() if _TEMPLATE.search(value):
                text = self.text(value, variables, spot)
                return value if text is None else text
            case dict():
                return {key: self.filled(child, variables, spot) for key, child in value.items()}
            case list():
                return [self.filled(child, variables, spot) for child in value]
        return value

    def text(self, template: str, variables: Mapping[str, Any], spot: Spot) -> str | None:
        """What a template comes to, as promptfoo would write it; None with a finding when it cannot be rendered here."""
        if self._size > _CHARACTERS:
            self._findings.left_out(spot, f"all texts together have more than {_CHARACTERS:,} characters", "import in parts")
            return None
        try:
            out = render(template, self.usable(template, variables), self._budget)
        except TemplateProblem as problem:
            if _ENVIRONMENT.search(template):
                self._findings.left_out(spot, "a text takes `env.…` from the environment, which prompts of a spec cannot", "write the value out")
            else:
                self._findings.left_out(spot, f"this template is beyond what a spec's templates know: {problem.message}", problem.hint)
            return None
        self._size += len(out)
        return out

    def usable(self, template: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        """The variables that a template names, in the form that makes it come out the same: names that promptfoo leaves empty are empty texts."""
        words, in_code = _words(template)
        used = {name: value for name, value in variables.items() if name in words and _NAME.fullmatch(name)}
        used = {name: value if name in in_code else _written(value) for name, value in used.items()}
        for _ in range(len(words)):
            try:
                render(template, used, self._budget)
            except TemplateProblem as problem:
                missing = _MISSING.search(problem.message)
                if problem.code != "template-undefined" or missing is None or missing.group(1) in used or missing.group(1) == "env":
                    return used
                used[missing.group(1)] = ""
            else:
                return used
        return used

    def resolved(self, variables: Mapping[str, Any], spot: Spot) -> dict[str, Any]:
        """Variables as promptfoo takes them: without a last line break, texts that name other variables filled in, others as they stand."""
        known = {name: value.removesuffix("\n") if isinstance(value, str) else value for name, value in variables.items()}
        for _ in range(_NESTED):
            nested = [name for name, value in known.items() if isinstance(value, str) and _TEMPLATE.search(value)]
            nested = [name for name in nested if set(_OUT.findall(known[name])) <= known.keys()]
            if not nested:
                break
            filled = {name: self.filled(known[name], known, spot.at(name)) for name in nested}
            if all(filled[name] == known[name] for name in nested):
                break
            known |= filled
        return known


def _words(template: str) -> tuple[set[str], set[str]]:
    """The words inside a template's tags, and those inside `{% … %}` only. One look from front to back, whatever is left open."""
    words: set[str] = set()
    in_code: set[str] = set()
    opened: re.Match[str] | None = None
    for tag in _TAG.finditer(template):
        if tag.group()[0] == "{":
            opened = opened or tag
        elif opened is not None and tag.group()[0] == {"{{": "}", "{%": "%"}[opened.group()]:
            inside = _WORD.findall(template, opened.end(), tag.start())
            words.update(inside)
            in_code.update(inside if opened.group() == "{%" else ())
            opened = None
    return words, in_code


def environment_names(text: str) -> str:
    """`{{ env.NAME }}` as the spec's `${NAME}`."""
    return _ENVIRONMENT.sub(lambda found: f"${{{found.group(1)}}}", text)


def is_template(text: Any) -> bool:
    """Whether a text is more than itself."""
    return isinstance(text, str) and _TEMPLATE.search(text) is not None


def _written(value: Any) -> Any:
    """A value as promptfoo puts it out where a text stands."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case list() | dict():
            return value
    return value


def as_text(value: Any) -> str:
    """One value as a text: what JavaScript's `String(value)` gives for texts, numbers and truth values."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

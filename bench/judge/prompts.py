"""The words a judge is asked with: shipped templates, each replaceable by a user's, and what they may show.

A template sees texts that are already escaped and fenced, and nothing else: no model, no trial. It has no loops, calls or arithmetic, so the one who
wrote it can shape a prompt and nothing more. `<system>` and `<user>` on lines of their own begin the messages; no escaped text can hold them.
"""

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from jinja2 import DictLoader, StrictUndefined, TemplateError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from bench import resources
from bench.digest import digest
from bench.judge.escape import fenced, one_line
from bench.records.judging import Candidate
from bench.records.spec import Message, Rubric

VERSION = "v1"  # of the shipped templates; a released one is never edited, a new version stands beside it
NAMES = ("answer", "aspects", "score", "verdict", "pairwise", "prometheus", "repair")
"""`answer` is the head that `aspects`, `score` and `verdict` extend: all questions about one candidate begin with the same words."""
USED = {
    "aspects": ("answer", "aspects", "score", "verdict", "repair"),
    "samples": ("answer", "aspects", "score"),
    "score": ("answer", "score", "verdict", "repair"),
    "verdict": ("answer", "verdict", "repair"),
    "panel": ("answer", "aspects", "score", "verdict", "repair"),
    "escalate": ("answer", "aspects", "score", "verdict", "repair"),
    "pairwise": ("pairwise",),
    "prometheus": ("prometheus", "repair"),
}
MOST_CHARACTERS = 50_000  # of a user's template
_ROLE = re.compile(r"^<(system|user)>[ \t]*$", re.MULTILINE)
_ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.If, nodes.Block, nodes.Extends, nodes.Const, nodes.Not, nodes.And, nodes.Or,
    nodes.Compare, nodes.Operand,
)  # fmt: skip
_ABOUT_ONE = ("task", "reference", "answer", "statement", "is_negated", "is_question", "low", "high", "anchors")
_GIVEN = {
    **dict.fromkeys(("answer", "aspects", "score", "verdict", "prometheus"), _ABOUT_ONE),
    "pairwise": ("task", "reference", "answer_a", "answer_b", "points"),
    "repair": ("problem",),
}
"""What each template may show."""
_SHOWN = {
    **dict.fromkeys(("aspects", "score", "verdict", "prometheus"), ("task", "answer", "statement")),
    "pairwise": ("task", "answer_a", "answer_b"),
    "repair": ("problem",),
}
"""What each template must show."""


def shipped(name: str) -> str:
    """The text of a shipped template."""
    return resources.read("templates", f"judge/{name}.{VERSION}.md.j2")


def template_digests(method: str, overrides: Mapping[str, str]) -> dict[str, str]:
    """The digest of every template that a method may use, by name; for the record and for a grader's identity."""
    return {name: digest(overrides[name] if name in overrides else shipped(name)) for name in USED.get(method, NAMES)}


def template_problem(name: str, text: str) -> str | None:
    """What is wrong with a user's template, in words; None when nothing is."""
    if name not in NAMES:
        return f"there is no judge template {name!r}; there are {', '.join(NAMES)}"
    if len(text) > MOST_CHARACTERS:
        return f"the template {name!r} has {len(text)} characters, more than {MOST_CHARACTERS}"
    try:
        tree = _environment({}).parse(text)
    except TemplateError as error:
        line = getattr(error, "lineno", None)
        return f"the template {name!r} cannot be read{f' at line {line}' if line else ''}: {error.message}"
    for node in tree.find_all(nodes.Node):
        problem = _node_problem(node, _GIVEN[name])
        if problem:
            return f"the template {name!r}, line {node.lineno}: {problem}"
    return None


def _node_problem(node: nodes.Node, given: tuple[str, ...]) -> str | None:
    if not isinstance(node, _ALLOWED):
        return f"a judge template has variables, conditions and blocks only, no {type(node).__name__.lower()}"
    if isinstance(node, nodes.Name) and node.name not in given:
        return f"there is no variable {node.name!r}; there are {', '.join(given)}"
    if isinstance(node, nodes.Extends) and not (isinstance(node.template, nodes.Const) and node.template.value in NAMES):
        return f"a judge template extends one of {', '.join(NAMES)} only"
    return None


def _environment(texts: Mapping[str, str]) -> ImmutableSandboxedEnvironment:
    return ImmutableSandboxedEnvironment(
        loader=DictLoader(dict(texts)), undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True
    )  # the readers are models, not browsers; every text is escaped for them before it comes here


class Wording:
    """Renders questions. One per grader."""

    def __init__(self, overrides: Mapping[str, str], seed: int) -> None:
        """Take a user's templates over the shipped ones. Raises: ValueError when one of them makes no sense."""
        for name, text in overrides.items():
            problem = template_problem(name, text)
            if problem:
                raise ValueError(problem)
        self._overrides = overrides
        self._seed = seed
        if overrides:
            self._rehearse()

    @cached_property
    def _templates(self) -> ImmutableSandboxedEnvironment:
        return _environment({**{name: shipped(name) for name in NAMES}, **self._overrides})

    def _rehearse(self) -> None:
        """Render every template once, so that one that cannot be, or that hides what is to be judged, is found before a judge is asked."""
        for name, shown in _SHOWN.items():
            values: dict[str, Any] = dict.fromkeys(_GIVEN[name], False) | {value: f"<{value}-0>" for value in shown} | {"low": 1, "high": 5}
            said = self.messages(name, **values)[-1].content
            hidden = [value for value in shown if values[value] not in said]
            if hidden:
                raise ValueError(f"the template {name!r} does not show `{{{{ {hidden[0]} }}}}`, which is to be judged")

    def messages(self, name: str, **values: Any) -> tuple[Message, ...]:
        """The messages of a template. `values` are escaped already.

        Raises: ValueError when a user's template has no `<user>` line, or extends itself.
        """
        try:
            text = self._templates.get_template(name).render(values)
        except (TemplateError, RecursionError) as error:
            raise ValueError(f"the template {name!r} cannot be rendered: {error}") from error
        _, *parts = _ROLE.split(text)
        found = [(role, content.strip("\n")) for role, content in zip(parts[::2], parts[1::2], strict=True)]
        if [role for role, _ in found] not in (["user"], ["system", "user"]):
            raise ValueError(
                f"the template {name!r} needs a line `<user>`, perhaps with a line `<system>` before it, and found {[r for r, _ in found]}"
            )
        return tuple(Message(role="system" if role == "system" else "user", content=content) for role, content in found)

    def about_answer(self, name: str, candidate: Candidate, **values: Any) -> tuple[Message, ...]:
        """A question about one answer."""
        return self.messages(name, **self._given(candidate), answer=fenced("answer", candidate.text, self._seed), **values)

    def about_pair(self, first: Candidate, second: Candidate, points: str) -> tuple[Message, ...]:
        """The question which of two answers is better; `first` is shown as A."""
        answers = {f"answer_{slot}": fenced(f"answer-{slot}", shown.text, self._seed) for slot, shown in (("a", first), ("b", second))}
        return self.messages("pairwise", **self._given(first), **answers, points=points)

    def _given(self, candidate: Candidate) -> dict[str, str]:
        prompt = candidate.prompt
        parts = [f"[{message.role}]\n{message.content}" for message in prompt.messages]
        task = prompt.messages[0].content if len(parts) == 1 else "\n\n".join(parts)
        return {
            "task": fenced("task", task, self._seed),
            "reference": fenced("reference", prompt.reference, self._seed) if prompt.reference else "",
        }


def anchors_text(rubric: Rubric | None, word: str = "") -> str:
    """What the rubric says of the points of its scale, one a line."""
    return "\n".join(f"{word}{point}: {one_line(meaning)}" for point, meaning in (rubric.anchors if rubric else ()))

"""Prompts' templates to messages, for a whole spec. Jinja is loaded only for what needs it."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from bench.records.source import Diagnostic, Position
from bench.spec.marked import Marked, Path

MAX_TOTAL = 64 * 2**20  # characters of all messages of a spec
MAX_TOTAL_STEPS = 1_000_000  # turns of all loops of a spec
_TEMPLATE = re.compile(r"\{[{%#]")
# A template that only puts texts in place, as most do, comes out the same without Jinja, whose loading takes a sixth of the time of checking a spec.
_PLACE = re.compile(r"\{\{ ?([A-Za-z][A-Za-z0-9_]*) ?\}\}")
_JINJA_WORDS = frozenset(["true", "false", "none", "True", "False", "None", "not", "and", "or", "in", "is", "if", "else", "range"])
_PLAIN_SIZE = 2**14  # characters of the template and of what comes out; larger ones are measured by the sandbox


def render_prompts(tree: Marked) -> tuple[dict[Path, str], list[Diagnostic]]:
    """Every message's text, by the path of its template, and what is wrong with the templates."""
    texts: dict[Path, str] = {}
    found: list[Diagnostic] = []
    work = []
    for path, text, variables in _templates(tree.data):
        if (plain := filled(text, variables)) is None:
            work.append((path, text, variables))
        else:
            texts[path] = plain
    if work:
        _by_jinja(tree, work, texts, found)
    for path, text in texts.items():
        if not text.strip() and path[-1] != "system":
            found.append(tree.diagnose(path, "template-empty", "nothing comes out of this template", hint="check its conditions and its variables"))
    if sum(map(len, texts.values())) > MAX_TOTAL:
        found.append(tree.diagnose(("prompts",), "template-limit", f"all messages together have more than {MAX_TOTAL:,} characters"))
    return texts, found


def _by_jinja(tree: Marked, work: list[tuple[Path, str, dict[str, Any]]], texts: dict[Path, str], found: list[Diagnostic]) -> None:
    """Render the templates that need it, as long as all messages together are short enough."""
    from bench.spec.sandbox import Budget, TemplateProblem, render  # noqa: PLC0415  (a sixth of the time that checking a spec takes)

    budget = Budget(MAX_TOTAL_STEPS)
    size = 0
    for path, text, variables in work:
        try:
            texts[path] = render(text, variables, budget)
        except TemplateProblem as problem:
            at = _own_line(tree, path, problem.line)
            found.append(msgspec.structs.replace(tree.diagnose(path, problem.code, problem.message, hint=problem.hint), position=at))
            continue
        size += len(texts[path])
        if size > MAX_TOTAL:
            return


def filled(text: str, variables: Mapping[str, Any]) -> str | None:
    """The text of a template that has nothing but `{{ name }}` of given texts; None for any other, which is Jinja's."""
    if not _TEMPLATE.search(text):
        return text
    pieces = _PLACE.split(text)
    around, names = pieces[::2], pieces[1::2]
    if len(text) > _PLAIN_SIZE or "\r" in text or any(_TEMPLATE.search(piece) or piece.endswith("{") for piece in around):
        return None
    if any(name in _JINJA_WORDS or not isinstance(variables.get(name), str) for name in names):
        return None
    out = "".join(variables[piece] if number % 2 else piece for number, piece in enumerate(pieces))
    return out if len(out) <= _PLAIN_SIZE else None


def _templates(data: Any) -> Iterator[tuple[Path, str, dict[str, Any]]]:
    prompts = data.get("prompts") if isinstance(data, dict) else None
    for index, prompt in enumerate(prompts if isinstance(prompts, list) else ()):
        if not isinstance(prompt, dict):
            continue
        given = prompt.get("vars")
        variables = {str(name): value for name, value in given.items()} if isinstance(given, dict) else {}
        messages = prompt.get("messages")
        for key in ("system", "user"):
            if isinstance(prompt.get(key), str):
                yield ("prompts", index, key), prompt[key], variables
        for number, message in enumerate(messages if isinstance(messages, list) else ()):
            if isinstance(message, dict) and isinstance(message.get("content"), str):
                yield ("prompts", index, "messages", number, "content"), message["content"], variables


def _own_line(tree: Marked, path: Path, line: int) -> Position | None:
    """Where a line of a template stands: in a literal block each line is a line of the file, else the text's own place must do."""
    mark = tree.mark(path)
    if mark is None:
        return None
    if path in tree.marks and mark.style == "|":
        return Position(file=mark.file, line=mark.value[0] + line, column=1)
    return Position(file=mark.file, line=mark.value[0], column=mark.value[1])

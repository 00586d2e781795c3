"""Prompts' templates to messages, for a whole spec. Jinja is loaded only when there is a template."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from bench.records.source import Diagnostic, Position
from bench.spec.marked import Marked, Path

MAX_TOTAL = 64 * 2**20  # characters of all messages of a spec
MAX_TOTAL_STEPS = 1_000_000  # turns of all loops of a spec
_TEMPLATE = re.compile(r"\{[{%#]")


def render_prompts(tree: Marked) -> tuple[dict[Path, str], list[Diagnostic]]:
    """Every message's text, by the path of its template, and what is wrong with the templates."""
    texts: dict[Path, str] = {}
    found: list[Diagnostic] = []
    work = [(path, text, variables) for path, text, variables in _templates(tree.data)]
    if not any(_TEMPLATE.search(text) for _, text, _ in work):
        return {path: text for path, text, _ in work}, found
    from bench.spec.sandbox import Budget, TemplateProblem, render  # noqa: PLC0415  (a third of the time that checking a spec takes)

    budget = Budget(MAX_TOTAL_STEPS)
    size = 0
    for path, text, variables in work:
        try:
            texts[path] = render(text, variables, budget) if _TEMPLATE.search(text) else text
        except TemplateProblem as problem:
            at = _own_line(tree, path, problem.line)
            found.append(msgspec.structs.replace(tree.diagnose(path, problem.code, problem.message, hint=problem.hint), position=at))
            continue
        size += len(texts[path])
        if not texts[path].strip() and path[-1] != "system":
            found.append(tree.diagnose(path, "template-empty", "nothing comes out of this template", hint="check its conditions"))
        if size > MAX_TOTAL:
            found.append(tree.diagnose(path, "template-limit", f"all messages together have more than {MAX_TOTAL:,} characters"))
            break
    return texts, found


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

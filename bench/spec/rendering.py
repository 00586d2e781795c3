"""Prompts' templates to messages, for a whole spec. Jinja is loaded only when there is a template."""

import re
from collections.abc import Iterator
from typing import Any

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
    if any(_TEMPLATE.search(text) for _, text, _ in work):
        from bench.spec.sandbox import Budget, TemplateProblem, render  # noqa: PLC0415  (a third of the time that checking a spec takes)

        budget = Budget(MAX_TOTAL_STEPS)
        size = 0
        for path, text, variables in work:
            try:
                texts[path] = render(text, variables, budget) if _TEMPLATE.search(text) else text
                size += len(texts[path])
                if size > MAX_TOTAL:
                    raise TemplateProblem("template-limit", f"all messages together have more than {MAX_TOTAL:,} characters", 1)
                if not texts[path].strip() and path[-1] != "system":
                    raise TemplateProblem("template-empty", "nothing comes out of this template", 1, "check its conditions")
            except TemplateProblem as problem:
                found.append(_finding(tree, path, problem.code, problem.message, problem.line, problem.hint))
                if size > MAX_TOTAL:
                    break
        return texts, found
    return {path: text for path, text, _ in work}, found


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


def _finding(tree: Marked, path: Path, code: str, message: str, line: int, hint: str | None) -> Diagnostic:
    """A finding at the template's own line where the text is a literal block, else at the text."""
    found = tree.diagnose(path, code, message, hint=hint)
    mark = tree.mark(path)
    if found.position is None or mark is None or path not in tree.marks or mark.style != "|":
        return found
    position = Position(file=found.position.file, line=mark.value[0] + line, column=1)
    return Diagnostic(code=code, severity="error", message=message, position=position, pointer=found.pointer, hint=hint)

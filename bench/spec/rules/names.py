"""Names: used twice, pointing nowhere, or not registered."""

from collections.abc import Iterator

from bench.records.servers import SERVERS
from bench.records.source import Diagnostic
from bench.spec import hints
from bench.spec.marked import Path
from bench.spec.rules.view import View, text, texts

LOADS = ("closed", "constant", "poisson", "ramp", "burst", "trace", "sweep")  # the shapes of the language, built or not

_HOSTED = {"openai", "azure", "anthropic", "gemini", "mistral", "groq", "openrouter", "http", "api"}

METHODS = ("aspects", "score", "samples", "verdict", "pairwise", "panel", "escalate", "prometheus", "human")  # of the language


def check(view: View) -> Iterator[Diagnostic]:
    """Duplicate ids, dangling names, unregistered extensions."""
    yield from _duplicates(view)
    yield from _dangling(view)
    yield from _registered(view)


def _duplicates(view: View) -> Iterator[Diagnostic]:
    lists: list[Path] = [("models",), ("prompts",), ("variants",)]
    lists += [(*path, "aspects") for path, _ in view.prompts]
    lists += [(*path, "criteria") for path, _ in view.entries("rubrics")]
    for where in lists:
        seen: dict[str, str] = {}
        for path, entry in view.entries(*where):
            name = text(entry, "id")
            if name and name.casefold() in seen:
                first = seen[name.casefold()]
                same = f"; first in {first}" if first else ""
                message = f"the id `{name}` stands twice in `{where[-1]}`{same}"
                yield view.tree.diagnose((*path, "id"), "duplicate-id", message, hint="ids differ by more than upper and lower case")
            elif name:
                mark = view.tree.mark((*path, "id"))
                seen[name.casefold()] = f"{mark.file} line {mark.value[0]}" if mark is not None else ""


def _dangling(view: View) -> Iterator[Diagnostic]:
    rubrics = view.names("rubrics")
    for path, prompt in view.prompts:
        if (name := text(prompt, "rubric")) and name not in rubrics:
            hint = hints.for_name(name, rubrics, "rubrics")
            yield view.tree.diagnose((*path, "rubric"), "dangling-name", f"there is no rubric `{name}`", hint=hint)
    used = {text(prompt, "rubric") for _, prompt in view.prompts}
    for path, _ in view.entries("rubrics"):
        if view.has_all_prompts and path[-1] not in used:
            yield view.tree.diagnose(
                path, "unused-name", f"no prompt uses the rubric `{path[-1]}`", hint="write `rubric:` at a prompt", severity="warning", at="key"
            )
        yield from _criteria(view, path)
    models = view.names("models")
    for path, gate in view.entries("gates"):
        if (name := text(gate, "model")) and models and name not in models:
            hint = hints.for_name(name, models, "models")
            yield view.tree.diagnose((*path, "model"), "dangling-name", f"there is no model `{name}`", hint=hint)
        if (name := text(gate, "aspect")) and view.has_all_prompts and name not in (known := _aspects(view)):
            hint = hints.for_name(name, known, "aspects")
            yield view.tree.diagnose((*path, "aspect"), "dangling-name", f"no prompt has an aspect `{name}`", hint=hint)


def _aspects(view: View) -> set[str]:
    return {text(aspect, "id") for path, _ in view.prompts for _, aspect in view.entries(*path, "aspects")}


def _criteria(view: View, rubric: Path) -> Iterator[Diagnostic]:
    """Aspects that a criterion names and no prompt of the rubric has."""
    if not view.has_all_prompts:
        return
    known = {
        text(aspect, "id") for path, prompt in view.prompts if text(prompt, "rubric") == rubric[-1] for _, aspect in view.entries(*path, "aspects")
    }
    for path, criterion in view.entries(*rubric, "criteria"):
        for index, name in texts(criterion, "aspects"):
            if name not in known:
                message = f"no prompt with the rubric `{rubric[-1]}` has an aspect `{name}`"
                hint = hints.for_name(name, known, "aspects")
                yield view.tree.diagnose((*path, "aspects", index), "dangling-name", message, hint=hint)


def _registered(view: View) -> Iterator[Diagnostic]:
    for path, model in [*view.models, *view.entries("judges")]:
        yield from _known(view, "runtime", text(model, "runtime"), (*path, "runtime"))
    kind = text(view.section("load"), "kind")
    if kind in LOADS and not view.extensions.has("load", kind):
        message = f"the load shape `{kind}` is part of the language, but this version of bench cannot run it yet"
        hint = "available: " + ", ".join(f"`{name}`" for name in view.extensions.names("load"))
        yield view.tree.diagnose(("load", "kind"), "unregistered", message, hint=hint)
    else:
        yield from _known(view, "load", kind, ("load", "kind"))
    for index, name in texts(view.section("report"), "formats"):
        yield from _known(view, "report", name, ("report", "formats", index))
    for path in [("cost",), *((*path, "cost") for path, _ in (*view.models, *view.entries("judges")))]:
        yield from _known(view, "cost", text(view.section(*path), "model"), (*path, "model"))
    if (method := text(view.section("judge"), "method")) not in METHODS:
        yield from _known(view, "grader", method, ("judge", "method"))
    client = text(view.data, "client")
    yield from _known(view, "provider", client, ("client",))


def _known(view: View, door: str, name: str, path: Path) -> Iterator[Diagnostic]:
    words = {"provider": "client", "report": "report format", "cost": "cost model", "load": "load shape"}
    if name and not view.extensions.has(door, name):
        names = view.extensions.names(door)
        what = words.get(door, door)
        hint = (_served_by(name) if door == "runtime" and hints.near(name, names) is None else None) or hints.for_name(name, names, "registered")
        yield view.tree.diagnose(path, "unregistered", f"no {what} is registered as `{name}`", hint=hint)


def _served_by(name: str) -> str | None:
    """A hint for a server's name where a runtime's is wanted: who starts it makes the difference."""
    if (meant := name if name in SERVERS else hints.near(name, SERVERS)) is not None:
        return f"one that runs already is `runtime: external` with its `base_url`; one to start is `runtime: command` with `server: {meant}`"
    return "a hosted service is `runtime: external` with its `base_url` and `api_key`" if name.casefold() in _HOSTED else None

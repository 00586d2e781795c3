"""`server:` of a model or a judge: what it can load, what it can be told, and what goes beside it."""

from collections.abc import Iterator
from typing import Any

from bench.records.servers import SERVERS, ServerKind
from bench.records.source import Diagnostic
from bench.spec.marked import Path
from bench.spec.rules.view import View, text

_PLACES = ("threads", "context")  # what a command's words may have a place for


def check(view: View) -> Iterator[Diagnostic]:
    """Combinations that no server can be started with, and settings that it has no word for."""
    for path, model in [*view.models, *view.entries("judges")]:
        kind = SERVERS.get(text(model, "server"))
        if kind is not None and text(model, "runtime") == "command":
            yield from _source(view, path, model, kind)
            yield from _address(view, path, model, kind)
            yield from _unheeded(view, path, model, kind)
        elif kind is None and text(model, "runtime") == "command" and "server" not in model:
            yield from _untold(view, path, model)
        elif kind is not None:
            message = f"a `server` is started by `runtime: command`, not by `{text(model, 'runtime')[:40]}`"
            yield view.tree.diagnose(
                (*path, "server"), "conflicting-keys", message, hint="write `runtime: command`, or leave `server` away", at="key"
            )
        if text(model, "runtime") == "command":
            yield from _unset(view, path, model)
        if "arguments" in model and "server" not in model:
            hint = "write them into `command`, or name the `server`"
            yield view.tree.diagnose((*path, "arguments"), "conflicting-keys", "`arguments` go to a `server`, and there is none", hint=hint, at="key")


def _source(view: View, path: Path, model: dict[str, Any], kind: ServerKind) -> Iterator[Diagnostic]:
    if "weights" in model and "weights" not in kind.loads:
        message = f"{kind.title} loads a model by its name, not a file of weights"
        hint = "write `model:` with the name that it knows, or take `server: llama-server` for a GGUF file"
        yield view.tree.diagnose((*path, "weights"), "conflicting-keys", message, hint=hint, at="key")
    elif "model" in kind.loads and "model" not in model and "weights" not in model:
        also = " or `weights:`" if "weights" in kind.loads else ""
        hint = f"add `model:`{also}"
        yield view.tree.diagnose((*path, "server"), "missing-key", f"nothing says what {kind.title} is to load", hint=hint)
    elif "model" not in kind.loads and "weights" not in model:
        message = f"nothing says which file {kind.title} is to load"
        yield view.tree.diagnose((*path, "server"), "missing-key", message, hint="add `weights:` with the source of a GGUF file")


def _address(view: View, path: Path, model: dict[str, Any], kind: ServerKind) -> Iterator[Diagnostic]:
    """Where it listens is chosen when it is started: a port in its words would be another one."""
    if "base_url" in model:
        message = f"where {kind.title} listens is chosen when it is started"
        hint = "leave `base_url` away; a server that already runs is `runtime: external`"
        yield view.tree.diagnose((*path, "base_url"), "conflicting-keys", message, hint=hint, at="key")
    words = model.get("arguments")
    for index, word in enumerate(words if isinstance(words, list) else ()):
        if isinstance(word, str) and word.partition("=")[0] in {"--port", "--host"}:
            message = f"`{word.partition('=')[0]}` is chosen when the server is started"
            yield view.tree.diagnose((*path, "arguments", index), "conflicting-keys", message, hint="leave it and its value away")


def _unheeded(view: View, path: Path, model: dict[str, Any], kind: ServerKind) -> Iterator[Diagnostic]:
    for key in _untold_settings(model):
        if key not in kind.heeds:
            hint = "leave it away, or say it in the server's own words with `arguments:` or `environment:`"
            message = f"{kind.title} has no word for `{key}`, so it is not passed on"
            yield view.tree.diagnose((*path, key), "unread-key", message, hint=hint, severity="warning", at="key")


def _untold(view: View, path: Path, model: dict[str, Any]) -> Iterator[Diagnostic]:
    """A command of one's own is told what its words have a place for."""
    for key in _untold_settings(model):
        message = f"no word of the command has `{{{key}}}`, so `{key}` is not passed on"
        hint = f"write `{{{key}}}` where the command takes it, or leave it away"
        yield view.tree.diagnose((*path, key), "unread-key", message, hint=hint, severity="warning", at="key")


def _unset(view: View, path: Path, model: dict[str, Any]) -> Iterator[Diagnostic]:
    """A place for a setting that neither the entry has nor, of a model, any variant."""
    elsewhere = [variant for _, variant in view.entries("variants")] if path[0] == "models" else []
    for key in _PLACES:
        where = next((place for place, word in _words(model) if f"{{{key}}}" in word), None)
        if where is not None and not any(key in one for one in (model, *elsewhere)):
            hint = f"add `{key}:` to the entry{', or to each of its variants' if path[0] == 'models' else ''}"
            yield view.tree.diagnose((*path, *where), "missing-key", f"`{{{key}}}` has a place here, but nothing sets `{key}`", hint=hint)


def _untold_settings(model: dict[str, Any]) -> list[str]:
    return [key for key in _PLACES if key in model and not any(f"{{{key}}}" in word for _, word in _words(model))]


def _words(model: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    """The words in which settings may have a place."""
    for key in ("command", "arguments", "environment"):
        found = model.get(key)
        pairs = found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, list) else ()
        yield from (((key, inner), word) for inner, word in pairs if isinstance(word, str) and isinstance(inner, str | int))

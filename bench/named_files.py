"""The files that a spec names: report template, judge templates, labels. A run keeps them, so that it stands by itself. Part of the program.

Labels alone may be missing: people write them later, with what a first run gave.
"""

from pathlib import Path
from typing import Any, NamedTuple

from bench.errors import UsageError
from bench.records.source import SourceFile
from bench.spec.load import LoadedSpec
from bench.store.layout import inside

_MOST_TEMPLATE_BYTES = 2**20
_MOST_LABELS_BYTES = 2**26


class _Named(NamedTuple):
    """Where the spec names a file, what messages call it, how large it may be, and whether it may be missing."""

    keys: tuple[str, ...]
    path: str
    what: str
    most_bytes: int
    may_miss: bool = False


def named_files(loaded: LoadedSpec) -> tuple[SourceFile, ...]:
    """The files, as given.

    Raises: UsageError when one cannot be read.
    """
    files = {}
    for named in _named(loaded.resolved):
        path = inside(loaded.folder, named.path)
        if not (named.may_miss and not path.exists()):
            files[named.path] = SourceFile(path=named.path, content=content(path, named.what, named.most_bytes))
    return tuple(files.values())


def resolved_for(loaded: LoadedSpec, inputs: Path) -> dict[str, Any]:
    """The resolved spec as a run folder keeps it: it names the files where the run keeps them, so that it can be loaded from there."""
    resolved = loaded.resolved
    for named in _named(loaded.resolved):
        resolved = _replaced(resolved, named.keys, f"{inputs.name}/{named.path}")
    return resolved


def template_content(path: Path) -> bytes:
    """The bytes of a user's report template.

    Raises: UsageError as `content` does.
    """
    return content(path, "report template", _MOST_TEMPLATE_BYTES)


def content(path: Path, what: str, most_bytes: int) -> bytes:
    """The bytes of a text file that a user named.

    Raises: UsageError when it cannot be read, is no ordinary file (reading a device or a pipe might never end), is too large or not UTF-8.
    """
    key = "name a UTF-8 file with --template; report.template is" if what == "report template" else "name a UTF-8 file; its path is"
    hint = f"{key} relative to the spec's folder"
    try:
        if path.is_file() and path.stat().st_size <= most_bytes:
            found = path.read_bytes()
            found.decode()
            return found
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the {what} {path}: {error}", hint=hint) from error
    raise UsageError(f"cannot read the {what} {path}: no ordinary file of at most {most_bytes:,} bytes", hint=hint)


def named_paths(resolved: dict[str, Any]) -> dict[tuple[str, ...], str]:
    """The paths of the files, by the keys that name them."""
    return {named.keys: named.path for named in _named(resolved)}


def _named(resolved: dict[str, Any]) -> list[_Named]:
    report, judge = resolved.get("report") or {}, resolved.get("judge") or {}
    found = [_Named(("report", "template"), report["template"], "report template", _MOST_TEMPLATE_BYTES)] if report.get("template") else []
    if judge.get("labels"):
        found.append(_Named(("judge", "labels"), judge["labels"], "labels", _MOST_LABELS_BYTES, may_miss=True))
    for name, path in (judge.get("templates") or {}).items():
        found.append(_Named(("judge", "templates", name), path, f"judge template {name}", _MOST_TEMPLATE_BYTES))
    return found


def _replaced(tree: dict[str, Any], keys: tuple[str, ...], value: str) -> dict[str, Any]:
    first, *rest = keys
    return {**tree, first: _replaced(tree[first], tuple(rest), value) if rest else value}

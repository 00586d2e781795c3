"""The way of a spec, in order: read, includes, overrides, environment, schema, rules, templates, build."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

import msgspec

from bench.errors import SpecError
from bench.records.source import Diagnostic, SourceFile
from bench.records.spec import Spec
from bench.spec import environment, overrides, schema
from bench.spec.build import build
from bench.spec.diagnostics import in_order
from bench.spec.files import Files, Folder
from bench.spec.inclusion import expand
from bench.spec.marked import Mark, Marked, Path
from bench.spec.rendering import render_prompts
from bench.spec.rules import asking, loading, measuring, names, paths, servers, serving
from bench.spec.rules.view import View
from bench.spec.validate import validate

if TYPE_CHECKING:  # only a type, and its page imports every record
    from bench.protocols import Extensions

MAX_TEXT = 64 * 2**20  # characters of a whole spec, with everything it includes in place
_ABOUT_VALUES = {"wrong-type", "bad-format", "not-allowed", "out-of-range", "wrong-length", "inline-secret", "bad-name"}


class LoadedSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A spec that is valid, and what it was made of.

    `resolved` is plain data with includes and the environment in place, secrets as names: as JSON (which is YAML) it loads to the same `Spec`.
    `environment_names` are all variables that the spec asks for, those of secrets among them. `folder` is where its paths start.
    `marks`: where each value of `resolved` was written.
    """

    spec: Spec
    sources: tuple[SourceFile, ...]
    resolved: dict[str, Any]
    warnings: tuple[Diagnostic, ...]
    environment_names: tuple[str, ...]
    folder: FilePath
    marks: Mapping[Path, Mark] = {}


def load_spec(
    path: FilePath, *, extensions: "Extensions", environ: Mapping[str, str] | None, overrides: Sequence[str] = (), files: Files | None = None
) -> LoadedSpec:
    """The spec in a file, with `dotted.path=value` overrides, checked in every way that needs no model.

    Without an `environ`, references to the environment stay as they are written. `files`: what is read in place of the path's folder.
    Opens no connection and no file outside the spec's folder. Raises: SpecError with every finding at once.
    """
    work = _Work(path, overrides, files)
    tree = work.whole()
    found, environment_names = environment.replace(tree, environ)
    wrong = work.new(validate(tree, schema.SPEC))
    messages, problems = render_prompts(tree)
    work.found += wrong + _beside(wrong, [*found, *_by_rules(View(tree, extensions), work.folder), *problems])
    work.stop_if_wrong()
    return LoadedSpec(
        spec=build(tree.data, messages),
        sources=tuple(work.folder.sources),
        resolved=tree.data,
        warnings=in_order(work.all_found(), work.sources()),
        environment_names=tuple(sorted(environment_names)),
        folder=work.folder.folder,
        marks=tree.marks,
    )


class _Work:
    """What was read and found so far."""

    def __init__(self, path: FilePath, texts: Sequence[str], files: Files | None) -> None:
        self.folder = Folder(path, files)
        self.texts = texts
        self.found: list[Diagnostic] = []

    def whole(self) -> Marked:
        """The spec's data with includes and overrides in place. Raises: SpecError when there is nothing to go on with."""
        changes, problems = overrides.read(self.texts)
        self.found += problems
        tree = self.folder.spec()
        if tree is None:
            raise self.error()
        if not isinstance(tree.data, dict):
            self.found += validate(tree, schema.SPEC)
            raise self.error()
        self.found += overrides.apply(tree, [change for change in changes if change.is_early])
        tree, problems = expand(tree, self.folder)
        self.found += problems
        self.found += overrides.apply(tree, [change for change in changes if not change.is_early])
        if (size := _size(tree.data)) > MAX_TEXT:
            self.found.append(tree.diagnose((), "spec-size", f"the whole spec has {size:,} characters; at most {MAX_TEXT:,}", hint="split it"))
            raise self.error()
        return tree

    def all_found(self) -> list[Diagnostic]:
        """What is wrong inside the files, and with the spec."""
        return [*self.folder.found, *self.found]

    def new(self, found: Iterable[Diagnostic]) -> list[Diagnostic]:
        """Findings at places where the text itself is not wrong already."""
        places = {one.position for one in self.folder.found}
        return [one for one in found if one.position not in places]

    def sources(self) -> tuple[SourceFile, ...]:
        """Everything that a finding may point into: the files, and the overrides, one a line."""
        given = SourceFile(path=overrides.FILE, content="\n".join(" ".join(text.splitlines()) for text in self.texts).encode(errors="replace"))
        return (*self.folder.sources, given) if self.texts else tuple(self.folder.sources)

    def error(self) -> SpecError:
        """All findings, as what is raised."""
        return SpecError(in_order(self.all_found(), self.sources()), self.sources())

    def stop_if_wrong(self) -> None:
        """Raise when there is an error among the findings."""
        if any(one.severity == "error" for one in self.all_found()):
            raise self.error()


def _size(data: Any) -> int:
    waiting, size = [data], 0
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            size += len(value)
        elif isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return size


def _by_rules(view: View, folder: Folder) -> Iterable[Diagnostic]:
    for check in (names.check, serving.check, servers.check, asking.check, measuring.check, loading.check):
        yield from check(view)
    yield from paths.check(view, folder)


def _beside(wrong: Sequence[Diagnostic], found: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Findings that do not follow from a value that is wrong already."""
    values = [(one.position.file if one.position else "", one.pointer) for one in wrong if one.code in _ABOUT_VALUES]

    def follows(one: Diagnostic) -> bool:
        file = one.position.file if one.position else ""
        return any(file == where and (one.pointer == pointer or one.pointer.startswith(pointer + "/")) for where, pointer in values)

    return [one for one in found if not follows(one)]

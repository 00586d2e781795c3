"""Bring specs to this version of the language: edits of their text that keep comments, order and style. Shows them; `--write` makes them.

A spec's prompt sets go with it. Nothing is written before every result is a valid spec. `-` reads one spec from standard input and writes it as it
becomes to standard output; its prompt sets are looked for in the working directory and not changed.
"""

import argparse
import sys
from contextlib import suppress
from difflib import unified_diff
from pathlib import Path

from bench.catalog import REGISTRY
from bench.cli.console import plain
from bench.errors import Exit, SpecError, UsageError
from bench.records.source import SourceFile
from bench.spec.files import FileProblem, Folder
from bench.spec.load import load_spec
from bench.spec.migrate.steps import CURRENT, included, migrate, migrate_prompts
from bench.spec.yaml_text import MAX_BYTES, Unreadable
from bench.store.writer import write_whole

_STDIN = Path("-")


def configure(options: argparse.ArgumentParser) -> None:
    """Options of `bench migrate`."""
    options.add_argument("specs", type=Path, nargs="+", metavar="SPEC", help="one spec or several, or `-` for standard input")
    options.add_argument("--write", action="store_true", help="change the files; without it the edits are only shown")
    options.add_argument("--check", action="store_true", help="end with 1 when a spec is in an older version")


def execute(options: argparse.Namespace) -> int:
    """Show or make the edits."""
    if _STDIN in options.specs:
        return _from_stdin(options)
    changed: dict[Path, tuple[bytes, bytes]] = {}
    for path in options.specs:
        found = _migrated(path)
        _check(path, found)
        changed |= {file: both for file, both in found.items() if both[0] != both[1]}
    for file, (before, after) in changed.items():
        if options.write:
            write_whole(file, after)
            sys.stdout.write(f"{plain(str(file))}: now in version {CURRENT}\n")
        else:
            sys.stdout.write(plain("".join(_shown(file, before, after))))
    if not changed:
        sys.stdout.write(f"{len(options.specs)} spec{'s' * (len(options.specs) != 1)} in version {CURRENT} of the language: nothing to do\n")
    return int(Exit.GATE_FAILED if options.check and changed else Exit.OK)


def _from_stdin(options: argparse.Namespace) -> int:
    """Write what was read as it becomes; with `--check` only the exit code says something."""
    if len(options.specs) > 1 or options.write:
        raise UsageError("`-` stands alone", hint="`bench migrate - < old.yaml > new.yaml`; files are named without `-`")
    content = sys.stdin.buffer.read(MAX_BYTES + 1)
    found = _edited(Folder(_STDIN), SourceFile(path="-", content=content))
    _check(_STDIN, found)
    _, after = found[_STDIN]
    if not options.check:
        sys.stdout.buffer.write(after)
        sys.stdout.flush()
    return int(Exit.GATE_FAILED if options.check and after != content else Exit.OK)


def _migrated(path: Path) -> dict[Path, tuple[bytes, bytes]]:
    """The files of a spec before and after."""
    folder = Folder(path)
    if folder.spec() is None:
        raise SpecError(tuple(folder.found), tuple(folder.sources))
    return _edited(folder, folder.sources[0])


def _edited(folder: Folder, spec: SourceFile) -> dict[Path, tuple[bytes, bytes]]:
    """A spec and its prompt sets before and after. A set that cannot be read is left for the look at the result, which names it."""
    sources = [spec]
    try:
        done = migrate(spec.content, folder.path.name)
        found = {folder.path: (spec.content, done.content)}
        for name in included(done.content, folder.path.name) if done.says else ():
            with suppress(FileProblem):
                before = folder.bytes_of(name)
                sources.append(SourceFile(path=name, content=before))
                found[folder.folder / name] = (before, migrate_prompts(before, name, done.before))
    except Unreadable as problem:
        raise SpecError((problem.found,), tuple(sources)) from problem
    return found


class _After:
    """The spec's folder as it will be, for a look before anything is written."""

    def __init__(self, path: Path, contents: dict[Path, bytes]) -> None:
        self._disk, self._path, self._contents = Folder(path), path, contents

    def read(self, name: str) -> bytes:
        """The new content of a file, or the one on the disk."""
        new = self._contents.get(self._path.parent / name)
        return self._disk.bytes_of(name) if new is None else new

    def holds(self, name: str) -> bool:
        """Whether there is such a file."""
        return self._disk.holds(name)

    def digest(self, name: str) -> str:
        """That of the file on the disk: a file that is only named is none that is migrated."""
        return self._disk.digest_of(name)


def _check(path: Path, found: dict[Path, tuple[bytes, bytes]]) -> None:
    """Raise SpecError when the result is no valid spec. Nothing is checked where nothing changes: that is for `bench validate`."""
    if any(before != after for before, after in found.values()):
        load_spec(path, extensions=REGISTRY, environ=None, files=_After(path, {file: after for file, (_, after) in found.items()}))


def _shown(file: Path, before: bytes, after: bytes) -> list[str]:
    old, new = (content.decode(errors="replace").splitlines(keepends=True) for content in (before, after))
    return [line if line.endswith("\n") else f"{line}\n" for line in unified_diff(old, new, f"{file} (before)", f"{file} (after)")]

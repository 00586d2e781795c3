"""Reading what a spec is made of: the spec itself, and files inside its folder. Nothing else is ever opened."""

import hashlib
from pathlib import Path, PurePosixPath
from typing import Protocol

from bench.records.source import Diagnostic, SourceFile
from bench.spec.marked import Marked
from bench.spec.yaml_source import parse
from bench.spec.yaml_text import MAX_BYTES, Unreadable

MAX_TOTAL_BYTES = 16 * 2**20
MAX_FILES = 200
MAX_NAMED_BYTES = 2**26  # of a file that a spec names and that is no part of it: labels, templates

_FIRST = "check the path; `bench init` writes a spec to start from"
_INSIDE = "check the path, which is relative to the spec's folder"


class FileProblem(Exception):
    """A file cannot be used; says why, for the place that names it."""

    def __init__(self, code: str, message: str, hint: str | None = None) -> None:
        """Keep what a finding needs."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint


class Files(Protocol):
    """A folder that is not on the disk: that of an earlier version, say. Paths are relative to it, and have been checked with `relative`."""

    def read(self, name: str) -> bytes:
        """The bytes of a file; of a large one at least one more than `MAX_BYTES`. Raises: FileProblem."""

    def holds(self, name: str) -> bool:
        """Whether there is such an ordinary file."""

    def digest(self, name: str) -> str:
        """The SHA-256 of a file of at most `MAX_NAMED_BYTES`. Raises: FileProblem."""


class Folder:
    """The spec's file and folder, and every file that was read so far (`sources`), with what is wrong inside them (`found`)."""

    def __init__(self, path: Path, files: Files | None = None) -> None:
        """Look at the path; nothing is read yet. `files`: where the path's folder is read in place of the disk."""
        self.path = path
        self.folder = path.parent
        self.files = files
        self.sources: list[SourceFile] = []
        self.found: list[Diagnostic] = []
        self._trees: dict[str, Marked | None] = {}

    def spec(self) -> Marked | None:
        """The spec's own data, or None when it is unreadable (then `found` says why)."""
        try:
            content = _read(_own(self.path), str(self.path), _FIRST) if self.files is None else self.files.read(self.path.name)
        except FileProblem as problem:
            self.found.append(Diagnostic(code=problem.code, severity="error", message=problem.message, hint=problem.hint))
            return None
        return self._parse(content, self.path.name.encode(errors="replace").decode(), str(self.path))

    def tree(self, name: str) -> Marked | None:
        """The data of a file inside the folder, or None when it is unreadable (then `found` says why). Read once.

        Raises: FileProblem when the path leads elsewhere, or there is no such file.
        """
        if name not in self._trees:
            content = self._content(name)
            self._trees[name] = self._parse(content, PurePosixPath(name).as_posix(), (self.folder / name).as_posix())
        return self._trees[name]

    def content(self, name: str) -> bytes:
        """The bytes of a file inside the folder that is no YAML; it counts as a source of the spec.

        Raises: FileProblem when the path leads elsewhere, there is no such file, or it is too large.
        """
        content = self._content(name)
        if len(content) > MAX_BYTES:
            raise FileProblem("file-size", f"'{name}' has more than {MAX_BYTES:,} bytes", "split it")
        self.sources.append(SourceFile(path=PurePosixPath(name).as_posix(), content=content, shown=(self.folder / name).as_posix()))
        return content

    def holds(self, name: str) -> bool:
        """Whether there is such an ordinary file inside the folder. Raises: FileProblem when the path leads elsewhere."""
        return inside(self.folder, name).is_file() if self.files is None else self.files.holds(relative(name))

    def bytes_of(self, name: str) -> bytes:
        """The bytes of a file inside the folder that is no source of the spec, `MAX_BYTES` and one at most.

        Raises: FileProblem when the path leads elsewhere, or there is no such file.
        """
        return _read(inside(self.folder, name), name, _INSIDE) if self.files is None else self.files.read(relative(name))

    def digest_of(self, name: str) -> str:
        """The SHA-256 of a file inside the folder that is no source of the spec.

        Raises: FileProblem when the path leads elsewhere, there is no such file, or it is larger than `MAX_NAMED_BYTES`.
        """
        if self.files is not None:
            return self.files.digest(relative(name))
        path = inside(self.folder, name)
        try:
            if path.is_file() and path.stat().st_size <= MAX_NAMED_BYTES:
                with path.open("rb") as file:
                    return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise FileProblem("file-missing", f"'{name}' cannot be read: {error.strerror or error}", "check its permissions") from error
        raise FileProblem("file-missing", f"'{name}' is no ordinary file of at most {MAX_NAMED_BYTES:,} bytes", "check the path")

    def _content(self, name: str) -> bytes:
        content = self.bytes_of(name)
        if len(self.sources) >= MAX_FILES or sum(len(source.content) for source in self.sources) + len(content) > MAX_TOTAL_BYTES:
            raise FileProblem("file-size", f"a spec is made of at most {MAX_FILES} files and {MAX_TOTAL_BYTES:,} bytes", "split the experiment")
        return content

    def _parse(self, content: bytes, name: str, shown: str) -> Marked | None:
        self.sources.append(SourceFile(path=name, content=content, shown=shown))
        try:
            tree, found = parse(content, name)
        except Unreadable as problem:
            self.found.append(problem.found)
            return None
        self.found.extend(found)
        return tree


def relative(name: str) -> str:
    """A path that a spec names, in its plainest form.

    Raises: FileProblem when it is absolute or climbs.
    """
    pure = PurePosixPath(name)
    if not name.strip() or not name.isprintable():
        raise FileProblem("file-outside", "this is no path of a file", "write a path inside the spec's folder, such as `prompts/meetings.yaml`")
    if pure.is_absolute() or ".." in pure.parts or "\\" in name or (len(name) > 1 and name[1] == ":"):
        raise FileProblem("file-outside", f"the path '{name[:80]}' is not inside the spec's folder", "use a relative path with `/` and without `..`")
    return pure.as_posix()


def inside(folder: Path, name: str) -> Path:
    """The file that a spec names by a path inside its folder.

    Raises: FileProblem when the path is absolute, climbs, or a link leads out of the folder.
    """
    pure = relative(name)
    try:
        path = (folder / pure).resolve()
        root = folder.resolve()
    except (OSError, RuntimeError) as error:
        raise FileProblem("file-missing", f"'{name[:80]}' cannot be reached: {error.__class__.__name__}") from error
    if not path.is_relative_to(root):
        raise FileProblem("file-outside", f"'{name[:80]}' is a link that leads out of the spec's folder", "copy the file into the folder")
    return path


def _own(path: Path) -> Path:
    """The spec's own file. What a link elsewhere leads to would be quoted in findings: of a stranger's branch, any file of the machine.

    Raises: FileProblem when it is a link that leads out of its folder.
    """
    try:
        is_elsewhere = path.is_symlink() and not path.resolve().is_relative_to(path.parent.resolve())
    except (OSError, RuntimeError) as error:
        raise FileProblem("file-missing", f"'{path}' cannot be reached: {error.__class__.__name__}", "check the link") from error
    if is_elsewhere:
        raise FileProblem("file-outside", f"'{path}' is a link that leads out of its folder", "name the file that it leads to")
    return path


def _read(path: Path, name: str, if_missing: str) -> bytes:
    try:
        if path.is_dir():
            raise FileProblem("file-missing", f"'{name}' is a folder, not a file", "name the file in it")
        if not path.exists():
            raise FileProblem("file-missing", f"there is no file '{name}'", if_missing)
        if not path.is_file():
            raise FileProblem("file-missing", f"'{name}' is no ordinary file", "name an ordinary file")
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise FileProblem("file-missing", f"'{name}' cannot be read: {getattr(error, 'strerror', None) or error}", "check its permissions") from error

"""Files of a git revision, read from the repository's own store: nothing is checked out, fetched or run. Part of the program."""

import hashlib
import os
import stat
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from bench.errors import UsageError
from bench.spec.files import MAX_NAMED_BYTES, FileProblem
from bench.spec.yaml_text import MAX_BYTES

_TIMEOUT_S = 60.0
_MOST_LINKS = 8
_MOST_AT_ONCE = 2**24  # bytes of files that are held at a time
_QUIET = {
    "LC_ALL": "C",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1",  # a partial clone would fetch what it lacks; git before 2.44 heeds only the next line
    "GIT_ALLOW_PROTOCOL": "none",
}
_FILE, _LINK, _FOLDER, _SUBMODULE = "100", "120000", "040000", "160000"


class _Entry(NamedTuple):
    """A line of a tree: the mode, the object's name, and the path from the repository's root."""

    mode: str
    name: str
    path: str


class Repository:
    """A git repository; paths are from its root."""

    def __init__(self, start: Path) -> None:
        """The repository that a folder stands in.

        Raises: UsageError when it stands in none, or git is not installed.
        """
        self.root = start
        if self.git("rev-parse", "--is-inside-work-tree", what="find a git repository here").strip() != b"true":
            where = "GIT_DIR names the store of a repository" if os.environ.get("GIT_DIR") else "this is the store of a repository, or a bare one"
            hint = "work inside a clone with files, and without GIT_DIR in the environment: specs are read beside their folder"
            raise UsageError(f"cannot find a working tree here: {where}, and holds no files to compare", hint=hint)
        self.root = Path(os.fsdecode(self.git("rev-parse", "--show-toplevel", what="find the root of the repository").rstrip(b"\n")))

    def git(self, *words: str, what: str, told: bytes = b"") -> bytes:
        """What a git command prints that is `told` something on its standard input. `what` is what an error says could not be done.

        Raises: UsageError with git's own words.
        """
        try:
            done = subprocess.run(
                ["git", "-c", "core.fsmonitor=false", *words],  # noqa: S607 - git stands where the user has it
                cwd=self.root,
                env={**os.environ, **_QUIET},
                input=told,
                capture_output=True,
                check=False,
                timeout=_TIMEOUT_S,
            )
        except FileNotFoundError as error:
            raise UsageError(f"cannot {what}: git is not installed", hint="install git, or name two files") from error
        except subprocess.TimeoutExpired as error:
            raise UsageError(f"cannot {what}: git took longer than {_TIMEOUT_S:.0f} s") from error
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip()[:500] or f"git ended with {done.returncode}"
            raise UsageError(f"cannot {what}: {said}", hint="work inside a clone that has this history; `git fetch` brings what is missing")
        return done.stdout

    def commit(self, revision: str) -> str:
        """The full name of the commit that a branch, tag, name or `HEAD~2` means. Raises: UsageError when it means none."""
        shown = revision[:80]
        if not revision or revision.startswith("-") or not revision.isprintable():
            raise UsageError(f"{shown!r} is no git revision", hint="name a branch, a tag or a commit, e.g. `main` or `HEAD~1`")
        try:
            found = self.git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}", what=f"find the revision {shown!r}")
        except UsageError as error:
            hint = "name a branch, a tag or a commit; a shallow clone lacks history, which `git fetch --unshallow` brings"
            raise UsageError(f"there is no git revision {shown!r} in {self.root}", hint=hint) from error
        return found.decode().strip()

    def fork(self, commit: str) -> tuple[str, str | None]:
        """The commit from which the checked-out one and another went different ways; where none is known that other one itself, and why."""
        try:
            return self.git("merge-base", commit, "HEAD", what="find where they parted").decode().split()[0], None
        except UsageError:
            if self.git("rev-parse", "--is-shallow-repository", what="look at the history").strip() == b"true":
                return commit, "this clone is shallow and lacks the commit from which both went different ways; `git fetch --unshallow` brings it"
            return commit, "the two have no common history"

    def place(self, path: Path) -> str:
        """A path of the working directory as one from the root, whatever links stand there now.

        Raises: UsageError when it leads elsewhere.
        """
        where, root = Path(os.path.normpath(Path.cwd().resolve() / path)), self.root.resolve()
        if not where.is_relative_to(root):
            raise UsageError(f"{path} is not inside the repository {root}", hint="name a file or folder of it")
        return PurePosixPath(where.relative_to(root).as_posix()).as_posix()

    def typed(self, path: str) -> str:
        """The path of `REVISION:PATH` from the root; one that starts with `./` or `../` starts where the program does, as for git."""
        return self.place(Path(path)) if path.startswith(("./", "../")) else PurePosixPath(path).as_posix()

    def entry(self, commit: str, path: str) -> _Entry | None:
        """What stands at a path from the root; None for nothing."""
        found = self._entries(commit, path.rstrip("/")) if path not in ("", ".") else []
        return next((one for one in found if one.path == path.rstrip("/")), None)

    def is_folder(self, commit: str, path: str) -> bool:
        """Whether a folder stands there."""
        if path in ("", "."):
            return True
        found = self.entry(commit, path)
        return found is not None and found.mode == _FOLDER

    def check_file(self, commit: str, path: str, revision: str) -> None:
        """Raise UsageError when there is no file, or link to one, at a path of a commit, which people call `revision`."""
        found = self.entry(commit, path)
        if found is not None and found.mode == _SUBMODULE:
            raise UsageError(f"{path!r} is a submodule in the revision {revision[:80]!r}", hint="work inside it: it has revisions of its own")
        if found is None:
            raise UsageError(f"there is no file {path!r} in the revision {revision[:80]!r}", hint=f"`git ls-tree -r {revision[:80]}` lists its files")

    def files(self, commit: str) -> dict[str, str]:
        """All ordinary files, with the names of their contents."""
        return {one.path: one.name for one in self._entries(commit, more=("-r",)) if one.mode.startswith(_FILE)}

    def working_files(self) -> dict[str, Path]:
        """The ordinary files of the working tree that git knows, or does not ignore. Links are left out, and what is larger than a spec may be."""
        listed = self.git("ls-files", "-z", "--cached", "--others", "--exclude-standard", what="list the files here")
        places = {name: self.root / name for name in sorted({os.fsdecode(name) for name in listed.split(b"\0") if name})}
        return {name: path for name, path in places.items() if _is_small(path)}

    def blob(self, name: str, most_bytes: int = MAX_BYTES) -> bytes:
        """The bytes of a file, by its object's name. Raises: FileProblem when it is larger than that: than a spec may be."""
        if int(self.git("cat-file", "-s", name, what="read a file of the revision")) > most_bytes:
            raise FileProblem("file-size", f"the file has more than {most_bytes:,} bytes", "split it")
        return self.git("cat-file", "blob", name, what="read a file of the revision")

    def contents(self, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Files' objects with their bytes, without those that are larger than a spec may be. One process reads many.

        Raises: UsageError when one is not there.
        """
        wanted = list(dict.fromkeys(names))
        what = "read the files of the revision"
        sizes = self.git("cat-file", "--batch-check=%(objectsize)", what=what, told=_lines(wanted)).decode().splitlines() if wanted else []
        some: list[str] = []
        held = 0
        for name, size in zip(wanted, sizes, strict=True):
            if not size.isdecimal():  # a partial clone may lack it
                raise UsageError(f"cannot {what}: {size}", hint="work inside a clone that has this history; `git fetch` brings what is missing")
            if int(size) > MAX_BYTES:
                continue
            if some and held + int(size) > _MOST_AT_ONCE:
                yield from self._read(some, what)
                some, held = [], 0
            some.append(name)
            held += int(size)
        yield from self._read(some, what)

    def _read(self, names: list[str], what: str) -> Iterator[tuple[str, bytes]]:
        told = self.git("cat-file", "--batch=%(objectsize)", what=what, told=_lines(names)) if names else b""
        at = 0
        for name in names:
            start = told.index(b"\n", at) + 1
            end = start + int(told[at : start - 1])
            yield name, told[start:end]
            at = end + 1

    def _entries(self, commit: str, *paths: str, more: tuple[str, ...] = ()) -> list[_Entry]:
        listed = self.git("ls-tree", "-z", "--full-tree", *more, commit, "--", *paths, what="list a revision")
        found = []
        for line in listed.split(b"\0"):
            if line:
                facts, _, path = line.partition(b"\t")
                mode, _, name = facts.decode().split()
                found.append(_Entry(mode, name, os.fsdecode(path)))
        return found


def split(typed: str) -> tuple[str, str] | None:
    """Revision and path of `REVISION:PATH`; None for a path on the disk."""
    revision, colon, path = typed.partition(":")
    return (revision, path) if colon and not os.path.exists(typed) else None  # noqa: PTH110 - a name that is too long is no path


def content_at(revision: str, path: str, *, is_from_root: bool = True) -> bytes:
    """The bytes of an ordinary file in a git revision. `is_from_root`: the path is that of `REVISION:PATH`; else one of the working directory.

    Raises: UsageError when there is no such revision or file, or it is larger than a spec may be.
    """
    repository = Repository(Path.cwd())
    place = repository.typed(path) if is_from_root else repository.place(Path(path))
    found = repository.entry(repository.commit(revision), place)
    if found is None or not found.mode.startswith(_FILE):
        raise UsageError(f"there is no file {place!r} in the revision {revision[:80]!r}", hint=f"`git ls-tree -r {revision[:80]}` lists its files")
    try:
        return repository.blob(found.name)
    except FileProblem as problem:
        raise UsageError(f"{place!r} in the revision {revision[:80]!r}: {problem.message}", hint=problem.hint) from problem


def named(content: bytes, like: str) -> str:
    """The name that git gives to a content, in the same hash as another name."""
    made = hashlib.sha1(usedforsecurity=False) if len(like) == 40 else hashlib.sha256()
    made.update(b"blob %d\0" % len(content) + content)
    return made.hexdigest()


def _lines(names: Iterable[str]) -> bytes:
    return "".join(f"{name}\n" for name in names).encode()


def _is_small(path: Path) -> bool:
    try:
        found = path.lstat()
    except OSError:  # it was deleted, and git has not been told
        return False
    return stat.S_ISREG(found.st_mode) and found.st_size <= MAX_BYTES


class AtRevision:
    """A folder of a revision, for `bench.spec.load`. A link is followed while it stays inside the folder."""

    def __init__(self, repository: Repository, commit: str, folder: str) -> None:
        """`folder` is a path from the repository's root; empty for the root itself."""
        self._repository, self._commit, self._folder = repository, commit, "" if folder == "." else folder

    def read(self, name: str) -> bytes:
        """The bytes of a file. Raises: FileProblem."""
        found = self._file(name)
        if found is None:
            raise FileProblem("file-missing", f"there is no file '{name[:80]}' in this revision", "check the path")
        return self._repository.blob(found.name)

    def digest(self, name: str) -> str:
        """The SHA-256 of a file. Raises: FileProblem when there is none, or it is larger than a run takes."""
        found = self._file(name)
        if found is None:
            raise FileProblem("file-missing", f"there is no file '{name[:80]}' in this revision", "check the path")
        return hashlib.sha256(self._repository.blob(found.name, MAX_NAMED_BYTES)).hexdigest()

    def holds(self, name: str) -> bool:
        """Whether there is such an ordinary file. Raises: FileProblem when a link leads out of the folder."""
        return self._file(name) is not None

    def _file(self, name: str) -> _Entry | None:
        path = name
        for _ in range(_MOST_LINKS):
            found = self._repository.entry(self._commit, f"{self._folder}/{path}".lstrip("/"))
            if found is None or found.mode.startswith(_FILE):
                return found
            if found.mode != _LINK:
                return None
            path = _linked(path, os.fsdecode(self._repository.blob(found.name)))
        raise FileProblem("file-missing", f"'{name[:80]}' is a link that leads to too many others", "copy the file into the folder")


def _linked(path: str, target: str) -> str:
    """Where a link in the folder leads. Raises: FileProblem when that is outside."""
    parts = list(PurePosixPath(path).parent.parts)
    for part in PurePosixPath(target).parts:
        if part == ".." and parts:
            parts.pop()
        elif part in ("..", "/"):
            raise FileProblem("file-outside", f"'{path[:80]}' is a link that leads out of the spec's folder", "copy the file into the folder")
        else:
            parts.append(part)
    return "/".join(parts)

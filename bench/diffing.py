"""Two versions of specs, from files, folders or git revisions, compared: what `bench diff` does. Part of the program."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

import msgspec

from bench.diff.cells import Cells, fates
from bench.diff.spec_diff import Side, compare
from bench.errors import MissingExtension, SpecError, UsageError
from bench.forecast import forecast
from bench.named_files import named_paths
from bench.plan.expand import expand
from bench.records.diff import DiffReport, SpecDiff
from bench.records.plan import Budget, Plan
from bench.records.source import SourceFile
from bench.records.spec import Spec
from bench.registry import Registry
from bench.revisions import AtRevision, Repository, named, split
from bench.spec.files import FileProblem, Files, Folder
from bench.spec.load import load_spec
from bench.spec.places import Places
from bench.spec_files import SUFFIXES, is_spec, specs_in, without_runs


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where one version of a spec stands: its path as people see it, and what it is read from; None: the disk."""

    path: Path
    files: Files | None = None


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """What a diff stands on beside the specs: the extensions that they may name, and the folder of earlier runs, which say what a trial takes."""

    registry: Registry
    runs: Path


def compare_places(before: str, after: str | None, ground: Ground) -> DiffReport:
    """Two files or two folders, each on the disk or, as `REVISION:PATH`, in a git revision. Without `after`: the same path in the working tree.

    Raises: UsageError for what is not there, SpecError for a spec that is not valid.
    """
    typed = before, after if after is not None else _here(before)
    has_revision = any(split(one) is not None for one in typed)
    old, new = (_places(one, as_git_lists=has_revision) for one in typed)
    if isinstance(old, Place) and isinstance(new, Place):
        return DiffReport(specs=(_diff(old, new, ground),))
    if isinstance(old, Place) or isinstance(new, Place):
        raise UsageError("a file and a folder cannot be compared", hint="name two files or two folders")
    if not old and not new:
        raise UsageError(
            f"neither {before} nor {after or 'what stands there now'} holds a spec", hint="a spec begins with `bench: 1`; name the folder it is in"
        )
    found = (_pair(old.get(name), new.get(name), ground) for name in _paired(old, new))
    return DiffReport(specs=tuple(one for one in found if one is not None))


def compare_base(revision: str, only: Sequence[Path], ground: Ground) -> DiffReport:
    """All specs of the working tree that changed since it parted from a revision; `only` those in these files or folders.

    Raises: as `compare_places`.
    """
    repository = Repository(Path.cwd())
    base, unknown = repository.fork(repository.commit(revision))
    then, now = repository.files(base), repository.working_files()
    roots = [_inside(repository, path) for path in only] or [PurePosixPath()]
    both = then.keys() | now.keys()
    folders = [PurePosixPath(name) for name in both if name not in then or name not in now or not _is_the_same(now[name], then[name])]

    def matters(name: str) -> bool:
        path = PurePosixPath(name)
        is_wanted = path.suffix in SUFFIXES and any(path.is_relative_to(root) for root in roots)
        return is_wanted and any(one.is_relative_to(path.parent) for one in folders)

    candidates = {name: then[name] for name in without_runs(then) if matters(name)}
    old = {name: _there(repository, (revision, base), name) for name in _specs_there(repository, candidates)}
    new = {name: Place(path=_shown(now[name])) for name in without_runs(now) if matters(name) and is_spec(_bytes(now[name]))}
    # What was a spec and is now too large to be one is broken, not gone.
    new |= {
        name: Place(path=_shown(path)) for name in old.keys() - now.keys() if (path := repository.root / name).is_file() and not path.is_symlink()
    }
    found = (_pair(old.get(name), new.get(name), ground) for name in _paired(old, new))
    note = f"compared with {revision} as it is, so that what changed there counts as a change here: {unknown}" if unknown else None
    return DiffReport(specs=tuple(one for one in found if one is not None), base=base, note=note)


def _there(repository: Repository, at: tuple[str, str], name: str) -> Place:
    """A spec in a revision, by what the revision is called and its commit."""
    (revision, commit), pure = at, PurePosixPath(name)
    return Place(path=Path(f"{revision}:{pure.parent}") / pure.name, files=AtRevision(repository, commit, pure.parent.as_posix()))


def _is_the_same(path: Path, blob: str) -> bool:
    return named(_bytes(path), blob) == blob


def _bytes(path: Path) -> bytes:
    """What stands in a file; nothing where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _shown(path: Path) -> Path:
    """The path of the working tree as seen from the working directory: what is shown may be published, and names no folders of the machine."""
    return Path(os.path.relpath(path.parent.resolve() / path.name, Path.cwd().resolve()))


def _inside(repository: Repository, path: Path) -> PurePosixPath:
    where, root = path.resolve(), repository.root.resolve()
    if not where.is_relative_to(root):
        raise UsageError(f"{path} is not inside the repository {root}", hint="name a file or folder of it")
    return PurePosixPath(where.relative_to(root).as_posix())


def _here(before: str) -> str:
    parts = split(before)
    if parts is None:
        raise UsageError("there is nothing to compare with", hint="name two specs, or `REVISION:PATH`, or use --base REVISION")
    repository = Repository(Path.cwd())
    return str(_shown(repository.root.resolve() / repository.typed(parts[1])))


def _places(typed: str, *, as_git_lists: bool) -> Place | dict[str, Place]:
    """The spec at a place; of a folder all specs in it, by their paths. `as_git_lists`: of a folder on the disk without what git ignores."""
    parts = split(typed)
    if parts is None:
        path = Path(typed)
        if not os.path.isdir(path):  # noqa: PTH112 - of a name that no file system takes, pathlib raises
            return Place(path=path)
        known = _listed(path) if as_git_lists else []
        return {one.relative_to(path).as_posix(): Place(path=one) for one in known or specs_in(path)}
    repository = Repository(Path.cwd())
    at, path_there = (parts[0], repository.commit(parts[0])), repository.typed(parts[1])
    if repository.is_folder(at[1], path_there):
        root, files = PurePosixPath(path_there), repository.files(at[1])
        inside = {name: files[name] for name in without_runs(files) if PurePosixPath(name).is_relative_to(root) and name.endswith(SUFFIXES)}
        return {PurePosixPath(name).relative_to(root).as_posix(): _there(repository, at, name) for name in _specs_there(repository, inside)}
    repository.check_file(at[1], path_there, parts[0])
    return _there(repository, at, path_there)


def _listed(folder: Path) -> list[Path]:
    """The specs in a folder of the working tree that git knows or does not ignore; none where it knows nothing of the folder."""
    repository = Repository(Path.cwd())
    where, root = folder.resolve(), repository.root.resolve()
    if not where.is_relative_to(root):
        return []
    names = without_runs(repository.working_files())
    inside = [folder / (root / name).relative_to(where) for name in sorted(names) if name.endswith(SUFFIXES) and (root / name).is_relative_to(where)]
    return [one for one in inside if is_spec(_bytes(one))]


def _paired(old: dict[str, Place], new: dict[str, Place]) -> list[str]:
    """The paths of both. A spec that moved to another path is found by its name, and then stands in both under the newer path."""
    gone, come = [name for name in old if name not in new], [name for name in new if name not in old]
    names = {name: _name(old[name]) for name in gone}
    for name in come:
        called = _name(new[name])
        same = [one for one in gone if called is not None and names[one] == called]
        if len(same) == 1:
            old[name] = old.pop(same[0])
            gone.remove(same[0])
    return sorted(old.keys() | new.keys())


def _name(place: Place) -> str | None:
    tree = Folder(place.path, place.files).spec()
    name = tree.data.get("name") if tree is not None and isinstance(tree.data, dict) else None
    return name if isinstance(name, str) else None


def _specs_there(repository: Repository, blobs: Mapping[str, str]) -> list[str]:
    """Which files of a revision, by their paths with the names of their objects, are specs."""
    found = {name for name, content in repository.contents(blobs.values()) if is_spec(content)}
    return [path for path, name in blobs.items() if name in found]


def _pair(old: Place | None, new: Place | None, ground: Ground) -> SpecDiff | None:
    """The diff of a spec that both, or only one of two versions have; None where nothing changed."""
    if new is None:
        return None if old is None else _removed(old, ground)
    later = _attempt(new, ground)
    earlier = None if old is None else _attempt(old, ground)
    if isinstance(later, SpecError):
        if isinstance(earlier, SpecError) and _same(earlier, later):
            return None  # broken as it was
        note = f"{later.message}: `bench validate` shows them"
        return SpecDiff(name=_readable(new.path.stem), before=None if old is None else _words(old), after=_words(new), note=note, is_broken=True)
    if old is None:
        return _added(new, ground)
    if isinstance(earlier, SpecError):
        return msgspec.structs.replace(_added(new, ground), note="the older version was not valid, so nothing can be said of what changed")
    diff = _diff(old, new, ground)
    is_same = not diff.changes and not diff.moved and diff.version is not None and diff.version.before == diff.version.after
    return None if is_same else diff


def _same(one: SpecError, other: SpecError) -> bool:
    first, second = ({(file.path, file.content) for file in side.sources} for side in (one, other))
    return first == second


def _attempt(place: Place, ground: Ground) -> Side | SpecError:
    try:
        return _side(place, ground)
    except SpecError as error:
        return error


def _side(place: Place, ground: Ground) -> Side:
    """One version. The environment is left out: what a spec asks of it is compared as it is written."""
    loaded = load_spec(place.path, extensions=ground.registry, environ=None, files=place.files)
    folder = Folder(place.path, place.files)
    files = {keys: _content(folder, path) for keys, path in named_paths(loaded.resolved).items()}
    places = Places(loaded.resolved, loaded.marks)
    return Side(
        spec=loaded.spec,
        plan=expand(loaded.spec),
        texts=tuple(_texts(loaded.sources)),
        named=files,
        place=places.at,
        written=places.written,
    )


def _texts(sources: Iterable[SourceFile]) -> list[str]:
    return [source.text for source in sources]


def _content(folder: Folder, name: str) -> str | None:
    """The digest of a file; None where there is none, or it is larger than a run takes."""
    try:
        return folder.digest_of(name)
    except FileProblem:
        return None


def _diff(old: Place, new: Place, ground: Ground) -> SpecDiff:
    after = _side(new, ground)
    found = compare(_side(old, ground), after)
    rerun = _budget(after.spec, found.to_run, ground)
    return msgspec.structs.replace(found.diff, before=_words(old), after=_words(new), rerun=rerun)


def _added(new: Place, ground: Ground) -> SpecDiff:
    side = _side(new, ground)
    trials = fates(_nothing(side.plan), Cells(side.plan), lambda _: False, lambda _: False)
    return SpecDiff(name=side.spec.name, before=None, after=_words(new), effect="scope", trials=trials, rerun=_budget(side.spec, side.plan, ground))


def _removed(old: Place, ground: Ground) -> SpecDiff:
    side = _attempt(old, ground)
    if isinstance(side, SpecError):
        return SpecDiff(name=_readable(old.path.stem), before=_words(old), after=None, effect="scope", note="the older version was not valid")
    trials = fates(Cells(side.plan), _nothing(side.plan), lambda _: False, lambda _: False)
    return SpecDiff(name=side.spec.name, before=_words(old), after=None, effect="scope", trials=trials)


def _nothing(plan: Plan) -> Cells:
    return Cells(msgspec.structs.replace(plan, blocks=()))


def _words(place: Place) -> str:
    return _readable(place.path.as_posix().replace(":./", ":", 1))


def _readable(name: str) -> str:
    """A path as text, also one whose bytes are none."""
    return os.fsencode(name).decode(errors="replace")


def _budget(spec: Spec, plan: Plan, ground: Ground) -> Budget | None:
    """What running the plan takes; None when there is nothing to run. Without its price where the extra that knows prices is not installed."""
    if not any(block.trials for block in plan.blocks):
        return None
    try:
        return forecast(spec, plan, ground.runs, ground.registry, environment=())
    except MissingExtension:
        models = tuple(msgspec.structs.replace(model, cost=None) for model in spec.models)
        return forecast(msgspec.structs.replace(spec, cost=None, models=models), plan, ground.runs, ground.registry, environment=())

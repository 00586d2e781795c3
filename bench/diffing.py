"""Two versions of specs, from files, folders or git revisions, compared: what `bench diff` does. Part of the program."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
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
from bench.spec.places import place_of, written
from bench.spec.yaml_source import parse
from bench.spec.yaml_text import MAX_BYTES, Unreadable

_SUFFIXES = (".yaml", ".yml", ".json")
_LOOKS_LIKE_ONE = re.compile(rb"^[\s{]*[\"']?bench[\"']?\s*:", re.MULTILINE)
_STARTS_LIKE_ONE = re.compile(rb"^bench\s*:", re.MULTILINE)
_SURELY = {"models", "prompts", "version", "name"}


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
    old, new = _places(before), _places(after if after is not None else _here(before))
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
    changed = {
        name for name in then.keys() | now.keys() if name not in then or name not in now or named(now[name].read_bytes(), then[name]) != then[name]
    }
    folders = [PurePosixPath(name) for name in changed]

    def matters(name: str) -> bool:
        path = PurePosixPath(name)
        is_wanted = path.suffix in _SUFFIXES and any(path.is_relative_to(root) for root in roots)
        return is_wanted and any(one.is_relative_to(path.parent) for one in folders)

    candidates = {name: blob for name, blob in then.items() if matters(name)}
    old = {
        name: Place(path=Path(f"{revision}:{PurePosixPath(name).parent}") / PurePosixPath(name).name, files=_at(repository, base, name))
        for name in _specs_there(repository, candidates)
    }
    new = {name: Place(path=_shown(now[name])) for name in now if matters(name) and _is_spec(now[name].read_bytes())}
    found = (_pair(old.get(name), new.get(name), ground) for name in _paired(old, new))
    note = f"compared with {revision} as it is, so that what changed there counts as a change here: {unknown}" if unknown else None
    return DiffReport(specs=tuple(one for one in found if one is not None), base=base, note=note)


def _at(repository: Repository, commit: str, name: str) -> AtRevision:
    return AtRevision(repository, commit, PurePosixPath(name).parent.as_posix())


def _shown(path: Path) -> Path:
    """The path as seen from the working directory, where it is below."""
    here = Path.cwd().resolve()
    return path.relative_to(here) if path.is_relative_to(here) else path


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


def _places(typed: str) -> Place | dict[str, Place]:
    """The spec at a place; of a folder all specs in it, by their paths."""
    parts = split(typed)
    if parts is None:
        path = Path(typed)
        if not path.is_dir():
            return Place(path=path)
        return {one.relative_to(path).as_posix(): Place(path=one) for one in specs_in(path)}
    repository = Repository(Path.cwd())
    revision, commit, path_there = parts[0], repository.commit(parts[0]), repository.typed(parts[1])
    if repository.is_folder(commit, path_there):
        root = PurePosixPath(path_there)
        inside = {
            name: blob for name, blob in repository.files(commit).items() if PurePosixPath(name).is_relative_to(root) and name.endswith(_SUFFIXES)
        }
        specs = [PurePosixPath(name) for name in _specs_there(repository, inside)]
        return {
            name.relative_to(root).as_posix(): Place(path=Path(f"{revision}:{name.parent}") / name.name, files=_at(repository, commit, str(name)))
            for name in specs
        }
    if repository.entry(commit, path_there) is None:
        raise UsageError(f"there is no file {path_there!r} in the revision {revision!r}", hint=f"`git ls-tree -r {revision}` lists its files")
    pure = PurePosixPath(path_there)
    return Place(path=Path(f"{revision}:{pure.parent}") / pure.name, files=_at(repository, commit, path_there))


def specs_in(folder: Path) -> list[Path]:
    """The specs in a folder and below, in order; links that lead out of it are none."""
    found = sorted(one for one in folder.rglob("*") if one.suffix in _SUFFIXES and one.is_file() and one.resolve().is_relative_to(folder.resolve()))
    return [one for one in found if one.stat().st_size <= MAX_BYTES and _is_spec(one.read_bytes())]


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
    found = {name for name, content in repository.contents(blobs.values()) if _is_spec(content)}
    return [path for path, name in blobs.items() if name in found]


def _is_spec(content: bytes) -> bool:
    """Whether a file is a spec, be it a broken one."""
    if _LOOKS_LIKE_ONE.search(content) is None:
        return False
    try:
        data = parse(content, "")[0].data
    except Unreadable:
        return _STARTS_LIKE_ONE.search(content) is not None
    return isinstance(data, dict) and "bench" in data and bool(_SURELY & data.keys())


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
        return SpecDiff(name=new.path.stem, before=None if old is None else _words(old), after=_words(new), note=note, is_broken=True)
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
    return Side(
        spec=loaded.spec,
        plan=expand(loaded.spec),
        texts=tuple(_texts(loaded.sources)),
        named=files,
        place=partial(place_of, loaded.resolved, loaded.marks),
        written=partial(written, loaded.resolved),
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
        return SpecDiff(name=old.path.stem, before=_words(old), after=None, effect="scope", note="the older version was not valid")
    trials = fates(Cells(side.plan), _nothing(side.plan), lambda _: False, lambda _: False)
    return SpecDiff(name=side.spec.name, before=_words(old), after=None, effect="scope", trials=trials)


def _nothing(plan: Plan) -> Cells:
    return Cells(msgspec.structs.replace(plan, blocks=()))


def _words(place: Place) -> str:
    return place.path.as_posix().replace(":./", ":", 1)


def _budget(spec: Spec, plan: Plan, ground: Ground) -> Budget | None:
    """What running the plan takes; None when there is nothing to run. Without its price where the extra that knows prices is not installed."""
    if not any(block.trials for block in plan.blocks):
        return None
    try:
        return forecast(spec, plan, ground.runs, ground.registry, environment=())
    except MissingExtension:
        models = tuple(msgspec.structs.replace(model, cost=None) for model in spec.models)
        return forecast(msgspec.structs.replace(spec, cost=None, models=models), plan, ground.runs, ground.registry, environment=())

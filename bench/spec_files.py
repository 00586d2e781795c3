"""Which files are specs, told by what they hold. Copies that runs keep are none. Part of the program."""

import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from bench.spec.yaml_source import parse
from bench.spec.yaml_text import MAX_BYTES, Unreadable

SUFFIXES = (".yaml", ".yml", ".json")
_LOOKS_LIKE_ONE = re.compile(rb"^[\s{]*[\"']?bench[\"']?\s*:", re.MULTILINE)
_STARTS_LIKE_ONE = re.compile(rb"^bench\s*:", re.MULTILINE)
_SURELY = {"models", "prompts", "version", "name"}
_OF_A_RUN = ("inputs", "judging", "spec.resolved.yaml")  # where a run folder holds copies of specs


def is_spec(content: bytes) -> bool:
    """Whether a file is a spec, be it a broken one, such as one in UTF-16 as some editors write it."""
    text = content.removeprefix(BOM_UTF8)
    if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        text = content.decode("utf-16", errors="replace").encode()
    if _LOOKS_LIKE_ONE.search(text) is None:
        return False
    try:
        data = parse(content, "")[0].data
    except Unreadable:
        return _STARTS_LIKE_ONE.search(text) is not None
    return isinstance(data, dict) and "bench" in data and bool(_SURELY & data.keys())


def specs_in(folder: Path) -> list[Path]:
    """The specs in a folder and below, in order; links that lead out of it are none. What may not be read is one: who opens it is told why."""
    root = folder.resolve()
    found = {one.relative_to(folder).as_posix(): one for one in sorted(folder.rglob("*"))}
    wanted = without_runs(found)
    return [one for name, one in found.items() if name in wanted and one.suffix in SUFFIXES and _may_be_one(one, root)]


def _may_be_one(path: Path, root: Path) -> bool:
    try:
        return path.is_file() and path.resolve().is_relative_to(root) and path.stat().st_size <= MAX_BYTES and is_spec(path.read_bytes())
    except FileNotFoundError:  # gone meanwhile
        return False
    except OSError:
        return True


def without_runs(names: Iterable[str]) -> set[str]:
    """The paths without what runs keep of their specs."""
    names = set(names)
    runs = {PurePosixPath(name).parent for name in names if PurePosixPath(name).name == "run.json"}
    return names if not runs else {name for name in names if not _is_of_a_run(PurePosixPath(name), runs)}


def _is_of_a_run(path: PurePosixPath, runs: set[PurePosixPath]) -> bool:
    return any(folder in runs and path.relative_to(folder).parts[0] in _OF_A_RUN for folder in path.parents)

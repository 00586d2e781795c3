"""Baselines: runs in few numbers, in a folder that is committed: `baselines/<spec>.json`, or `<spec>.<name>.json` for a further one.

The text is canonical: equal baselines are equal bytes, keys are sorted, and each prompt of a model is a line, so that a review shows numbers moving.
"""

import json
from pathlib import Path
from typing import Any

import msgspec

from bench.errors import RunFolderError
from bench.records.baseline import Baseline
from bench.store.layout import safe_name
from bench.store.sound import amiss
from bench.store.writer import write_whole

FOLDER = Path("baselines")
MOST_BYTES = 4_000_000  # about ten thousand prompts × models; a file to review has a hundredth of it
_LINE = 118  # characters: what is longer is a line for each part, down to the prompts
_DEEPEST = 3


def path_of(folder: Path, spec_name: str, name: str | None = None) -> Path:
    """Where a spec's baseline lies. `name`: a further one, as of another machine."""
    return folder / f"{safe_name(spec_name if name is None else f'{spec_name}.{name}')}.json"


def text(baseline: Baseline) -> str:
    """The file's content."""
    return _told(msgspec.to_builtins(baseline), 0) + "\n"


def _told(value: Any, depth: int) -> str:
    line = json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)
    if not isinstance(value, dict | list | tuple) or not value or depth > _DEEPEST or len(line) <= _LINE:
        return line
    inner = "\n" + " " * (depth + 1)
    if isinstance(value, dict):
        parts = [f"{json.dumps(key, ensure_ascii=False)}: {_told(value[key], depth + 1)}" for key in sorted(value)]
        return "{" + inner + f",{inner}".join(parts) + "\n" + " " * depth + "}"
    return "[" + inner + f",{inner}".join(_told(each, depth + 1) for each in value) + "\n" + " " * depth + "]"


def write_baseline(path: Path, baseline: Baseline) -> int:
    """Write it as a whole; how many bytes it has.

    Raises: RunFolderError when it is too large to be one, or cannot be written.
    """
    content = text(baseline).encode("utf-8", "replace")
    if len(content) > MOST_BYTES:
        raise RunFolderError(
            f"{path.name} would have {len(content):,} bytes, and a baseline at most {MOST_BYTES:,}",
            hint="store a run of fewer prompts or models (--only)",
        )
    write_whole(path, content)
    return len(content)


def read_baseline(path: Path) -> Baseline:
    """A stored baseline.

    Raises: RunFolderError when there is none, or the file is none.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise RunFolderError(
            f"cannot read the baseline {path}: {error.strerror or error}", hint="`bench baseline list` shows what there is"
        ) from error
    return decoded(content, str(path))


def decoded(content: bytes, shown: str) -> Baseline:
    """The baseline that a file's bytes are. `shown`: what messages call the file.

    Raises: RunFolderError when they are none.
    """
    if len(content) > MOST_BYTES:
        raise RunFolderError(f"{shown} is no baseline: it has more than {MOST_BYTES:,} bytes", hint="`bench baseline store RUN` writes one")
    try:
        found = msgspec.json.decode(content, type=Baseline)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RunFolderError(
            f"{shown} is no baseline: {error}", hint="`bench baseline store RUN` writes one; `git log` has the one before"
        ) from error
    if (words := next(amiss(found), None)) is not None:
        raise RunFolderError(
            f"{shown} is no baseline of a run: {words}", hint="`bench baseline store RUN` writes one; nothing in it is changed by hand"
        )
    return found


def list_baselines(folder: Path) -> list[Path]:
    """The files of a folder that may be baselines, by name."""
    return sorted(folder.glob("*.json"))

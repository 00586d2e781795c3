"""`file:PATH`: weights that are already on this machine, relative to the spec's folder or absolute."""

import stat
from pathlib import Path

from bench.errors import ServingError
from bench.protocols import ServingContext


def locate(rest: str, context: ServingContext) -> Path:
    """The file itself. Only regular files: reading a device or a pipe might never end.

    Raises: ServingError when it is missing or no regular file.
    """
    path = (context.spec_folder / Path(rest).expanduser()).absolute()
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        near = sorted(other.name for other in path.parent.glob(f"*{path.suffix}"))[:5] if path.parent.is_dir() else []
        hint = f"in that folder: {', '.join(near)}" if near else "paths of `file:` are relative to the spec's folder"
        raise ServingError(f"the weights file {rest!r} does not exist (looked for {path})", hint=hint, state="unavailable") from None
    if not stat.S_ISREG(mode):
        raise ServingError(f"file:{rest} is no regular file", hint="`file:` names one file of weights")
    return path


def fetch(rest: str, folder: Path, context: ServingContext) -> Path:  # noqa: ARG001 - the contract of all sources
    """One part, where it is: parts are only read while they are joined."""
    return locate(rest, context)

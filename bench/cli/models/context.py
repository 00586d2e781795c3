"""What the verbs of `bench models` share: their folders and environment, a spec by its file, and names with a source before them."""

import os
import sys
from pathlib import Path

from bench.catalog import REGISTRY
from bench.cli.console import plain
from bench.cli.transfers import Report
from bench.errors import BenchError, UsageError
from bench.protocols import ServingContext
from bench.serving import cache
from bench.spec.diagnostics import render
from bench.spec.load import LoadedSpec, load_spec

FOUNDRY = "foundry:"


def context(folder: Path, report: Report | None = None, *, offline: bool = False, allow_commands: bool = False) -> ServingContext:
    """The serving context of a verb; `file:` sources are relative to `folder`."""
    home = cache.default_folder(os.environ)
    return ServingContext(
        spec_folder=folder,
        log_folder=home / "logs",
        cache_folder=home,
        environ=os.environ,
        offline=offline,
        allow_commands=allow_commands,
        progress=report or _tell_nobody,
    )


def _tell_nobody(_what: str, _done: int, _total: int | None) -> None:
    """Say nothing of progress."""


def spec_of(file: str | Path, overrides: tuple[str, ...] = ()) -> LoadedSpec:
    """The spec in a file, its warnings shown."""
    loaded = load_spec(Path(file), extensions=REGISTRY, environ=os.environ, overrides=overrides)
    sys.stderr.write(render(loaded.warnings, loaded.sources, "text"))
    return loaded


def foundry_name(word: str) -> str | None:
    """What a word names in Foundry Local; None when it speaks of another source.

    Raises: UsageError for a source without a name.
    """
    if not word.startswith(FOUNDRY):
        return None
    if not (name := word.removeprefix(FOUNDRY).strip()):
        raise UsageError("`foundry:` without a name", hint="write an alias or an exact name behind it: foundry:phi-4-mini, foundry:NAME:VERSION")
    return name


def key_of(name: str | None) -> str | None:
    """The key in the environment name that was given; None for none.

    Raises: UsageError when that is not set.
    """
    if name is None:
        return None
    if not os.environ.get(name, "").strip():
        raise UsageError(f"the environment name {name} is not set", hint=f"export {name}=… (the key itself is never an option)")
    return os.environ[name].strip()


def told(error: BenchError) -> str:
    """An error in two lines: what, and what next."""
    return plain(error.message) + (f"\n  hint: {plain(error.hint)}" if error.hint else "")

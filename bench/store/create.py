"""A new run folder, and its manifest as it changes."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from bench.errors import RunFolderError
from bench.records.plan import Plan
from bench.records.run import Manifest
from bench.records.source import SourceFile
from bench.store.layout import RunLayout, inside, run_id, safe_name
from bench.store.plan_lines import plan_to_lines
from bench.store.resolved import to_yaml
from bench.store.writer import encode, write_whole


def new_run(root: Path, manifest: Manifest) -> RunLayout:
    """The new, still empty folder of a run: nobody finds it as a run before `fill_run` has filled it, so its lock can be taken in between.

    The folder is named by the manifest's `run_id`, or `<UTC time>-<digest8>` of the spec when that is empty. Where that name is taken it gets `-2`,
    `-3`, ….

    Raises: RunFolderError when the folder cannot be made.
    """
    named = manifest.run_id or run_id(manifest.started_at, manifest.spec_digest)
    return RunLayout(_new_folder(root / safe_name(manifest.spec_name), safe_name(named)))


def fill_run(layout: RunLayout, manifest: Manifest, plan: Plan, sources: Iterable[SourceFile], resolved: Mapping[str, Any]) -> None:
    """Write everything that is known before a run starts; `run.json`, which makes the folder a run, comes last.

    The manifest that is written always holds the folder's name: read it back.

    Raises: RunFolderError when something cannot be written, or a source leads outside the folder.
    """
    for source in sources:
        write_whole(inside(layout.inputs, source.path), source.content)
    write_whole(layout.resolved, to_yaml(dict(resolved)))
    write_whole(layout.plan, plan_to_lines(plan))
    write_json(layout.manifest, msgspec.structs.replace(manifest, run_id=layout.folder.name))


def write_json(path: Path, record: msgspec.Struct) -> None:
    """Write one record as an indented JSON file (`run.json`, `summary.json`), at once."""
    write_whole(path, msgspec.json.format(encode(record), indent=2) + b"\n")


def _new_folder(parent: Path, name: str) -> Path:
    try:
        parent.mkdir(parents=True, exist_ok=True)
        for number in range(1, 1000):
            folder = parent / (name if number == 1 else f"{name}-{number}")
            try:
                folder.mkdir()
            except FileExistsError:
                continue
            for part in ("samples", "telemetry", "logs"):
                (folder / part).mkdir()
            return folder
    except OSError as error:
        raise RunFolderError(f"cannot make a run folder in {parent}: {error.strerror or error}", hint="choose a place that may be written") from error
    raise RunFolderError(f"{parent} has a thousand runs named {name}", hint="remove what is no longer needed")

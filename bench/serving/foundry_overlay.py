"""Threads and context of a model of Foundry Local: a folder that links to the model's files and holds settings of its own.

The SDK has no switch for either: it reads both from the model's `genai_config.json`. The user's cache is not written; what is made here lies in a
temporary folder, holds links and two small files, and goes with the model.
"""

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.errors import ServingError

_SETTINGS, _CATALOGUE = "genai_config.json", "foundry.modelinfo.json"


class Overlay:
    """A model cache with one model. `close` removes it, and may be called twice.

    Raises: ServingError, `unavailable`, where the model does not lie in a cache, has no settings to change, or no links can be made.
    """

    def __init__(self, model: str, folder: Path, *, threads: int | None, context: int | None) -> None:
        """Make it from the model's folder, which is only read."""
        cache = next((parent for parent in folder.parents if (parent / _CATALOGUE).is_file()), None)
        if cache is None:
            hint = "leave `threads:` and `context:` out, and set them in the model's own genai_config.json"
            raise ServingError(f"{model} does not lie in a model cache, so its settings cannot be changed beside it", hint=hint, state="unavailable")
        self.cache = Path(tempfile.mkdtemp(prefix="bench-foundry-"))
        try:
            listed = json.loads((cache / _CATALOGUE).read_text(encoding="utf-8"))
            only = [entry for entry in listed["models"] if entry["id"] == model]
            (self.cache / _CATALOGUE).write_text(json.dumps({**listed, "models": only}), encoding="utf-8")
            self._link(folder, self.cache / folder.relative_to(cache), _changed(folder / _SETTINGS, threads, context))
        except (OSError, ValueError, LookupError, TypeError) as error:
            self.close()
            hint = "leave `threads:` and `context:` out; on Windows links need the developer mode"
            raise ServingError(f"settings of {model} cannot be changed beside its cache: {error}", hint=hint, state="unavailable") from error

    def _link(self, folder: Path, made: Path, settings: Mapping[str, Any]) -> None:
        made.mkdir(parents=True)
        for entry in folder.iterdir():
            if entry.name == _SETTINGS:
                (made / _SETTINGS).write_text(json.dumps(settings), encoding="utf-8")
            else:
                (made / entry.name).symlink_to(entry.resolve(), target_is_directory=entry.is_dir())

    def close(self) -> None:
        """Remove it: the links, not what they lead to."""
        shutil.rmtree(self.cache, ignore_errors=True)


def _changed(path: Path, threads: int | None, context: int | None) -> dict[str, Any]:
    """The settings with what was asked for. Source: ONNX Runtime GenAI, the fields of its configuration."""
    settings: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if threads is not None:
        settings["model"]["decoder"].setdefault("session_options", {})["intra_op_num_threads"] = threads
    if context is not None:
        settings["model"]["context_length"] = context
        settings.setdefault("search", {})["max_length"] = context
    return settings

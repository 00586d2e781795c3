"""Where the model cache of a Foundry Local service keeps a model, and what its files are known by: a service tells only its cache."""

import json
from pathlib import Path

from bench.protocols import ServingContext
from bench.serving.digests import folder_digest
from bench.serving.process_tree import started_at

_NAMED = "inference_model.json"  # in a model's folder, with its exact name
_DEPTHS = ("*/*", "*/*/*")  # publisher/model, and publisher/model/version. Source: the caches of SDK 1.2.4 and 2.2.1
_MOST_BYTES = 1 << 20


def model_folder(cache: Path, exact: str) -> Path | None:
    """The one folder of this model; None where none says so, or several do. 1.x calls a model without its version."""
    found = {path.parent for depth in _DEPTHS for path in cache.glob(f"{depth}/{_NAMED}") if exact in _names(path)}
    return found.pop() if len(found) == 1 else None


def _names(path: Path) -> tuple[str, ...]:
    try:
        with path.open("rb") as stream:
            name = json.loads(stream.read(_MOST_BYTES))["Name"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return ()
    return (name, name.rpartition(":")[0]) if isinstance(name, str) else ()


def served_digest(cache: str, exact: str, loaded_by: int | None, context: ServingContext) -> str | None:
    """The digest of the files from which a service runs this model; None where it is not known.

    `loaded_by`: the process that may have loaded it at any time since its start, so that younger files may be others; None: it was loaded just now.
    """
    try:
        folder = model_folder(Path(cache), exact)
        if folder is None:
            return None
        if loaded_by is not None:
            start = started_at(loaded_by)
            if start is None or any(path.stat().st_mtime >= start for path in folder.rglob("*")):
                return None
        return folder_digest(folder, exact, context)
    except (OSError, ValueError):
        return None

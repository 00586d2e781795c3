"""A recorded run in the place of a model: nothing is served, and what was measured then is told again (`bench/providers/replay.py`).

models:
  - {id: small, runtime: replay, settings: {run: runs/summarizer/20261122T101500Z-1a2b3c4d, model: smollm2-135m, variant: cpu, pace: real}}
"""

from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode

import msgspec

from bench.errors import RunFolderError, ServingError
from bench.protocols import Served, ServingContext
from bench.records.plan import Treatment
from bench.records.serving import Endpoint, ModelStatus, ServingFacts
from bench.store.recorded import Recorded, read_recorded


class ReplaySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`settings:` of a model entry. `run` is seen from the spec's folder; `model` is the entry's own id unless it is set.

    `pace`: `simulated` answers at once, with the recorded durations on a line of its own that runs ahead of the clock; `real` waits as long.
    """

    run: str
    model: str | None = None
    variant: str | None = None
    pace: Literal["simulated", "real"] = "simulated"


class Replay:
    """The runtime `replay`."""

    def serve(self, treatment: Treatment, context: ServingContext) -> Served:
        """Look whether the run is there and knows the model."""
        settings = _settings(treatment.model_id, treatment.model.settings)
        folder = context.spec_folder / settings.run
        model_id = settings.model or treatment.model_id
        try:
            recorded = read_recorded(folder, model_id, settings.variant)
        except RunFolderError as error:
            raise ServingError(f"model {treatment.model_id!r} cannot be replayed: {error.message}", hint=error.hint, state="unavailable") from error
        status = recorded.status
        if status.state != "served":
            said = f"model {treatment.model_id!r} cannot be replayed: it was {status.state} in that run: {status.reason or 'no reason known'}"
            raise ServingError(said, hint="replay another run", state=status.state)
        asked = {"model": model_id, "variant": status.variant_id, "pace": settings.pace}
        return Replayed(f"replay:{_shown(folder)}?{urlencode(asked)}", recorded)


def _settings(model_id: str, settings: dict[str, Any]) -> ReplaySettings:
    try:
        return msgspec.convert(settings, ReplaySettings)
    except msgspec.ValidationError as error:
        hint = "settings: {run: runs/NAME/FOLDER, model: …, variant: …, pace: simulated or real}; only `run` must be there"
        raise ServingError(f"the settings of the replayed model {model_id!r} cannot be read: {error}", hint=hint, state="unavailable") from error


def _shown(folder: Path) -> str:
    """A path that holds from here, without what is above, where that is possible."""
    folder = folder.resolve()
    return folder.relative_to(Path.cwd()).as_posix() if folder.is_relative_to(Path.cwd()) else folder.as_posix()


class Replayed:
    """A model as it was."""

    credential: str | None = None

    def __init__(self, base_url: str, recorded: Recorded) -> None:
        """Take over what the run knows of it."""
        was = recorded.status
        self._status = was
        known = was.endpoint
        self.endpoint = Endpoint(
            base_url=base_url,
            served_model=known.served_model if known else was.model_id,
            owned=bool(known and known.owned),
            load_s=known.load_s if known else None,
            device=known.device if known else None,
            runtime_version=known.runtime_version if known else None,
            weights_digest=known.weights_digest if known else None,
        )
        self._note = f"replayed from run {recorded.run_id} of {recorded.started_at}: told again, not measured"

    def facts(self) -> ServingFacts:
        """Those of that run, and that they are."""
        return _facts(self._status, self._note)

    def death(self) -> str | None:
        """What is not alive does not die."""
        return None

    def close(self) -> None:
        """Nothing: nothing was opened."""


def _facts(was: ModelStatus, note: str) -> ServingFacts:
    return ServingFacts(
        download_s=was.download_s, disk_bytes=was.disk_bytes, rss_loaded_bytes=was.rss_loaded_bytes, rss_peak_bytes=was.rss_peak_bytes,
        gpu_bytes=was.gpu_bytes, cpu_s=was.cpu_s, notes=(note, *was.notes),
    )  # fmt: skip

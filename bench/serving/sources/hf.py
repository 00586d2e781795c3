"""`hf:OWNER/REPO/PATH[@REVISION]`: a file of a Hugging Face repository. The only file that imports huggingface_hub (extra `hub`).

`HF_ENDPOINT` and `HF_TOKEN` are respected. One quick question comes first, so that a hub that cannot be reached costs seconds, not retries.
"""

import re
from pathlib import Path
from typing import Any

from bench.errors import ServingError
from bench.protocols import ServingContext
from bench.serving.room import Room

_PART = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+)/(?P<path>[^@]+)(?:@(?P<revision>.+))?")
_QUICK_S = 2.5


def fetch(rest: str, folder: Path, context: ServingContext) -> Path:
    """The file, through huggingface_hub, which also goes on with a broken download.

    Raises: ServingError.
    """
    asked = _PART.fullmatch(rest)
    if asked is None:
        raise ServingError(f"{f'hf:{rest}'!r} names no file of a repository", hint="write hf:OWNER/REPO/PATH, and @REVISION if it matters")
    try:
        import huggingface_hub.constants  # noqa: PLC0415 - an extra, and half a second to import
        import huggingface_hub.errors  # noqa: PLC0415
    except ModuleNotFoundError:
        hint = "pip install 'bench-spec[hub]'"
        raise ServingError("`hf:` weights need the package huggingface_hub", hint=hint, state="unavailable") from None
    hub: Any = huggingface_hub
    repo, path, revision = asked["repo"], asked["path"], asked["revision"]
    endpoint = (context.environ.get("HF_ENDPOINT") or hub.constants.ENDPOINT).rstrip("/")
    token: str | None = context.environ.get("HF_TOKEN")
    try:
        hub.get_hf_file_metadata(hub.hf_hub_url(repo, path, revision=revision, endpoint=endpoint), token=token, timeout=_QUICK_S, endpoint=endpoint)
        bar = _bar(hub, f"download {Path(path).name}", context, Room(folder))
        made = hub.hf_hub_download(
            repo, path, revision=revision, endpoint=endpoint, token=token, local_dir=folder, etag_timeout=_QUICK_S, tqdm_class=bar
        )
    except (hub.errors.HTTPError, hub.errors.LocalEntryNotFoundError, hub.errors.HFValidationError, hub.errors.OfflineModeIsEnabled) as error:
        raise _trouble(hub, error, f"{repo}/{path}", endpoint) from error
    return Path(made)


def _bar(hub: Any, what: str, context: ServingContext, room: Room) -> Any:
    """A progress bar that shows nothing, tells the context, and ends what does not fit."""

    class Told(hub.utils.tqdm):  # type: ignore[misc] # the package has no types for it
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **{**options, "disable": False})

        def display(self, *_: Any, **__: Any) -> None:
            total = int(self.total) if self.total else None
            room.take(int(self.n) - int(self.initial))
            context.progress(what, int(self.n), total)

        def update(self, n: float | None = 1) -> Any:
            told = super().update(n)
            self.display()
            return told

        def close(self) -> None:
            self.leave = False
            self.disable = True

    return Told


def _trouble(hub: Any, error: Exception, what: str, endpoint: str) -> ServingError:
    errors = hub.errors
    known = (  # the first that fits; GatedRepoError is a RepositoryNotFoundError, and most are HfHubHTTPErrors
        (errors.GatedRepoError, "its licence must be accepted first", "accept it on the hub and set HF_TOKEN"),
        (errors.RepositoryNotFoundError, "no such repository", "check the name; a private repository needs HF_TOKEN"),
        (errors.RevisionNotFoundError, "no such revision", "check what follows the @"),
        (errors.RemoteEntryNotFoundError, "the repository has no such file", "check the path; names are case-sensitive"),
        (errors.OfflineModeIsEnabled, "HF_HUB_OFFLINE is set", "unset it, or fetch the file once before"),
        (errors.HFValidationError, "no valid name", "write hf:OWNER/REPO/PATH[@REVISION]"),
    )
    for kind, said, hint in known:
        if isinstance(error, kind):
            return ServingError(f"hf:{what} cannot be fetched from {endpoint}: {said}", hint=hint, state="unavailable")
    if isinstance(error, errors.HfHubHTTPError):
        said = f"the hub {endpoint} answers {error.response.status_code} for hf:{what}"
        return ServingError(said, hint="try again later; HF_TOKEN may lift limits of anonymous requests", state="unavailable")
    hint = "check the network, or set HF_ENDPOINT to a mirror; without a network use `--offline` with what is in the cache"
    return ServingError(f"the hub {endpoint} cannot be reached for hf:{what}: {error}"[:400], hint=hint, state="unavailable")

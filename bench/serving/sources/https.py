"""`https://…`: a file from any web server, resumable."""

from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from bench.errors import ServingError
from bench.protocols import ServingContext
from bench.serving.transfer import download


def fetch(rest: str, folder: Path, context: ServingContext) -> Path:
    """The file at `https:` + `rest`.

    Raises: ServingError.
    """
    url = f"https:{rest}"
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if not parts.hostname or "@" in parts.netloc:
        said = "holds a user or password" if "@" in parts.netloc else "has no host"
        raise ServingError(f"the `https:` source {said}", hint="write https://HOST/PATH; it is stored and shown", state="unavailable")
    name = PurePosixPath(parts.path).name or "file"
    return download(url, folder / "file", progress=lambda done, total: context.progress(f"download {name}", done, total))

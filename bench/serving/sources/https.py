"""`https://…`: a file from any web server, resumable."""

from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from bench.protocols import ServingContext
from bench.serving.transfer import download


def fetch(rest: str, folder: Path, context: ServingContext) -> Path:
    """The file at `https:` + `rest`.

    Raises: ServingError.
    """
    url = f"https:{rest}"
    name = PurePosixPath(urlsplit(url).path).name or "file"
    return download(url, folder / "file", progress=lambda done, total: context.progress(f"download {name}", done, total))

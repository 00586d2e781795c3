"""A file over HTTP(S) into a `.part` file that a later call goes on with. Proxies: those of the environment, as urllib reads them."""

import contextlib
import http.client
import json
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from bench.errors import ServingError
from bench.serving.room import Room

_CHUNK = 1 << 18
_TIMEOUT_S = 15.0  # for a connection and between two reads
_VALIDATORS = ("etag", "last-modified")


class _SameSchemes(urllib.request.HTTPRedirectHandler):
    """Follows redirects only to the schemes that are allowed, and never hands a credential to another host."""

    def __init__(self, schemes: tuple[str, ...]) -> None:
        self._schemes = schemes

    def redirect_request(  # noqa: PLR0913, PLR0917 - urllib's signature
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: http.client.HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        if urlsplit(newurl).scheme not in self._schemes:
            raise ServingError(
                f"{place(req.full_url)} redirects to {place(newurl)}, which is not https", hint="use another source", state="unavailable"
            )
        new = super().redirect_request(req, fp, code, msg, headers, newurl)
        if new is not None and urlsplit(newurl).netloc != urlsplit(req.full_url).netloc:
            new.remove_header("Authorization")
        return new


def place(url: str) -> str:
    """A URL for people: without query and user, which may hold secrets."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"[:300]


def download(
    url: str,
    target: Path,
    *,
    progress: Callable[[int, int | None], None],
    headers: Mapping[str, str] | None = None,
    schemes: tuple[str, ...] = ("https",),
) -> Path:
    """Bring the file at `url` to `target`. What an earlier call left in `<target>.part` is gone on with, if the server's file is still the same.

    Raises: ServingError, `unavailable` when it is not to be had; the part stays.
    """
    if urlsplit(url).scheme not in schemes:
        raise ServingError(f"{place(url)} is no https address", hint="weights are fetched over https only")
    if target.exists():
        return target
    part, facts = target.with_name(f"{target.name}.part"), target.with_name(f"{target.name}.facts")
    opener = urllib.request.build_opener(_SameSchemes(schemes))
    for _ in range(2):  # a second time from the start when the part turns out to be useless
        request = urllib.request.Request(url, headers={"User-Agent": "bench", "Accept-Encoding": "identity", **(headers or {})})  # noqa: S310 - checked above
        have = _go_on(request, part, facts)
        try:
            with opener.open(request, timeout=_TIMEOUT_S) as answer:
                _receive(answer, part, facts, have, progress)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and have:
                part.unlink(missing_ok=True)
                continue
            raise _refusal(url, error) from error
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError, ssl.SSLError) as error:
            raise _break(url, error) from error
        facts.unlink(missing_ok=True)
        return part.replace(target)
    raise ServingError(
        f"{place(url)} answers 416 to a request for the whole file", hint="the server is at fault; use another source", state="unavailable"
    )


def _go_on(request: urllib.request.Request, part: Path, facts: Path) -> int:
    """Ask for the rest only, if what the part belongs to is known. Returns the bytes that are there."""
    have = part.stat().st_size if part.exists() else 0
    if have and (validator := _read_facts(facts).get("validator")):
        request.add_header("Range", f"bytes={have}-")
        request.add_header("If-Range", validator)
        return have
    part.unlink(missing_ok=True)
    return 0


def _read_facts(facts: Path) -> dict[str, str]:
    with contextlib.suppress(OSError, ValueError):
        read = json.loads(facts.read_text(encoding="utf-8"))
        return read if isinstance(read, dict) else {}
    return {}


def _receive(answer: Any, part: Path, facts: Path, have: int, progress: Callable[[int, int | None], None]) -> None:
    goes_on = answer.status == http.HTTPStatus.PARTIAL_CONTENT and (answer.headers.get("Content-Range") or "").startswith(f"bytes {have}-")
    seen = have if goes_on else 0
    # A weak validator ("W/…") must not be used for ranges (RFC 9110 §13.1.5).
    validator = next((value for name in _VALIDATORS if (value := answer.headers.get(name)) and not value.startswith("W/")), None)
    facts.write_text(json.dumps({"validator": validator}), encoding="utf-8")
    length = answer.headers.get("Content-Length")
    total = seen + int(length) if length and length.isdigit() else None
    room, start = Room(part.parent), seen
    if total is not None:
        room.take(total - seen)
    with part.open("ab" if goes_on else "wb") as out:
        while chunk := answer.read(_CHUNK):
            seen += len(chunk)
            _take(room, seen - start, part, is_endless=total is None)
            out.write(chunk)
            progress(seen, total)
    if total is not None and seen != total:
        raise http.client.IncompleteRead(b"", total - seen)


def _take(room: Room, n_bytes: int, part: Path, *, is_endless: bool) -> None:
    try:
        room.take(n_bytes)
    except OSError:
        if is_endless:  # of a file whose size nobody tells, what filled the disk is no start for the next try
            part.unlink(missing_ok=True)
        raise


def _refusal(url: str, error: urllib.error.HTTPError) -> ServingError:
    hint = {401: "it needs a login", 403: "it needs a login or a licence to be accepted", 404: "check the address", 429: "too many requests; wait"}
    message = f"{place(url)} answers {error.code} {error.reason}"
    return ServingError(message, hint=hint.get(error.code, "try again later"), state="unavailable")


def _break(url: str, error: Exception) -> ServingError:
    why = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(why, socket.gaierror):
        said = "its name is not known here"
    elif isinstance(why, http.client.IncompleteRead):
        said = f"the connection broke off, {why.expected} bytes are missing"
    else:
        said = str(why) or type(why).__name__
    hint = "try again: it goes on where it stopped; without a network use `--offline` with what is in the cache"
    return ServingError(f"{place(url)} cannot be fetched: {said}", hint=hint, state="unavailable")

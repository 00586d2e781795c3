"""A model in an Ollama that bench started: fetched when it is not there, given its settings, and loaded.

`ollama serve` takes no settings of a model. Where the spec has some (`threads`, GPU layers), a model of another name is made of the same weights and
with these settings; it takes no room on the disk, and is deleted at the end. Source: docs.ollama.com/api (tags, pull, create, generate, delete), read
on 2026-11-23.
"""

import http.client
import json
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from bench.errors import ServingError
from bench.protocols import ServingContext
from bench.serving.probe import Reply, get

_MOST_LINE = 1 << 20
_PATIENCE_S = 600.0  # between two lines about a download: an answer to silence, not to slowness


class Prepared(NamedTuple):
    """The name that requests carry, what became of it in words, and what lets go of it."""

    name: str | None
    download_s: float | None
    notes: tuple[str, ...]
    end: Callable[[], None]


def prepare(root: str, name: str, options: tuple[tuple[str, int], ...], context: ServingContext, timeout_s: float) -> Prepared:
    """Have the model there, with its settings, and in memory.

    Raises: ServingError when it is not to be had, or cannot be loaded within `timeout_s`.
    """
    download_s = None
    if not _is_there(root, name):
        if context.offline:
            hint = f"run once without `--offline`, or fetch it with `ollama pull {name}`"
            raise ServingError(f"Ollama does not have {name!r} and `--offline` is set", hint=hint, state="unavailable")
        download_s = _pull(root, name, context)
    if not options:
        _load(root, name, timeout_s)
        return Prepared(name, download_s, (), lambda: None)
    made = f"bench-{name.replace('/', '-').replace(':', '-')}"
    _say(root, "POST", "/api/create", {"model": made, "from": name, "parameters": dict(options), "stream": False}, timeout_s)
    try:
        _load(root, made, timeout_s)
    except ServingError:
        _delete(root, made)
        raise
    settings = ", ".join(f"{key} {value}" for key, value in options)
    note = f"served as {made!r}: the weights of {name!r} with {settings}, made for this run and deleted after it"
    return Prepared(made, download_s, (note,), lambda: _delete(root, made))


def _is_there(root: str, name: str) -> bool:
    reply = get(f"{root}/api/tags")
    value = reply.value() if isinstance(reply, Reply) and reply.status == 200 else None
    listed = value.get("models") if isinstance(value, dict) else None
    wanted = {name, f"{name}:latest"}
    return any(isinstance(entry, dict) and entry.get("name") in wanted for entry in (listed if isinstance(listed, list) else ()))


def _pull(root: str, name: str, context: ServingContext) -> float:
    started = time.perf_counter()
    for line in _lines(root, "POST", "/api/pull", {"model": name, "stream": True}, _PATIENCE_S):
        if "error" in line:
            hint = "check `model:` and the network; ollama.com/library lists what there is"
            raise ServingError(f"Ollama cannot fetch {name!r}: {str(line['error'])[:300]}", hint=hint, state="unavailable")
        done, total = line.get("completed"), line.get("total")
        context.progress(f"ollama pull {name}", done if isinstance(done, int) else 0, total if isinstance(total, int) else None)
    return time.perf_counter() - started


def _load(root: str, name: str, timeout_s: float) -> None:
    """A request without a prompt loads the model, and says when it is there."""
    _say(root, "POST", "/api/generate", {"model": name, "keep_alive": -1, "stream": False}, timeout_s)


def _delete(root: str, name: str) -> None:
    try:
        _say(root, "DELETE", "/api/delete", {"model": name}, 10.0)
    except ServingError:
        return  # Ollama is gone; the next run makes it anew under the same name


def _say(root: str, method: str, path: str, body: dict[str, Any], timeout_s: float) -> None:
    for line in _lines(root, method, path, body, timeout_s):
        if "error" in line:
            raise ServingError(f"Ollama's {path} says: {str(line['error'])[:300]}", hint="look at its log in the run folder's logs/")


def _lines(root: str, method: str, path: str, body: dict[str, Any], timeout_s: float) -> Iterator[dict[str, Any]]:
    """The JSON objects of an answer, line by line; an error answer is one of them."""
    parts = urlsplit(root)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout_s)
    try:
        connection.request(method, path, body=json.dumps(body), headers={"Content-Type": "application/json"})
        answer = connection.getresponse()
        while line := answer.readline(_MOST_LINE):
            try:
                value = json.loads(line)
            except ValueError:
                value = None
            if isinstance(value, dict):
                yield value
        if answer.status >= 400:
            yield {"error": f"it answered {answer.status}"}
    except (OSError, http.client.HTTPException) as error:
        raise ServingError(f"Ollama's {path} broke off: {error or type(error).__name__}", hint="look at its log in the run folder's logs/") from error
    finally:
        connection.close()

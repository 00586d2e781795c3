"""A model in an Ollama that bench started: fetched when it is not there, given its settings, and loaded.

`ollama serve` takes no settings of a model. Its own API takes them with each request (`ollama.py`). By OpenAI's, a model of another name is made of
the same weights and with these settings (`threads`, GPU layers); it takes no room on the disk, and is deleted at the end. Source:
docs.ollama.com/api (tags, pull, create, generate, delete), read on 2026-11-23.
"""

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from bench.errors import ServingError
from bench.protocols import ServingContext
from bench.serving.ollama import answer_lines, refusal, say
from bench.serving.probe import Reply, get

_PATIENCE_S = 600.0  # between two lines about a download: an answer to silence, not to slowness


class Wanted(NamedTuple):
    """The model's name, the settings that `ollama serve` cannot be told, and those that each request carries: None by OpenAI's API."""

    name: str
    options: tuple[tuple[str, int], ...]
    native: Mapping[str, int] | None


class Prepared(NamedTuple):
    """The name that requests carry, what became of it in words, and what lets go of it."""

    name: str | None
    download_s: float | None
    notes: tuple[str, ...]
    end: Callable[[], None]


def prepare(root: str, wanted: Wanted, context: ServingContext, timeout_s: float) -> Prepared:
    """Have the model there, with its settings, and in memory.

    Raises: ServingError when it is not to be had, or cannot be loaded within `timeout_s`.
    """
    name, options, native = wanted
    download_s = None
    if not _is_there(root, name):
        if context.offline:
            hint = f"run once without `--offline`, or fetch it with `ollama pull {name}`"
            raise ServingError(f"Ollama does not have {name!r} and `--offline` is set", hint=hint, state="unavailable")
        download_s = _pull(root, name, context)
    if native is not None or not options:
        _load(root, name, native or {}, timeout_s)
        return Prepared(name, download_s, (), lambda: None)
    made = f"bench-{name.replace('/', '-').replace(':', '-')}"
    say(root, "/api/create", {"model": made, "from": name, "parameters": dict(options), "stream": False}, timeout_s=timeout_s)
    try:
        _load(root, made, {}, timeout_s)
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
    hint = "check `model:` and the network; ollama.com/library lists what there is"
    for line in answer_lines(
        root, "/api/pull", {"model": name, "stream": True}, timeout_s=_PATIENCE_S, hint="look at its log in the run folder's logs/"
    ):
        if "error" in line:
            raise refusal(f"Ollama cannot fetch {name!r}: {line['error']}", None, hint, state="unavailable")
        done, total = line.get("completed"), line.get("total")
        context.progress(f"ollama pull {name}", done if isinstance(done, int) else 0, total if isinstance(total, int) else None)
    return time.perf_counter() - started


def _load(root: str, name: str, options: Mapping[str, int], timeout_s: float) -> None:
    """A request without a prompt loads the model, and says when it is there."""
    body = {"model": name, "keep_alive": -1, "stream": False, **({"options": dict(options)} if options else {})}
    say(root, "/api/generate", body, timeout_s=timeout_s)


def _delete(root: str, name: str) -> None:
    try:
        say(root, "/api/delete", {"model": name}, timeout_s=10.0, method="DELETE")
    except ServingError:
        return  # Ollama is gone; the next run makes it anew under the same name

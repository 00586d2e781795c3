"""What Ollama tells and does beside the OpenAI API: which models are loaded and where, and how a model is loaded with settings and let go of.

Source: docs.ollama.com/api (ps, generate) and /modelfile (options), read on 2026-11-23.
"""

import http.client
import json
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from msgspec.structs import replace

from bench.errors import ServingError
from bench.protocols import ServingContext
from bench.records.plan import Treatment
from bench.records.serving import Endpoint, Placement, Server, root_of
from bench.serving.gpu_words import gpu_words, wanted_gpu
from bench.serving.placement import from_ollama
from bench.serving.probe import Reply, get

DIALECT = "ollama"
KEPT = "30m"
"""How long a model that bench loaded outlives its last request: longer than any pause of a run, and an end if bench is killed."""
_MOST_LINE = 1 << 20
_UNLOAD_S = 10.0


def speaks_native(server: Server | None, context: ServingContext) -> bool:
    """Whether requests go by Ollama's own API."""
    return server is not None and server.dialect == DIALECT and context.native


def options_of(treatment: Treatment) -> dict[str, int]:
    """What requests say of how the model is served.

    Raises: ServingError when the GPU settings contradict themselves.
    """
    asked = {"num_ctx": treatment.context, "num_thread": treatment.threads}
    given = {name: value for name, value in asked.items() if value is not None}
    return {**given, **dict(gpu_words(DIALECT, wanted_gpu(treatment)).options)}


class Held(NamedTuple):
    """A model in memory: its endpoint, and what lets go of it."""

    endpoint: Endpoint
    end: Callable[[], None]


def hold(endpoint: Endpoint, server: Server, treatment: Treatment, credential: str | None) -> Held:
    """Load a model, with its settings, into an Ollama that is not ours; where it was not loaded before, it is unloaded in the end.

    Raises: ServingError when it cannot be loaded.
    """
    root, name, options = root_of(endpoint.base_url), endpoint.served_model, options_of(treatment)
    is_ours = not _is_loaded(root, name, credential)
    keep_alive = KEPT if is_ours else None
    started = time.perf_counter()
    body = {"model": name, "options": options, "stream": False, **({"keep_alive": keep_alive} if keep_alive else {})}
    say(root, "/api/generate", body, timeout_s=treatment.model.load_timeout_s, credential=credential, hint="look at Ollama's log")
    load_s = time.perf_counter() - started
    told = replace(server, api="ollama", options=options, keep_alive=keep_alive)
    held = replace(endpoint, server=told, load_s=load_s if is_ours else None)
    return Held(held, (lambda: _unload(root, name, credential)) if is_ours else lambda: None)


def _is_loaded(root: str, name: str, credential: str | None) -> bool:
    return _entry(root, name, credential) is not None


def _unload(root: str, name: str, credential: str | None) -> None:
    try:
        say(root, "/api/generate", {"model": name, "keep_alive": 0, "stream": False}, timeout_s=_UNLOAD_S, credential=credential)
    except ServingError:
        return  # Ollama is gone, or lets go of it when its time is over


def _entry(root: str, name: str, credential: str | None) -> dict[str, Any] | None:
    """What `/api/ps` tells of a loaded model."""
    reply = get(f"{root}/api/ps", credential=credential)
    value = reply.value() if isinstance(reply, Reply) and reply.status == 200 else None
    listed = value.get("models") if isinstance(value, dict) else None
    wanted = {name, f"{name}:latest"}
    entries = (entry for entry in (listed[:1000] if isinstance(listed, list) else ()) if isinstance(entry, dict))
    return next((entry for entry in entries if wanted & {str(entry.get("name")), str(entry.get("model"))}), None)


def loaded_at(endpoint: Endpoint, credential: str | None) -> Placement | None:
    """On what a model runs that Ollama has loaded; None of any other server, or while it is not loaded."""
    entry = _told(endpoint, credential)
    return from_ollama({"models": [entry]}, endpoint.served_model) if entry is not None else None


def context_told(endpoint: Endpoint, credential: str | None) -> int | None:
    """The context of a model that Ollama has loaded, as newer versions tell it. Unit: tokens."""
    told = (_told(endpoint, credential) or {}).get("context_length")
    return told if type(told) is int and 0 < told < 2**31 else None


def _told(endpoint: Endpoint, credential: str | None) -> dict[str, Any] | None:
    is_ollama = endpoint.server is not None and endpoint.server.dialect == DIALECT
    return _entry(root_of(endpoint.base_url), endpoint.served_model, credential) if is_ollama else None


def say(  # noqa: PLR0913 - each is a part of one request
    root: str, path: str, body: dict[str, Any], *, timeout_s: float, method: str = "POST", credential: str | None = None, hint: str | None = None
) -> None:
    """Ask for something that takes its time, and wait until it is done. Raises: ServingError with Ollama's words."""
    hint = hint or "look at its log in the run folder's logs/"
    for line in answer_lines(root, path, body, timeout_s=timeout_s, method=method, credential=credential, hint=hint):
        if "error" in line:
            raise refusal(f"Ollama's {path} says: {line['error']}", credential, hint)


def refusal(message: str, credential: str | None, hint: str, *, state: str = "failed") -> ServingError:
    """Words of Ollama's as an error: bounded, in one line, without the key."""
    words = " ".join(message.replace(credential, "***").split()) if credential else " ".join(message.split())
    return ServingError(words[:400], hint=hint, state="unavailable" if state == "unavailable" else "failed")


def answer_lines(  # noqa: PLR0913 - each is a part of one request
    root: str, path: str, body: dict[str, Any], *, timeout_s: float, hint: str, method: str = "POST", credential: str | None = None
) -> Iterator[dict[str, Any]]:
    """The JSON objects of an answer, line by line; an error answer is one of them. `timeout_s`: between two pieces of it."""
    parts = urlsplit(root)
    made = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = made(parts.hostname or "", parts.port, timeout=timeout_s)
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {credential}"} if credential else {})}
    try:
        connection.request(method, f"{parts.path}{path}", body=json.dumps(body), headers=headers)
        answer = connection.getresponse()
        while line := answer.readline(_MOST_LINE):
            try:
                value = json.loads(line)
            except (ValueError, RecursionError):
                value = None
            if isinstance(value, dict):
                yield value
        if answer.status >= 400:
            yield {"error": f"it answered {answer.status}"}
    except (OSError, http.client.HTTPException) as error:
        raise refusal(f"Ollama's {path} broke off: {error or type(error).__name__}", credential, hint) from error
    finally:
        connection.close()

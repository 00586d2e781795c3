"""A `Request` to the body of a call of Ollama's own chat API.

Source: docs.ollama.com/api/chat and /modelfile (options), and of `truncate` and `shift` the comments of Ollama's `api/types.go`, read 2026-11-23.
"""

import secrets
from typing import Any

from bench.records.plan import Request
from bench.records.serving import Endpoint

PATH = "/api/chat"


def ollama_body(request: Request, endpoint: Endpoint) -> dict[str, Any]:
    """The call's JSON body but for the seed, which goes into `options`: they stand last. Settings that the request leaves open are left out.

    The options that say how the model is served stand in each request, as Ollama loads the model anew when they change. A prompt that does not fit
    into the context is refused, in the place of being cut without a word. Whether a model thinks is left to it. `cache: bypass` is a random line
    before the first message, about ten prompt tokens more.
    """
    generation, server = request.generation, endpoint.server
    messages = [{"role": message.role, "content": message.content} for message in request.messages]
    if request.cache == "bypass" and messages:
        messages[0]["content"] = f"[{secrets.token_hex(8)}]\n{messages[0]['content']}"
    sampling = {
        "temperature": generation.temperature,
        "top_p": generation.top_p,
        "num_predict": generation.max_tokens,
        "stop": list(generation.stop) or None,
    }
    return {
        **opening(endpoint),
        "messages": messages,
        "stream": generation.stream,
        "options": {**(server.options if server else {}), **{name: value for name, value in sampling.items() if value is not None}},
    }


def opening(endpoint: Endpoint) -> dict[str, Any]:
    """What every call of this model begins with."""
    keep_alive = endpoint.server.keep_alive if endpoint.server is not None else None
    held = {"keep_alive": keep_alive} if keep_alive is not None else {}
    return {"model": endpoint.served_model, "truncate": False, "shift": False, **held}

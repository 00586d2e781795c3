"""A `Request` to the body of a chat completion call."""

import secrets
from typing import Any

from bench.providers.dialects import dialect_of
from bench.records.plan import Request
from bench.records.serving import Endpoint


def chat_body(request: Request, endpoint: Endpoint, seed: int | None) -> dict[str, Any]:
    """The call's JSON body. Settings that the request leaves open are left out, so that the server's defaults hold.

    What OpenAI does not document is asked in the server's dialect (`dialects.py`): `ignore_eos` where it has it, and `cache: bypass` by
    `cache_prompt: false` (llama.cpp) or a fresh `cache_salt` (vLLM). Elsewhere a line with a random number goes in front of the first message: about
    ten prompt tokens more, and no common prefix. A server that bench started and nobody looked at gets both fields. `Usage.cached_tokens` says what
    the server did in the end.
    """
    generation = request.generation
    messages = [{"role": message.role, "content": message.content} for message in request.messages]
    body: dict[str, Any] = {"model": endpoint.served_model, "messages": messages, "stream": generation.stream}
    if generation.stream:
        body["stream_options"] = {"include_usage": True}
    optional = {
        "temperature": generation.temperature,
        "top_p": generation.top_p,
        "max_tokens": generation.max_tokens,
        "seed": seed,
        "stop": list(generation.stop) or None,
        "ignore_eos": generation.ignore_eos if endpoint.server is None or dialect_of(endpoint.server).ignore_eos else None,
    }
    body |= {name: value for name, value in optional.items() if value is not None}
    if request.cache == "bypass":
        nonce = secrets.token_hex(8)
        fields = {"cache_prompt": False, "cache_salt": nonce}
        if endpoint.server is not None:
            fields = {name: value for name, value in fields.items() if name == dialect_of(endpoint.server).bypass}
        elif not endpoint.owned:
            fields = {}
        body |= fields
        if messages and not fields:
            messages[0]["content"] = f"[{nonce}]\n{messages[0]['content']}"
    return body

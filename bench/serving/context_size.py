"""How many tokens one request may have, as far as its server says: llama.cpp (`/props`, `meta.n_ctx`), vLLM (`max_model_len`), Ollama and others."""

from typing import Any
from urllib.parse import urlsplit, urlunsplit

from bench.records.serving import Endpoint
from bench.serving.ollama import context_told
from bench.serving.probe import Reply, get

_KEYS = ("max_model_len", "context_length", "context_window", "max_context_length", "n_ctx")


def context_of(endpoint: Endpoint, credential: str | None, *, within_s: float = 2.0) -> int | None:
    """Tokens of prompt and answer together; None when the server does not say. A slot's share where the server divides its context."""
    if endpoint.server is not None and endpoint.server.dialect == "ollama":
        return endpoint.server.options.get("num_ctx") or context_told(endpoint, credential)
    parts = urlsplit(endpoint.base_url)
    root = urlunsplit((parts.scheme, parts.netloc, "", "", ""))
    props = get(f"{root}/props", credential=credential, within_s=within_s)
    if (told := _whole(_at(_at(_value(props), "default_generation_settings"), "n_ctx"))) is not None:
        return told
    listed = _at(_value(get(f"{endpoint.base_url}/models", credential=credential, within_s=within_s)), "data")
    for entry in listed if isinstance(listed, list) else ():
        if _at(entry, "id") == endpoint.served_model:
            return next((n for where in (entry, _at(entry, "meta")) for key in _KEYS if (n := _whole(_at(where, key))) is not None), None)
    return None


def _value(reply: object) -> Any:
    return reply.value() if isinstance(reply, Reply) and reply.status == 200 else None


def _at(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _whole(value: Any) -> int | None:
    return value if type(value) is int and 0 < value < 2**31 else None

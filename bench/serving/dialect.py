"""Which software answers at an address, and so in which dialect it is spoken to: asked by the harmless GETs that each server documents.

First the list of models, which is asked for anyway, is looked at: many servers sign it (`owned_by`), or their answers (`Server:`). What it hints at
is asked to confirm itself. Without a hint every server known here is asked for, but only on this machine or in its network: a hosted service is not
knocked at for what it is not. Nothing goes to any other host, redirects are not followed, and all of it takes at most `WITHIN_S`.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_address
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from msgspec.structs import replace

from bench.errors import ServingError
from bench.records.servers import SERVERS
from bench.records.serving import Server, root_of
from bench.records.spec import ModelSpec
from bench.serving.probe import Reply, get

WITHIN_S = 4.0
_EACH_S = 1.5
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+_() -]{0,79}")
_NEAR = re.compile(r"localhost|[^.]+|.*\.(?:local|lan|home|internal|home\.arpa|localhost)", re.IGNORECASE)
Ask = Callable[[str], Any]
"""The JSON (or text) that a path of the server answers with 200; None when it does not."""


class Known(NamedTuple):
    """A server: what it is called, how its list of models is signed, and how it confirms itself: (version, evidence), or None."""

    name: str
    signed: tuple[str, ...]
    confirm: Callable[[Ask], tuple[str | None, str] | None]


def _llama_cpp(ask: Ask) -> tuple[str | None, str] | None:
    """Source: llama.cpp, tools/server/README.md, `GET /props`."""
    props = ask("/props")
    if isinstance(props, dict) and isinstance(props.get("default_generation_settings"), dict) and "total_slots" in props:
        return _version(props.get("build_info")), "GET /props"
    return None


def _vllm(ask: Ask) -> tuple[str | None, str] | None:
    """Source: docs.vllm.ai, `GET /version`; the names of its metrics. Other servers have a `/version`, too, so both must be there."""
    told = ask("/version")
    if isinstance(told, dict) and "version" in told and isinstance(metrics := ask("/metrics"), str) and "vllm:" in metrics:
        return _version(told["version"]), "GET /version and /metrics"
    return None


def _sglang(ask: Ask) -> tuple[str | None, str] | None:
    """Source: docs.sglang.io, native APIs: `/server_info`, before `/get_server_info`."""
    for path in ("/server_info", "/get_server_info"):
        told = ask(path)
        if isinstance(told, dict) and "version" in told and {"tp_size", "model_path"} & told.keys():
            return _version(told["version"]), f"GET {path}"
    return None


def _ollama(ask: Ask) -> tuple[str | None, str] | None:
    """Source: docs.ollama.com/api, `GET /api/version` and `/api/ps`. Servers that imitate its API do not say that Ollama is running."""
    told = ask("/api/version")
    if isinstance(told, dict) and "version" in told and isinstance(hello := ask("/"), str) and hello.strip() == "Ollama is running":
        return _version(told["version"]), "GET /api/version and /"
    return None


def _lm_studio(ask: Ask) -> tuple[str | None, str] | None:
    """Source: lmstudio.ai/docs, REST API v0, `GET /api/v0/models`. It tells no version."""
    told = ask("/api/v0/models")
    listed = told.get("data") if isinstance(told, dict) else None
    first = listed[0] if isinstance(listed, list) and listed else None
    return (None, "GET /api/v0/models") if isinstance(first, dict) and {"state", "compatibility_type"} <= first.keys() else None


def _tgi(ask: Ask) -> tuple[str | None, str] | None:
    """Source: huggingface.co/docs/text-generation-inference, `GET /info`."""
    told = ask("/info")
    if isinstance(told, dict) and {"model_id", "version", "max_concurrent_requests"} <= told.keys():
        return _version(told["version"]), "GET /info"
    return None


def _foundry(ask: Ask) -> tuple[str | None, str] | None:
    """Source: learn.microsoft.com, Foundry Local REST reference, `GET /openai/status`; the services of its SDK answer at `/status` in other words."""
    for path in ("/openai/status", "/status"):
        told = ask(path)
        keys = {str(key).lower() for key in told} if isinstance(told, dict) else set()
        if "endpoints" in keys and keys & {"modeldirpath", "modelcachepath"}:
            return _version(told.get("version")), f"GET {path}"
    return None


def _by_title(title: str) -> Callable[[Ask], tuple[str | None, str] | None]:
    """Servers that say who they are in the description of their API only."""

    def confirm(ask: Ask) -> tuple[str | None, str] | None:
        for path in ("/openapi.json", "/api-doc/openapi.json"):
            told = ask(path)
            info = told.get("info") if isinstance(told, dict) else None
            if isinstance(info, dict) and title in str(info.get("title", "")).lower():
                return _version(info.get("version")), f"GET {path}"
        return None

    return confirm


KNOWN: Mapping[str, Known] = {
    "llama.cpp": Known("llama.cpp", ("llamacpp", "llama.cpp", "llamafile", "llamafiler"), _llama_cpp),
    "ollama": Known("Ollama", ("library",), _ollama),
    "vllm": Known("vLLM", ("vllm",), _vllm),
    "lm-studio": Known("LM Studio", ("organization_owner",), _lm_studio),
    "sglang": Known("SGLang", ("sglang",), _sglang),
    "tgi": Known("Text Generation Inference", (), _tgi),
    "foundry-local": Known("Foundry Local", ("microsoft",), _foundry),
    "llama-cpp-python": Known("llama-cpp-python", ("me",), _by_title("llama.cpp python api")),
    "mistralrs": Known("mistral.rs", ("local",), _by_title("mistral.rs")),
}
"""The dialects, by the name that a spec may force (`dialect:`), in the order in which they are asked."""
PLAIN = "openai"
"""The dialect of which nothing is taken for granted beyond what OpenAI documents."""


def server_at(base_url: str, *, credential: str | None, listing: Reply | None, forced: str | None = None) -> Server:
    """The software behind a base URL. `listing`: its answer to `GET /models`, where there is one; `forced`: the spec's word for the dialect.

    Raises: ServingError when the spec forces a dialect that nobody knows.
    """
    if forced == PLAIN:
        return Server(name="not asked", dialect=PLAIN, evidence="`dialect:` of the spec")
    if forced is not None and forced not in KNOWN:
        hint = f"known are: {', '.join((PLAIN, *KNOWN))}"
        raise ServingError(f"nobody knows a dialect {forced!r}", hint=hint, state="unavailable")
    ask = _asking(base_url, credential)
    for dialect in (forced,) if forced is not None else _suspects(base_url, listing):
        known = KNOWN[dialect]
        if (found := known.confirm(ask)) is not None:
            return _signed(Server(name=known.name, version=found[0], dialect=dialect, evidence=found[1]), listing)
    if forced is not None:
        return Server(name=KNOWN[forced].name, dialect=forced, evidence="`dialect:` of the spec; the server did not confirm it")
    return Server(name="unknown", dialect=PLAIN, evidence="no server known here answered as itself")


def server_started(model: ModelSpec, told: Server) -> Server:
    """The software that an entry with `server:` started: what it tells of itself, else what the spec calls it."""
    kind = SERVERS.get(model.server or "")
    if told.dialect != PLAIN or kind is None or model.dialect is not None:
        return told
    return Server(name=kind.title, dialect=PLAIN, evidence="`server:` of the spec; it does not say what it is")


def _signed(server: Server, listing: Reply | None) -> Server:
    """A llamafile is llama.cpp with a name and a version of its own, which its answers are signed with."""
    name, _, version = listing.server.partition("/") if listing is not None else ("", "", "")
    if server.dialect == "llama.cpp" and name.lower() in {"llamafile", "llamafiler"}:
        return replace(server, name="llamafile", version=_version(version) or server.version, evidence=f"{server.evidence}, `Server:`")
    return server


def is_near(base_url: str) -> bool:
    """Whether an address is on this machine or in a network of one's own, by its look: nothing is looked up."""
    host = urlsplit(base_url).hostname or ""
    try:
        return not ip_address(host).is_global
    except ValueError:
        return _NEAR.fullmatch(host) is not None


def is_here(base_url: str) -> bool:
    """Whether an address is on this machine, by its look."""
    host = urlsplit(base_url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost" or host.lower().endswith(".localhost")


def _suspects(base_url: str, listing: Reply | None) -> Iterator[str]:
    """The dialects to ask about: those that the list of models hints at, and near by all others."""
    signs = set(_signs(listing)) if listing is not None else set()
    hinted = [dialect for dialect, known in KNOWN.items() if signs & set(known.signed)]
    yield from hinted
    if is_near(base_url):
        yield from (dialect for dialect in KNOWN if dialect not in hinted)


def _signs(listing: Reply) -> Iterator[str]:
    yield listing.server.lower().partition("/")[0]
    value = listing.value()
    listed = value.get("data") if isinstance(value, dict) else None
    for entry in listed[:50] if isinstance(listed, list) else ():
        if isinstance(entry, dict) and isinstance(owner := entry.get("owned_by"), str):
            yield owner.lower()


def _asking(base_url: str, credential: str | None) -> Ask:
    """Asks each path at most once, until the time is over."""
    root, until = root_of(base_url), time.monotonic() + WITHIN_S
    known: dict[str, Any] = {}

    def ask(path: str) -> Any:
        if path not in known:
            left = until - time.monotonic()
            reply = get(f"{root}{path}", credential=credential, within_s=min(_EACH_S, left)) if left > 0 else None
            known[path] = None
            if isinstance(reply, Reply) and reply.status == 200:
                value = reply.value()
                known[path] = value if isinstance(value, dict) else reply.body.decode(errors="replace")
        return known[path]

    return ask


def _version(value: object) -> str | None:
    """A version as it may be shown; None for what is none."""
    return value if isinstance(value, str) and _VERSION.fullmatch(value) is not None else None

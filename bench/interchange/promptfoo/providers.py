"""promptfoo's providers as models of a spec: those that speak the OpenAI chat API, which is what `runtime: external` asks."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import msgspec

from bench.interchange.findings import SECRET, Findings, Spot, quoted
from bench.interchange.naming import Names
from bench.interchange.promptfoo.reading import CODE, DATA, Config
from bench.interchange.promptfoo.templates import environment_names, is_template

# Family -> (address with its variable, variable of the key). Source: promptfoo.dev/docs/providers, read in version 0.121.20.
_FAMILIES = {
    "openai": ("${OPENAI_BASE_URL:-https://api.openai.com/v1}", "OPENAI_API_KEY"),
    "ollama": ("${OLLAMA_BASE_URL:-http://localhost:11434}/v1", None),
    "localai": ("${LOCALAI_BASE_URL:-http://localhost:8080/v1}", None),
    "llama": ("${LLAMA_BASE_URL:-http://localhost:8080}/v1", None),
    "vllm": ("${VLLM_BASE_URL:-http://localhost:8000/v1}", None),
    "docker": ("${DOCKER_MODEL_RUNNER_BASE_URL:-http://localhost:12434}/engines/v1", None),
    "openrouter": ("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    "groq": ("https://api.groq.com/openai/v1", "GROQ_API_KEY"),
    "mistral": ("https://api.mistral.ai/v1", "MISTRAL_API_KEY"),
    "deepseek": ("https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
    "togetherai": ("https://api.together.xyz/v1", "TOGETHER_API_KEY"),
    "fireworks": ("https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY"),
    "cerebras": ("https://api.cerebras.ai/v1", "CEREBRAS_API_KEY"),
    "xai": ("https://api.x.ai/v1", "XAI_API_KEY"),
}
_ENDINGS = ("/chat/completions", "/completions")
_KINDS = {"chat", "completion", "embedding", "embeddings", "image", "assistant", "responses", "realtime", "moderation", "speech", "transcription"}
SENT = {key: key for key in ("temperature", "top_p", "max_tokens", "seed", "stop")} | {"max_completion_tokens": "max_tokens"}
_BEARER = re.compile(r"Bearer\s+\{\{\s*env\.([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")
_IN_ENVIRONMENT = re.compile(r"\{\{\s*env\.([A-Za-z_][A-Za-z0-9_]*)\s*\}\}|\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_READ_OF_ALL = {"apiBaseUrl", "apiHost", "apiKeyEnvar", "model", "modelName"}
_READ_BY_ADDRESS = {"url", "body", "headers", "method"}  # of a provider that is an address
_NAMED_KEY = "name the key's variable: `api_key: {env: NAME}`"
_ECHO = {"runtime": "external", "base_url": "${ECHO_BASE_URL:-http://localhost:8080/v1}", "model": "echo"}


class Model(msgspec.Struct, frozen=True):
    """A model of the spec, and what its provider's settings (at `settings`) ask to be sent."""

    entry: dict[str, Any]
    generation: dict[str, Any]
    spot: Spot
    settings: Spot


def models(config: Config) -> list[Model]:
    """The models of a configuration, in order; providers that have no counterpart are left out with a finding."""
    names = Names("model")
    return [made for spot in _listed(config) if (made := model(spot, config.findings, names)) is not None]


def _listed(config: Config) -> Iterator[Spot]:
    """Each provider's own place: files are opened."""
    key = "providers" if "providers" in config.root.value else "targets"
    for spot in config.root.at(key).items():
        name = config.file_named(spot.value)
        if name is None or name.endswith(CODE):
            yield spot
        elif not name.endswith(DATA):
            config.findings.left_out(spot, f"the provider {quoted(name)} is no data", "name a provider that bench can ask")
        elif (inner := config.data(name, spot)) is not None:
            yield from inner.items()


def model(spot: Spot, findings: Findings, names: Names) -> Model | None:
    """One provider as a model; None with a finding when it has no counterpart."""
    given, where = spot.value, spot
    options: dict[str, Any] = {}
    if isinstance(given, dict) and "id" not in given and len(given) == 1:  # {"openai:chat:gpt-4o": {config: …}}
        where = spot.at(next(iter(given)))
        given, options = next(iter(given)), _mapping(where.value)
    elif isinstance(given, dict):
        options = given
        given = given.get("id")
    if not isinstance(given, str) or not given.strip():
        findings.left_out(spot, "this provider has no name", "write `id: openai:chat:MODEL` or the like")
        return None
    settings = _mapping(options.get("config"))
    at = where.at("config") if options else spot
    entry = _entry(given.strip(), settings, spot, findings)
    if entry is None:
        return None
    generation = _settings(settings, at, findings, is_by_address=given.strip().startswith("http"))
    for key in options.keys() - {"id", "label", "config"}:
        _unknown_option(key, where, findings)
    label = options.get("label") if isinstance(options.get("label"), str) else None
    name = names.of(label or str(entry.get("model") or given))
    described = {"description": f"promptfoo: {given}"} if label and label != name else {}
    return Model({"id": name, **entry, **described}, generation, spot, at)


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _entry(given: str, settings: dict[str, Any], spot: Spot, findings: Findings) -> dict[str, Any] | None:
    """Runtime, address, model and key; None when bench has no way to ask this provider."""
    family, _, rest = given.partition(":")
    if given == "echo":
        hint = "set ECHO_BASE_URL to a server that answers with what it was asked, or put a real model in its place"
        findings.differs(spot, "promptfoo's `echo` answers by itself; here a server must do so", hint)
        return dict(_ECHO)
    if given.startswith(("http://", "https://")) or family in {"http", "https"}:
        return _by_address(given, settings, spot, findings)
    if given.startswith("file://") or family in {"python", "exec", "golang", "ruby"} or given.endswith(CODE):
        findings.left_out(spot, f"the provider {quoted(given)} is code, and an import runs none", "serve it with an OpenAI-compatible API")
        return None
    if family not in _FAMILIES:
        hint = "bench asks OpenAI-compatible servers: where it has such an address, add it as `runtime: external`"
        findings.left_out(spot, f"the provider {quoted(given)} has no counterpart", hint)
        return None
    return _of_family(family, rest, settings, spot, findings)


def _of_family(family: str, rest: str, settings: dict[str, Any], spot: Spot, findings: Findings) -> dict[str, Any] | None:
    base_url, key = _FAMILIES[family]
    kind, _, name = rest.partition(":")
    if kind not in _KINDS:
        kind, name = "chat", rest
    if kind == "completion":
        findings.differs(spot, "a completion provider is asked through the chat API, which sets the prompt into the model's chat template")
    elif kind != "chat":
        findings.left_out(spot, f"{quoted(f'{family}:{kind}')} is no chat model", "bench measures chat completions")
        return None
    asked = settings.get("apiBaseUrl") or (f"https://{settings['apiHost']}/v1" if isinstance(settings.get("apiHost"), str) else None)
    if isinstance(asked, str) and (base_url := _address(asked, spot, findings)) == "":
        return None
    variable = settings.get("apiKeyEnvar")
    key = variable if isinstance(variable, str) and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", variable) else key
    if isinstance(given := settings.get("apiKey"), str) and (named := _IN_ENVIRONMENT.fullmatch(given.strip())):
        key = named.group(1) or named.group(2)
    name = name or str(settings.get("model") or settings.get("modelName") or "default")
    return {"runtime": "external", "base_url": base_url, "model": environment_names(name)} | ({"api_key": {"env": key}} if key else {})


def _address(text: str, spot: Spot, findings: Findings) -> str:
    """A base address, with names of the environment; empty with a finding when it cannot stand in a spec."""
    address = environment_names(text.strip()).rstrip("/")
    parts = urlsplit(address) if "${" not in address else None
    if is_template(address) or (parts is not None and (parts.scheme not in {"http", "https"} or not parts.hostname)):
        findings.left_out(spot, "this provider is left out: its address is no http(s) address", "write `base_url` in the spec")
        return ""
    if parts is not None and (parts.username or parts.password or parts.query):
        what = "this provider is left out: its address holds credentials or a query"
        findings.left_out(spot, what, _NAMED_KEY, code=SECRET)
        return ""
    return address


def _by_address(given: str, settings: dict[str, Any], spot: Spot, findings: Findings) -> dict[str, Any] | None:
    """The generic HTTP provider, where it asks an OpenAI-compatible server."""
    asked = given if "://" in given else settings.get("url")
    address = _address(str(asked or ""), spot, findings)
    if not address:
        return None
    ending = next((one for one in _ENDINGS if address.endswith(one)), None)
    body = settings.get("body") if isinstance(settings.get("body"), dict) else {}
    if ending != _ENDINGS[0] or not isinstance(body, dict):
        hint = "where the server also speaks the OpenAI chat API, add it as `runtime: external` with its `base_url`"
        findings.left_out(spot, "an HTTP provider with a protocol of its own has no counterpart", hint)
        return None
    if "body" in settings:
        findings.differs(spot, "what is sent is bench's own chat request, not the provider's `body`", "its settings go to `generation`")
    headers = _mapping(settings.get("headers"))
    key, rest = None, []
    for header, value in headers.items():
        bearer = _BEARER.fullmatch(value.strip()) if header.lower() == "authorization" and isinstance(value, str) else None
        if bearer is not None:
            key = bearer
        elif (header.lower(), value) != ("content-type", "application/json"):
            rest.append(header)
    if rest:
        what = f"headers are not carried over: they may hold secrets ({', '.join(map(quoted, rest[:5]))})"
        findings.left_out(spot.at("config", "headers"), what, _NAMED_KEY, code=SECRET)
    name = body.get("model") if isinstance(body.get("model"), str) else "default"
    entry = {"runtime": "external", "base_url": address.removesuffix(ending), "model": environment_names(str(name))}
    return entry | ({"api_key": {"env": key.group(1)}} if key else {})


def _settings(settings: dict[str, Any], spot: Spot, findings: Findings, *, is_by_address: bool) -> dict[str, Any]:
    """What of a provider's `config` goes to `generation`; everything else that matters is left out with a finding."""
    generation: dict[str, Any] = {}
    for key, value in settings.items():
        if key in _READ_OF_ALL or (is_by_address and key in _READ_BY_ADDRESS):
            continue
        if key == "headers":
            findings.left_out(spot.at(key), "headers are not carried over: they may hold secrets", _NAMED_KEY, code=SECRET)
        elif key == "apiKey":
            if not (isinstance(value, str) and _IN_ENVIRONMENT.fullmatch(value.strip())):
                hint = "put it into the environment; the spec names the variable"
                findings.left_out(spot.at(key), "a key is written here; specs hold no secrets", hint, code=SECRET)
        elif key in SENT and _is_sendable(SENT[key], value):
            generation[SENT[key]] = value
        else:
            findings.left_out(spot.at(key), f"the provider's setting {quoted(key)} has no counterpart", "bench sends only what `generation` names")
    return generation


def _is_sendable(key: str, value: Any) -> bool:
    if key == "stop":
        return isinstance(value, list) and bool(value) and all(isinstance(one, str) and one for one in value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    bounds = {"temperature": (0, 100), "top_p": (1e-9, 1), "max_tokens": (1, 2**31), "seed": (0, 2**32 - 1)}[key]
    return bounds[0] <= value <= bounds[1] and (isinstance(value, int) or key in {"temperature", "top_p"})


def _unknown_option(key: str, spot: Spot, findings: Findings) -> None:
    what, hint = {
        "prompts": ("which prompts a provider gets is not carried over: every model is asked every prompt", "choose with `--only` and `--skip`"),
        "transform": ("`transform` is code, and an import runs none", "check the answer as it is"),
        "delay": ("`delay` between calls has no counterpart", "`load: {kind: constant, rate: …}` paces requests"),
        "env": ("`env` is not carried over: it may hold secrets", "set the variables where bench runs"),
    }.get(key, (f"the provider's {quoted(key)} has no counterpart", None))
    findings.left_out(spot.at(key), what, hint, code=SECRET if key == "env" else "not-carried-over")

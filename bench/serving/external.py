"""A server that already runs and speaks the OpenAI API. Nothing is started and nothing ended.

It is asked for its models once, within 2 s, and then what software it is (`dialect.py`).

No proxy of the environment is used, here or by the measuring client: a proxy would be part of what is measured. With `client: openai-sdk` requests do
go by it; then a server that does not answer directly is taken at its word, and its first answers show whether it is there.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from urllib.parse import urlsplit, urlunsplit

from msgspec.structs import replace

from bench.errors import ServingError
from bench.protocols import Served, ServingContext
from bench.records.plan import Treatment
from bench.records.serving import Endpoint, ServingFacts
from bench.records.spec import ModelSpec
from bench.serving.context_size import context_of
from bench.serving.dialect import is_here, server_at
from bench.serving.gpu_words import wanted_gpu
from bench.serving.ollama import Held, hold, loaded_at, speaks_native
from bench.serving.placement import first, from_machine, settled
from bench.serving.probe import Reply, Silence, get, model_ids
from bench.serving.process_tree import listener

_WITHIN_S = 2.0
# What forwards a port to another machine: what this one has says nothing about the server.
_TUNNEL = re.compile(r"(?:auto)?sshd?\b|plink|putty|kubectl|socat|cloudflared|tailscaled|ngrok|chisel|frpc|gost|wstunnel|stunnel", re.IGNORECASE)
_SHOWN = 12


class External:
    """The runtime `external`."""

    def serve(self, treatment: Treatment, context: ServingContext) -> Served:
        """Ask the server whether it is there, lets us in and knows the model."""
        model = treatment.model
        base_url = normalise(model.base_url, model.id)
        credential = read_credential(model, context.environ)
        reply = get(f"{base_url}/models", credential=credential, within_s=_WITHIN_S)
        if isinstance(reply, Silence):
            proxy = proxy_name(base_url, context.environ)
            if proxy is None or not context.uses_proxies:
                raise _silent(base_url, reply, proxy)
            note = f"reached by the proxy that {proxy} names: its list of models was not asked for, and times contain the proxy's"
            return ServedElsewhere(Endpoint(base_url=base_url, served_model=model.model or model.id, owned=False), credential, (note,))
        served_model, notes = choose(reply, model, base_url, has_key=credential is not None)
        server = server_at(base_url, credential=credential, listing=reply, forced=model.dialect)
        endpoint = Endpoint(base_url=base_url, served_model=served_model, owned=False, server=server)
        held = hold(endpoint, server, treatment, credential) if speaks_native(server, context) else Held(endpoint, _goes_on)
        try:
            return _placed(treatment, held, credential, notes)
        except BaseException:
            held.end()
            raise


def _goes_on() -> None:
    """What is to be done with a server that is not ours, and that was told nothing."""


def _placed(treatment: Treatment, held: Held, credential: str | None, notes: tuple[str, ...]) -> Served:
    """With what shows where it runs. Raises: ServingError when that is elsewhere than the spec demands."""
    endpoint = held.endpoint
    looks = (lambda: loaded_at(endpoint, credential), lambda: None if _is_elsewhere(endpoint.base_url) else from_machine())
    placed = settled(wanted_gpu(treatment), first(*looks))
    notes = (*notes, *_unheeded(treatment, endpoint, credential), *placed.notes)
    return ServedElsewhere(replace(endpoint, device=placed.device, placement=placed.placement), credential, notes, held.end)


def _is_elsewhere(base_url: str) -> bool:
    """Whether the model runs on another machine, as far as it shows: a tunnel listens here for a server there."""
    parts = urlsplit(base_url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return not is_here(base_url) or ((found := listener(port)) is not None and _TUNNEL.match(found[1]) is not None)


def _unheeded(treatment: Treatment, endpoint: Endpoint, credential: str | None) -> Iterator[str]:
    """What the spec says of serving and a server that already runs cannot be told: its row must not look as if it had been."""
    if endpoint.api == "ollama":
        if treatment.gpu is not None and treatment.gpu.devices:
            yield "`devices:` of `gpu:` are not passed on: Ollama sees those that it was started with"
        return
    if treatment.threads is not None:
        yield f"`threads: {treatment.threads}` is not passed on: the server keeps what it was started with"
    if treatment.context is not None and (told := context_of(endpoint, credential)) != treatment.context:
        has = f"it has {told:,}" if told is not None else "it does not say what it has"
        yield f"`context: {treatment.context}` is not passed on: the server keeps what it was started with; {has}"
    gpu = treatment.gpu
    if gpu is not None and (gpu.devices or gpu.layers is not None):
        yield "`layers:` and `devices:` of `gpu:` are not passed on: the server keeps what it was started with"


class ServedElsewhere:
    """A server that is not ours."""

    def __init__(self, endpoint: Endpoint, credential: str | None, notes: tuple[str, ...], end: Callable[[], None] = _goes_on) -> None:
        """Note where it is. `end` lets go of what was loaded for this treatment."""
        self._end = end
        self.endpoint = endpoint
        self.credential = credential
        self._notes = notes

    def facts(self) -> ServingFacts:
        """Nothing but notes: its memory is not ours to read."""
        return ServingFacts(notes=self._notes)

    def death(self) -> str | None:
        """Not known of a process that is not ours."""
        return None

    def close(self) -> None:
        """Let go of the model where it was loaded for this treatment. The server goes on running."""
        end, self._end = self._end, _goes_on
        end()


def normalise(base_url: str | None, model_id: str) -> str:
    """The base URL without a trailing slash, query or fragment.

    Raises: ServingError when there is none or it is no http address; credentials in it are refused, because URLs are shown and stored.
    """
    if not base_url:
        raise ServingError(
            f"model {model_id!r} has no `base_url:`", hint="add the server's address, e.g. http://localhost:8000/v1", state="unavailable"
        )
    try:
        parts = urlsplit(base_url.strip())
        port_is_number = parts.port is None or parts.port > 0
    except ValueError:
        parts, port_is_number = urlsplit(""), False
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_is_number:
        raise ServingError(f"`base_url` of model {model_id!r} is no http address", hint="e.g. http://localhost:8000/v1", state="unavailable")
    if parts.username or parts.password:
        hint = "put the key into the environment and name it with `api_key: {env: NAME}`"
        raise ServingError(f"`base_url` of model {model_id!r} holds a user or password", hint=hint, state="unavailable")
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))


def read_credential(model: ModelSpec, environ: Mapping[str, str]) -> str | None:
    """The key from the environment, or None when the entry names none.

    Raises: ServingError when the name is not set, or its value cannot be sent.
    """
    if model.api_key is None:
        return None
    name = model.api_key.env
    value = environ.get(name, "").strip()
    if not value:
        raise ServingError(
            f"the key of model {model.id!r} is missing: the environment name {name} is not set", hint=f"export {name}=…", state="unavailable"
        )
    if not value.isascii() or not value.isprintable():
        raise ServingError(f"the value of {name} cannot be sent: it holds characters that no key has", hint=f"set {name} again", state="unavailable")
    return value


def choose(reply: Reply, model: ModelSpec, base_url: str, *, has_key: bool) -> tuple[str, tuple[str, ...]]:
    """The name the server knows the model by, and notes.

    Raises: ServingError when it does not let us in, is no such server, or does not offer the model.
    """
    wanted = model.model
    match reply.status:
        case 200:
            return _from_list(model_ids(reply.value()), model, base_url)
        case 401 | 403:
            raise _shut_out(reply.status, model, base_url, has_key=has_key)
        case 404 | 405 | 501:
            if not urlsplit(base_url).path:
                ask = get(f"{base_url}/v1/models", within_s=_WITHIN_S)
                if isinstance(ask, Reply) and ask.status in {200, 401, 403}:
                    hint = f"set `base_url: {base_url}/v1`"
                    raise ServingError(f"{base_url} has no OpenAI API at this path, but at /v1", hint=hint, state="unavailable")
            return wanted or model.id, (f"{base_url} offers no list of models, so the name was not checked",)
        case status:
            raise ServingError(f"{base_url}/models answers {status}", hint="look at the server's log", state="unavailable")


def _from_list(offered: tuple[str, ...] | None, model: ModelSpec, base_url: str) -> tuple[str, tuple[str, ...]]:
    wanted = model.model
    if offered is None:
        hint = "check `base_url:`; it usually ends in /v1"
        raise ServingError(f"{base_url}/models answers 200, but not with a list of models", hint=hint, state="unavailable")
    if wanted is None and len(offered) == 1:
        return offered[0], ()
    if wanted is None and model.id in offered:
        return model.id, ()
    if wanted is not None and (found := next((name for name in (wanted, f"{wanted}:latest") if name in offered), None)) is not None:
        return found, ()  # Ollama's list has the tag that everyone leaves away
    shown = ", ".join(offered[:_SHOWN]) or "none"
    more = f" and {len(offered) - _SHOWN} more" if len(offered) > _SHOWN else ""
    near = get_close_matches((wanted or model.id).lower(), {name.lower(): name for name in offered}, n=1)
    guess = next((f"did you mean `model: {name}`? " for name in offered if near and name.lower() == near[0]), "")
    asked = f"no model {wanted!r}" if wanted is not None else f"several models and the entry {model.id!r} has no `model:`"
    raise ServingError(f"{base_url} offers {asked}", hint=f"{guess}It offers: {shown}{more}", state="unavailable")


def _shut_out(status: int, model: ModelSpec, base_url: str, *, has_key: bool) -> ServingError:
    if model.api_key is None:
        return ServingError(f"{base_url} wants a key ({status})", hint="name it with `api_key: {env: NAME}`", state="unavailable")
    name = model.api_key.env
    said = f"{base_url} refuses the key in {name} ({status})" if has_key else f"{base_url} wants a key ({status})"
    return ServingError(said, hint=f"check the value of {name}", state="unavailable")


def proxy_name(base_url: str, environ: Mapping[str, str]) -> str | None:
    """The name in the environment that puts a proxy before this address, or None."""
    parts = urlsplit(base_url)
    excepted = next((environ[name] for name in ("no_proxy", "NO_PROXY") if environ.get(name)), "")
    host = f".{parts.hostname or ''}"
    if any(name == "*" or host.endswith(f".{name.lstrip('.').lower()}") for name in map(str.strip, excepted.split(",")) if name):
        return None
    names = (f"{parts.scheme}_proxy", f"{parts.scheme}_proxy".upper(), "all_proxy", "ALL_PROXY")
    return next((name for name in names if environ.get(name)), None)


def _silent(base_url: str, silence: Silence, proxy: str | None) -> ServingError:
    error = _unreached(base_url, silence)
    if proxy is not None:
        by_proxy = f"{proxy} names a proxy, which the measuring client never uses: `client: openai-sdk` goes by it, and times that way"
        error.hint = f"{error.hint}; {by_proxy}"
    return error


def _unreached(base_url: str, silence: Silence) -> ServingError:
    host = urlsplit(base_url).hostname or ""
    match silence.kind:
        case "refused":
            local = host in {"localhost", "127.0.0.1", "::1"}
            hint = (
                "start the server, or correct `base_url:`"
                if local
                else "check host and port, and that the server listens on more than its own loopback"
            )
            return ServingError(f"nothing listens on {base_url}", hint=hint, state="unavailable")
        case "unknown_host":
            return ServingError(f"the host {host!r} is not known here", hint="check `base_url:` and the network", state="unavailable")
        case "timeout":
            hint = "check that the server is up and not busy loading, and that no firewall is in between"
            return ServingError(f"{base_url} does not answer within {_WITHIN_S:g} s", hint=hint, state="unavailable")
        case "tls":
            hint = "use http:// if the server has no TLS, or SSL_CERT_FILE for your own authority"
            return ServingError(f"no secure connection to {base_url}: {silence.detail}", hint=hint, state="unavailable")
        case "other":
            return ServingError(f"{base_url} does not speak HTTP as expected: {silence.detail}", hint="check `base_url:`", state="unavailable")

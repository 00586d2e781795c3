"""What a server offers: its model list, asked once, with words for whatever may go wrong."""

from urllib.parse import urlsplit, urlunsplit

import msgspec

from bench.errors import ServingError, UsageError
from bench.serving.probe import Reply, Silence, get, model_ids

WITHIN_S = 1.0


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """The models of one server. Names are the server's words: untrusted."""

    base_url: str
    models: tuple[str, ...]
    listing: Reply


def base_url(typed: str) -> str:
    """The address as typed, with a scheme, without query or trailing slash.

    Raises: UsageError when it is no http address or holds a password, because addresses are shown.
    """
    full = typed.strip() if "://" in typed else f"http://{typed.strip()}"
    try:
        parts = urlsplit(full)
        valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        raise UsageError("the endpoint is no http address", hint="write it like http://localhost:11434/v1") from None
    if not valid:
        raise UsageError("the endpoint is no http address", hint="write it like http://localhost:11434/v1")
    if parts.username or parts.password:
        raise UsageError("the endpoint holds a user or password", hint="put the key into the environment and name it with --api-key-env")
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))


def offered_models(typed: str, credential: str | None = None, within_s: float = WITHIN_S) -> Offer:
    """The server's list of models, at the address or at its `/v1`.

    Raises: UsageError for an address that is none, ServingError with what to do when there is no list.
    """
    address = base_url(typed)
    places = [address] if urlsplit(address).path.endswith("/v1") else [f"{address}/v1", address]
    answer: Reply | Silence = Silence(kind="other", detail="not asked")
    for place in places:
        answer = get(f"{place}/models", credential=credential, within_s=within_s)
        if isinstance(answer, Silence):
            break
        if answer.status == 200 and (models := model_ids(answer.value())) is not None:
            return Offer(base_url=place, models=models, listing=answer)
        if answer.status not in {404, 405}:
            break
    raise _no_list(address, answer, has_key=credential is not None)


def _no_list(address: str, answer: Reply | Silence, *, has_key: bool) -> ServingError:
    if isinstance(answer, Silence):
        hints = {
            "refused": "nothing listens there: start the server, or correct host and port",
            "unknown_host": "the host's name is not known: correct it",
            "timeout": "the server is busy, or a firewall drops what is sent to it",
            "tls": "try http:// in place of https://, or correct the certificate",
        }
        return ServingError(f"{address} does not answer: {answer.detail}", hint=hints.get(answer.kind), state="unavailable")
    if answer.status in {401, 403}:
        hint = "the key is wrong or may not list models" if has_key else "name the environment variable that holds the key with --api-key-env"
        return ServingError(f"{address} does not let us in (status {answer.status})", hint=hint, state="unavailable")
    said = "answers, but with no list of models" if answer.status == 200 else f"answers {answer.status}"
    return ServingError(f"{address}/models {said}", hint="is it a server with an OpenAI API, and the path right?", state="unavailable")

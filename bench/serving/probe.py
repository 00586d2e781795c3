"""One short question to a server, within a deadline: for preflights and readiness, never for measuring.

Over the standard library and without any proxy: the measuring client uses none either, so what is asked here is what will be measured.
"""

import http.client
import json
import socket
import ssl
import threading
import time
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

_MOST_BYTES = 4 << 20
_SHOWN = 80


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What came back. `server` is how the server signs its answers, where it does and that can be shown."""

    status: int
    body: bytes
    server: str = ""

    def value(self) -> Any:
        """The body as JSON; None when it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


class Silence(msgspec.Struct, frozen=True, kw_only=True):
    """Why nothing came back."""

    kind: Literal["refused", "unknown_host", "timeout", "tls", "other"]
    detail: str


def get(url: str, *, credential: str | None = None, within_s: float = 2.0, method: str = "GET") -> Reply | Silence:
    """The answer to one request, name look-up included, within so many seconds, the credential taken out of it. Redirects are not followed."""
    answers: list[Reply | Silence] = []
    asking = threading.Thread(target=lambda: answers.append(_ask(url, credential, within_s, method)), name="probe", daemon=True)
    asking.start()
    asking.join(within_s)
    return answers[0] if answers else Silence(kind="timeout", detail=f"no answer within {within_s:g} s")


def _ask(url: str, credential: str | None, within_s: float, method: str) -> Reply | Silence:
    until = time.monotonic() + within_s
    parts = urlsplit(url)
    try:
        made = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = made(parts.hostname or "", parts.port, timeout=within_s)
        try:
            headers = {"User-Agent": "bench", "Accept": "application/json", "Connection": "close"}
            if credential is not None:
                headers["Authorization"] = f"Bearer {credential}"
            connection.request(method, parts.path or "/", headers=headers)
            answer = connection.getresponse()
            body = bytearray()
            while len(body) < _MOST_BYTES and time.monotonic() < until and (chunk := answer.read1(65536)):
                body += chunk
            said = answer.getheader("Server", "")[:_SHOWN]
            clean = bytes(body.replace(credential.encode(), b"***")) if credential else bytes(body)
            return Reply(status=answer.status, body=clean, server=said if said.isprintable() and not (credential and credential in said) else "")
        finally:
            connection.close()
    except socket.gaierror as error:
        return Silence(kind="unknown_host", detail=error.strerror or str(error))
    except ConnectionRefusedError:
        return Silence(kind="refused", detail="connection refused")
    except TimeoutError:
        return Silence(kind="timeout", detail=f"no answer within {within_s:g} s")
    except ssl.SSLError as error:
        return Silence(kind="tls", detail=error.reason or str(error))
    except (OSError, http.client.HTTPException, ValueError) as error:
        said = f"{type(error).__name__}: {error}"
        return Silence(kind="other", detail=(said.replace(credential, "***") if credential else said)[:200])


def model_ids(value: Any) -> tuple[str, ...] | None:
    """The ids of an OpenAI model list, bounded and printable; None when it is no such list."""
    listed = value.get("data") if isinstance(value, dict) else None
    if not isinstance(listed, list):
        return None
    return names([item.get("id") for item in listed if isinstance(item, dict)])


def names(value: Any) -> tuple[str, ...]:
    """The plain names in a list that a server sent: text that can be shown, of bearable length and number."""
    listed = value[:1000] if isinstance(value, list) else []
    return tuple(name for name in listed if isinstance(name, str) and 0 < len(name) <= 200 and name.isprintable())

"""A server's refusal to a `Failure`: its kind by status and error text, its words bounded and free of secrets."""

import datetime
import email.utils
import functools
import itertools
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from bench.records.exchange import Failure, FailureKind

_MESSAGE_LIMIT = 500
_NAME_LIMIT = 200
# A shorter key is a placeholder ("EMPTY", "ollama", "lm-studio"), whose letters may well be part of an answer.
_SECRET_LENGTH = 16
_TELLING = 8  # so much of a secret's beginning is not shown either
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
# Words that servers use (llama.cpp, vLLM, OpenAI, Ollama, TGI); compared in lower case.
_CONTEXT_WORDS = (
    "context_length", "context length", "context size", "context window", "exceed_context", "maximum context", "prompt is too long",
    "too many tokens", "too many input tokens", "input is too long", "reduce the length",
)  # fmt: skip
_MEMORY_WORDS = (
    "out of memory",
    "outofmemory",
    "insufficient memory",
    "more system memory",  # Ollama
    "not enough memory",
    "failed to allocate",
    "cudamalloc",
    "cannot allocate memory",
)
_RATE_WORDS = ("rate limit", "rate_limit", "too many requests")
_KEY_WORDS = ("invalid api key", "incorrect api key", "invalid_api_key", "authentication")
_BY_STATUS: dict[int, FailureKind] = {401: "authentication", 403: "authentication", 407: "authentication", 408: "timeout", 429: "rate_limit"}


def clean(text: str, credential: str | None) -> str:
    """A foreign text as one bounded line without control characters and without the credential."""
    line = _CONTROL.sub(" ", text[: 16 * _MESSAGE_LIMIT]).strip()
    if credential:
        line = _without(line, credential)
    return line if len(line) <= _MESSAGE_LIMIT else line[:_MESSAGE_LIMIT] + "…"


def _without(line: str, credential: str) -> str:
    """The line without the credential, and without a beginning of it that was cut off somewhere on the way."""
    line = line.replace(credential, "***")
    start = credential[:_TELLING]
    while len(credential) >= _SECRET_LENGTH and (at := line.find(start)) >= 0:
        n = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(line[at:], credential, strict=False)))
        line = f"{line[:at]}***{line[at + n :]}"
    return line


def said(text: str, credential: str | None) -> str:
    """A model's words, whole, but without a secret that its server put among them."""
    return text.replace(credential, "***") if credential and len(credential) >= _SECRET_LENGTH else text


@functools.lru_cache(maxsize=64)  # a server says the same names again and again
def name(text: str | None, credential: str | None) -> str | None:
    """A name that a server gives something, bounded and free of secrets."""
    return text if text is None else clean(text, credential)[:_NAME_LIMIT]


def from_status(status: int, headers: Mapping[str, str], body: bytes, credential: str | None) -> Failure:
    """The failure that an HTTP status other than 200 stands for."""
    words = error_words(body)
    kind = _kind(status, words.lower())
    message = f"HTTP {status}: {clean(words, credential)}" if words else f"HTTP {status} without a message"
    if 300 <= status < 400:
        message += "; redirects are not followed, name the final address as base_url"
    return Failure(kind=kind, message=message, status=status, retry_after_s=retry_after_s(headers))


def from_error_object(error: Any, credential: str | None) -> Failure:
    """The failure that an error object inside a 200 answer stands for."""
    words = _words(error) or "an error object without a message"
    status = error.get("code") if isinstance(error, dict) else None
    lowered = words.lower()
    kind = _kind(status, lowered) if isinstance(status, int) and 400 <= status < 600 else _kind(None, lowered)
    return Failure(kind=kind, message=f"the server reported an error inside its answer: {clean(words, credential)}", status=200)


def _kind(status: int | None, words: str) -> FailureKind:
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if any(word in words for word in _CONTEXT_WORDS):
        return "context_length"
    if any(word in words for word in _MEMORY_WORDS):
        return "out_of_memory"
    if status is None or status >= 500:
        return _kind_of_words(words) if status is None else "server"
    return "bad_request" if status >= 400 else "protocol"


def _kind_of_words(words: str) -> FailureKind:
    if any(word in words for word in _RATE_WORDS):
        return "rate_limit"
    return "authentication" if any(word in words for word in _KEY_WORDS) else "server"


def error_words(body: bytes) -> str:
    """What a body says is wrong: the message of the usual error objects, else its own text."""
    if not body.strip():
        return ""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return body[: 4 * _MESSAGE_LIMIT].decode("utf-8", errors="replace")
    if isinstance(value, dict):
        for key in ("error", "detail", "message"):
            if key in value and (words := _words(value[key])):
                return words
    return body[: 4 * _MESSAGE_LIMIT].decode("utf-8", errors="replace")


def _words(error: Any) -> str:
    """An error object's message with its type and code, or the text itself."""
    if isinstance(error, str):
        return error
    if not isinstance(error, dict):
        return "" if error is None else str(error)[: 4 * _MESSAGE_LIMIT]
    named = [str(error[key]) for key in ("type", "code") if isinstance(error.get(key), str | int)]
    message = error.get("message")
    text = message if isinstance(message, str) else ""
    return f"{text} ({', '.join(named)})" if named and text else text or ", ".join(named)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """How long the server asks to wait; a date is read against the answer's own Date header. Unit: s."""
    milliseconds = headers.get("retry-after-ms", "")
    if re.fullmatch(r"\d{1,9}(\.\d+)?", milliseconds):
        return float(milliseconds) / 1000
    value = headers.get("retry-after", "")
    if re.fullmatch(r"\d{1,9}(\.\d+)?", value):
        return float(value)
    until, now = _date(value), _date(headers.get("date", ""))
    return max((until - now).total_seconds(), 0.0) if until is not None and now is not None else None


def _date(value: str) -> datetime.datetime | None:
    try:
        found = email.utils.parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=datetime.UTC)

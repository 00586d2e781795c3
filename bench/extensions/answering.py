"""Runtimes and providers of third parties, and the models that they serve."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import msgspec

from bench.clock import Clock
from bench.errors import ExtensionBroke, ServingError
from bench.extensions.guard import Origin, a, attempt, awaited
from bench.extensions.in_process import InProcess
from bench.extensions.stamps import disorder
from bench.protocols import Adapter, Capture, Provider, Runtime, SelfSpoken, Served, ServingContext
from bench.records.exchange import Exchange, Failure, Timing
from bench.records.plan import Request, Treatment
from bench.records.serving import Endpoint, ServingFacts

MADE_S = 30.0
CLOSE_S = 30.0
DEATH_S = 2.0  # asked four times a second while answers are measured
DECODE_S = 10.0
_LATE_S = 5.0  # a provider keeps the time limit of a request itself; this much later it is left behind
_MORE_TO_LOAD_S = 5.0


def runtime(origin: Origin, kind: Any) -> Runtime:
    """The runtime; an adapter is made one.

    Raises: ExtensionBroke.
    """
    made = attempt(origin, "when it was made", kind, limit_s=MADE_S)
    if callable(getattr(made, "serve", None)):
        return GuardedRuntime(origin, made)
    if isinstance(made, Adapter):
        return InProcess(origin, made)
    raise origin.odd(
        "when it was made", made, "an object with `serve(treatment, context)`, or with `load(settings)` and `generate(messages, settings)`"
    )


class GuardedRuntime:
    """A runtime whose trouble is a model that failed."""

    def __init__(self, origin: Origin, made: Any) -> None:
        """Around this runtime."""
        self._origin, self._made = origin, made

    def serve(self, treatment: Treatment, context: ServingContext) -> Served:
        """A model that is ready to answer.

        Raises: ServingError, also where the runtime broke.
        """
        key = treatment.model.api_key
        secrets = (context.environ.get(key.env, ""),) if key is not None else ()
        limit_s = treatment.model.load_timeout_s + _MORE_TO_LOAD_S
        doing = "when it served a model"
        try:
            served = attempt(
                self._origin, doing, lambda: self._made.serve(treatment, context), passes=(ServingError,), limit_s=limit_s, secrets=secrets
            )
            found = attempt(self._origin, doing, lambda: (served.endpoint, served.credential, served.facts, served.death, served.close))
            endpoint, credential, *methods = found
            endpoint = a(self._origin, doing, endpoint, Endpoint)
            if credential is not None and not isinstance(credential, str):
                raise self._origin.odd(doing, type(credential).__name__, "`credential`, a text or None")
            if not all(callable(method) for method in methods):
                raise self._origin.odd(doing, served, "methods `facts`, `death` and `close`")
        except ExtensionBroke as broke:
            raise ServingError(broke.message, hint=broke.hint) from broke
        if urlsplit(endpoint.base_url).scheme not in {"http", "https"} and endpoint.transport == "http":
            endpoint = msgspec.structs.replace(endpoint, transport="other")
        kind = GuardedSelfSpoken if isinstance(served, SelfSpoken) else GuardedServed
        return kind(self._origin, served, endpoint, credential, secrets)


class GuardedServed:
    """A served model whose trouble is a note in its row."""

    def __init__(self, origin: Origin, made: Any, endpoint: Endpoint, credential: str | None, secrets: tuple[str, ...] = ()) -> None:
        """Around this model; `secrets` stand in none of its notes."""
        self._origin, self._made = origin, made
        self._secrets = (*secrets, credential or "")
        self.endpoint, self.credential = endpoint, credential
        self._notes: dict[str, None] = {}
        self._is_death_unknown = False

    def facts(self) -> ServingFacts:
        """What it knows of itself; nothing but a note where it broke."""
        found = ServingFacts()
        with self._noted():
            told = attempt(self._origin, "when asked for its facts", self._made.facts, secrets=self._secrets, limit_s=MADE_S)
            found = a(self._origin, "when asked for its facts", told, ServingFacts)
        return msgspec.structs.replace(found, notes=(*found.notes, *self._notes))

    def death(self) -> str | None:
        """Why it is gone; None while nobody knows. Not asked again once that broke."""
        if self._is_death_unknown:
            return None
        with self._noted():
            self._is_death_unknown = True
            found = attempt(self._origin, "when asked whether it lives", self._made.death, secrets=self._secrets, limit_s=DEATH_S)
            if found is not None and not isinstance(found, str):
                raise self._origin.odd("when asked whether it lives", found, "a text or None")
            self._is_death_unknown = False
            return found
        return None

    def close(self) -> None:
        """End it, as far as it lets itself be ended."""
        with self._noted():
            attempt(self._origin, "when it was closed", self._made.close, secrets=self._secrets, limit_s=CLOSE_S)

    def _noted(self) -> "_Noted":
        return _Noted(self._notes)


class _Noted:
    """Keeps what broke as a note."""

    def __init__(self, notes: dict[str, None]) -> None:
        self._notes = notes

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        if isinstance(error, ExtensionBroke):
            self._notes[error.message] = None
            return True
        return False


class GuardedSelfSpoken(GuardedServed):
    """One that brings its provider."""

    def provider(self, endpoint: Endpoint, credential: str | None, clock: Clock) -> Provider:
        """The provider."""
        return GuardedProvider(self._origin, self._made.provider, endpoint, credential, clock)


def provider(origin: Origin, kind: Any) -> Callable[[Endpoint, str | None, Clock], Provider]:
    """What makes the provider."""
    return lambda endpoint, credential, clock: GuardedProvider(origin, kind, endpoint, credential, clock)


class GuardedProvider:
    """A provider whose trouble is a failed request of kind `extension`."""

    def __init__(self, origin: Origin, kind: Any, endpoint: Endpoint, credential: str | None, clock: Clock) -> None:
        """Make the provider; where that breaks, every request fails with the reason."""
        self._origin, self._clock = origin, clock
        self._secrets = (credential,) if credential else ()
        self._made: Any = None
        self._broke: str | None = None
        doing = "when it was made"
        try:
            self._made = attempt(origin, doing, lambda: kind(endpoint, credential, clock), limit_s=MADE_S, secrets=self._secrets)
            if not callable(getattr(self._made, "call", None)) or not callable(getattr(self._made, "close", None)):
                raise origin.odd(doing, self._made, "an object with `call(…)` and `close()`")
        except ExtensionBroke as broke:
            self._broke = broke.message

    async def call(self, request: Request, *, seed: int | None, timeout_s: float, scheduled_s: float | None = None) -> Capture:
        """Send one request."""
        sent_s = self._clock.now_s()
        due_s = sent_s if scheduled_s is None else scheduled_s
        if self._broke is not None:
            return FailedCapture(self._broke, due_s, sent_s, sent_s)
        try:
            capture = await awaited(
                self._origin,
                "on a request",
                lambda: self._made.call(request, seed=seed, timeout_s=timeout_s, scheduled_s=scheduled_s),
                limit_s=timeout_s + _LATE_S,
                secrets=self._secrets,
            )
            if not callable(getattr(capture, "decode", None)):
                raise self._origin.odd("on a request", capture, "an object with `decode()`")
        except ExtensionBroke as broke:
            return FailedCapture(broke.message, due_s, sent_s, self._clock.now_s())
        return GuardedCapture(self._origin, capture, (due_s, sent_s, self._clock.now_s()), self._secrets)

    async def close(self) -> None:
        """Close every connection, as far as it does."""
        if self._broke is None:
            with suppress(ExtensionBroke):  # told as a trouble; the answers are there
                await awaited(self._origin, "when it was closed", self._made.close, limit_s=CLOSE_S, secrets=self._secrets)


class FailedCapture:
    """A request that the extension broke on."""

    def __init__(self, message: str, due_s: float, sent_s: float, finished_s: float) -> None:
        """What became of it, and when."""
        self._message, self._times = message, (due_s, sent_s, finished_s)

    def decode(self) -> Exchange:
        """The failure."""
        due_s, sent_s, finished_s = self._times
        timing = Timing(scheduled_s=due_s, sent_s=sent_s, finished_s=finished_s)
        return Exchange(outcome=Failure(kind="extension", message=self._message), timing=timing)


class GuardedCapture:
    """An answer whose trouble is a failure."""

    def __init__(self, origin: Origin, capture: Any, times: tuple[float, float, float], secrets: tuple[str, ...]) -> None:
        """Around this answer; `times`: due, sent, finished."""
        self._origin, self._capture, self._times, self._secrets = origin, capture, times, secrets

    def decode(self) -> Exchange:
        """The outcome and its timing."""
        doing = "on an answer"
        try:
            found = a(self._origin, doing, attempt(self._origin, doing, self._capture.decode, limit_s=DECODE_S, secrets=self._secrets), Exchange)
            if (wrong := disorder(found.timing)) is not None:
                raise self._origin.broke(doing, f"its times make no sense: {wrong}")
        except ExtensionBroke as broke:
            return FailedCapture(broke.message, *self._times).decode()
        return found

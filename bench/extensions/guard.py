"""The guard around third parties' code: whatever it raises ends here, and becomes an `ExtensionBroke` that names the extension and its package.

Built-ins are never called through it. What it cannot stop: a crash in native code, `os._exit`, and a hang outside the main thread.
"""

import signal
import sys
import threading
from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from functools import partial
from time import monotonic
from traceback import format_exception
from types import FrameType
from typing import Any, TypeVar

import msgspec

from bench.errors import ExtensionBroke

Result = TypeVar("Result")
MOST_WORDS = 400  # characters of an exception's message
STEP_S = 30.0  # that an extension may keep the event loop from everything else
_MOST_TRACE = 20_000
_MOST_TROUBLES = 200  # kinds of trouble that are remembered


class Overdue(BaseException):
    """Raised inside an extension that takes longer than it may. No `Exception`, so that an extension does not swallow it by accident."""


class Trouble(msgspec.Struct, kw_only=True):
    """One way in which an extension broke, and how often. `trace` is the first traceback."""

    door: str
    name: str
    message: str
    trace: str
    n: int = 1


class Troubles:
    """What has gone wrong with extensions since it was last asked for."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._found: dict[str, Trouble] = {}
        self._lock = threading.Lock()

    def add(self, trouble: Trouble) -> None:
        """Remember it; the same message once more only counts."""
        with self._lock:
            if (known := self._found.get(trouble.message)) is not None:
                known.n += 1
            elif len(self._found) < _MOST_TROUBLES:
                self._found[trouble.message] = trouble

    def take(self, doors: Collection[str] = ()) -> tuple[Trouble, ...]:
        """All of it, or that of these doors; once."""
        with self._lock:
            found = tuple(each for each in self._found.values() if not doors or each.door in doors)
            for each in found:
                del self._found[each.message]
        return found


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Whose extension it is: its door and name, its package with version, and where its troubles are told."""

    door: str
    name: str
    package: str
    version: str
    troubles: Troubles

    @property
    def label(self) -> str:
        """`check 'polite' of bench-polite 1.0`."""
        return f"{self.door} {self.name!r} of {self.package} {self.version}"

    def broke(self, doing: str, why: str, *, trace: str = "", is_overdue: bool = False) -> ExtensionBroke:
        """Tell of it, and make the exception that says so."""
        message = f"{self.label} broke {doing}: {why}".encode("utf-8", "backslashreplace").decode()
        self.troubles.add(Trouble(door=self.door, name=self.name, message=message, trace=trace))
        hint = f"the fault is in {self.package}, not in bench: tell its makers, or do without it"
        return ExtensionBroke(message, hint=hint, is_overdue=is_overdue)

    def odd(self, doing: str, found: Any, expected: str) -> ExtensionBroke:
        """The exception for a value that is not what the contract says."""
        return self.broke(doing, f"expected {expected}, found {_words(found)}")


def attempt(  # noqa: PLR0913 - the one way into foreign code
    origin: Origin,
    doing: str,
    work: Callable[[], Result],
    *,
    passes: tuple[type[BaseException], ...] = (),
    limit_s: float | None = None,
    secrets: tuple[str, ...] = (),
) -> Result:
    """What the extension returns. Exceptions of `passes` belong to its contract and go on; `secrets` never stand in a message.

    What it prints goes to standard error: standard output is for results. `limit_s` holds in the main thread of a system with alarms.

    Raises: ExtensionBroke.
    """
    is_main = threading.current_thread() is threading.main_thread()
    kept: tuple[type[BaseException], ...] = (*passes, ExtensionBroke)
    try:
        with redirect_stdout(sys.stderr) if is_main else nullcontext(), _limit(limit_s if is_main else None):
            return work()
    except kept:
        raise
    except BaseException as error:
        if is_main and isinstance(error, KeyboardInterrupt | GeneratorExit):  # the user's; in a thread it is the extension's own
            raise
        raise origin.broke(doing, why(error, limit_s, secrets), trace=_trace(error, secrets), is_overdue=isinstance(error, Overdue)) from error


async def awaited(origin: Origin, doing: str, work: Callable[[], Any], *, limit_s: float | None = None, secrets: tuple[str, ...] = ()) -> Any:
    """What the awaitable that `work` makes comes to, within so many seconds; one that takes no notice of its cancellation is left behind.

    Raises: ExtensionBroke.
    """
    import asyncio  # noqa: PLC0415 - checks are made where no event loop is

    task = asyncio.ensure_future(_stepped(origin, doing, work, secrets))
    task.add_done_callback(lambda done: None if done.cancelled() else done.exception())  # of one that was left behind nobody asks
    try:
        await asyncio.wait((task,), timeout=limit_s)
    except asyncio.CancelledError:
        task.cancel()
        raise
    if not task.done():
        task.cancel()
        raise origin.broke(doing, f"it did not return within {limit_s:g} s", is_overdue=True)
    if task.cancelled():
        raise origin.broke(doing, "it cancelled itself")
    return task.result()


async def _stepped(origin: Origin, doing: str, work: Callable[[], Any], secrets: tuple[str, ...]) -> Any:
    """Each step of an awaitable through the guard: one that blocks the event loop is interrupted, and SystemExit does not end the loop."""
    waiting = attempt(origin, doing, work, limit_s=STEP_S, secrets=secrets)
    if not hasattr(waiting, "__await__"):
        raise origin.odd(doing, waiting, "something to await (`async def`)")
    return await _Steps(origin, doing, waiting, secrets)


class _Steps:
    """An awaitable, step by step."""

    def __init__(self, origin: Origin, doing: str, waiting: Any, secrets: tuple[str, ...]) -> None:
        self._origin, self._doing, self._waiting, self._secrets = origin, doing, waiting, secrets

    def __await__(self) -> Generator[Any, Any, Any]:
        from asyncio import CancelledError  # noqa: PLC0415 - see `awaited`

        inner = attempt(self._origin, self._doing, self._waiting.__await__, secrets=self._secrets)
        step = partial(next, inner)
        while True:
            try:
                told = attempt(self._origin, self._doing, step, passes=(StopIteration, CancelledError), limit_s=STEP_S, secrets=self._secrets)
            except StopIteration as done:
                return done.value
            try:
                yield told
            except BaseException as thrown:  # noqa: BLE001 - a cancellation, which is for it to see
                step = partial(inner.throw, thrown)
            else:
                step = partial(next, inner)


def why(error: BaseException, limit_s: float | None = None, secrets: tuple[str, ...] = ()) -> str:
    """An exception in words, cut to a length that a table bears."""
    if isinstance(error, Overdue):
        return f"it did not return within {limit_s:g} s"
    try:
        said = str(error)
    except Exception:  # noqa: BLE001 - the message is foreign code, too
        said = "its message cannot be shown"
    said = _without(" ".join(said.split()), secrets)
    cut = said if len(said) <= MOST_WORDS else said[: MOST_WORDS - 1] + "…"
    return f"{type(error).__name__}: {cut}" if cut else type(error).__name__


def a(origin: Origin, doing: str, found: Any, kind: type[Result]) -> Result:
    """The value, if it is a record of this kind with fields of the right types.

    Raises: ExtensionBroke.
    """
    if not isinstance(found, kind):
        raise origin.odd(doing, found, f"a `{kind.__name__}`")
    try:
        msgspec.json.decode(msgspec.json.encode(found), type=kind)  # fields of a record are not looked at when it is made
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError) as error:
        raise origin.broke(doing, f"a `{kind.__name__}` with wrong fields: {error}") from error
    return found


def _words(found: Any) -> str:
    if found is None:
        return "None"
    try:
        said = repr(found)
    except Exception:  # noqa: BLE001 - so is its representation
        said = "?"
    said = " ".join(said.split())
    return f"{type(found).__name__} {said if len(said) <= 80 else said[:79] + '…'}"


def _without(text: str, secrets: tuple[str, ...]) -> str:
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    return text


def _trace(error: BaseException, secrets: tuple[str, ...]) -> str:
    try:
        told = "".join(format_exception(error))
    except Exception:  # noqa: BLE001 - formatting asks the foreign exception for its message
        told = f"{type(error).__name__}: its traceback cannot be shown\n"
    return _without(told[-_MOST_TRACE:], secrets)


@contextmanager
def _limit(limit_s: float | None) -> Iterator[None]:
    """Raise `Overdue` in here after so many seconds, by the alarm of the system; an alarm that was set before is set again afterwards."""
    if limit_s is None or not hasattr(signal, "setitimer"):
        yield
        return
    is_armed = True

    def ring(_number: int, _frame: FrameType | None) -> None:
        if is_armed:
            raise Overdue

    begun = monotonic()
    handler = signal.signal(signal.SIGALRM, ring)
    left_s, every_s = signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        yield
    finally:
        is_armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if left_s:
            signal.setitimer(signal.ITIMER_REAL, max(left_s - (monotonic() - begun), 1e-3), every_s)

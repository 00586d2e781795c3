"""Foundry Local's SDK in a child process, spoken to in JSON lines: one request at a time, each with its answer or the SDK's own words of refusal.

`BENCH_FOUNDRY_CACHE` names the folder of its models (unset: the SDK's own), `BENCH_FOUNDRY_PYTHON` an interpreter that has the SDK (unset: this one).
"""

import json
import os
import re
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from bench.errors import ServingError
from bench.protocols import ServingContext
from bench.records.foundry import ExecutionProvider, FoundryCatalogue, FoundryVariant
from bench.serving.foundry_child import SETTINGS
from bench.serving.process import ChildProcess
from bench.serving.way_out import has_way_out

CACHE, PYTHON = "BENCH_FOUNDRY_CACHE", "BENCH_FOUNDRY_PYTHON"
INSTALL = "pip install 'bench-spec[foundry]'"
_CHILD = Path(__file__).with_name("foundry_child.py")
_HELLO_S, _LIST_S, _CANCEL_S = 60.0, 90.0, 5.0  # a cold disk; a catalogue that is tried several times; the SDK looks between two pieces
_OF_THE_NETWORK = re.compile(r"catalog request|HttpRequest|transport|connect|resolve|network|timed? ?out|HTTP \d", re.IGNORECASE)
OFFLINE = "`--offline` is set"
_OWN_REFUSAL = "http://127.0.0.1:"  # the catalogue that has nothing (foundry_child.py)
_CANCELLED = {"pull", "register", "remove"}  # what leaves files behind, so an interrupt waits a little for its end
_LOOK_S = 0.2  # between two looks at how far it is
_MIB = 1 << 20
NETWORK = 6  # of the SDK's error codes
_MOST, _WIDTH = 5000, 400  # variants, and letters of what one says
# What stands before the reason: of 2.x a line of its source with the function's signature, of 1.x a class of .NET and once more what was tried.
_PLACE_IN_SOURCE = re.compile(r"\b\w+\.(?:cc|cpp|h):\d+ (?:[\w:<>&*,\s]{1,300}?\((?:[^()]|\([^()]*\))*\)\s+)?(?=\S)")
_WRAPPING = re.compile(r"^Failed to [^:]{1,40}(?::\d+)?: (?:Error: )?(?:[A-Z]\w*\.)+\w*Exception: ")
_NOT_REACHED = re.compile(
    r"[Ff]ailed to fetch catalog from (\S+): .*?((?:transport failure|HTTP \d+).*)|Catalog request failed.*|HttpRequestException: .*"
)


class Refused(Exception):
    """The SDK did not do what it was asked for. `code` is its own: 3 a wrong argument, 4 a wrong use, 5 cancelled, 6 the network."""

    def __init__(self, words: str, code: int | None = None) -> None:
        """Its words, as one bounded line."""
        self.words = plain(words)
        self.code = code
        super().__init__(self.words)


class SdkMissing(ServingError):
    """The SDK is not installed for the interpreter that was to run it."""


class FoundryProcess:
    """The SDK in its process. `cache` replaces the folder that the environment names.

    Raises: ServingError, `unavailable` when the SDK is not there or cannot be opened.
    """

    def __init__(self, context: ServingContext, log: Path, *, cache: Path | None = None) -> None:
        """Start it, and wait until the SDK is open."""
        folder = cache or (Path(named).expanduser().absolute() if (named := context.environ.get(CACHE)) else None)
        is_alone = context.offline or not has_way_out(context.environ)  # then the SDK is spared seconds of trying
        asked = {"cache": str(folder) if folder else None, "logs": str(log.parent.absolute()), "offline": is_alone}
        self._is_offline = context.offline
        self._cache = str(folder) if folder else None
        self._asked = 0
        python = context.environ.get(PYTHON) or sys.executable
        self.process = ChildProcess(
            [python, "-P", str(_CHILD)],
            environment={**context.environ, **_proxies(context), SETTINGS: json.dumps(asked)},
            log=log,
            stdout="talk",
            spawns=False,
        )
        try:
            self.sdk: str = self._greet(python)
        except BaseException:
            self.close()
            raise

    def _greet(self, python: str) -> str:
        told = self.process.wait_report(("hello", "missing", "broken"), self.process.started + _HELLO_S)
        match told:
            case ("hello", {"sdk": str(version)}):
                return version
            case ("missing", why):
                where = f" for {python}" if python != sys.executable else ""
                hint = f"{INSTALL} (wheels: Python 3.11 to 3.14 on Windows, macOS on Apple silicon, and Linux with glibc 2.28)"
                raise SdkMissing(f"the Foundry Local SDK is not installed{where}: {plain(str(why))}", hint=hint, state="unavailable")
        why = plain(str(told[1])) if told is not None else self.process.death() or f"it said nothing within {_HELLO_S:g} s"
        hint = f"look whether {CACHE} can be written; last lines of {self.process.log.name}:\n{self.process.tail()}"
        raise ServingError(f"the Foundry Local SDK cannot be opened: {why}", hint=hint, state="unavailable")

    def ask(
        self, do: str, *, within_s: float, progress: Callable[[float, str], None] | None = None, stalled_s: float | None = None, **more: object
    ) -> dict[str, Any]:
        """The answer to one request. `progress(percent, what)` is called as it goes on; without any for `stalled_s` it is cancelled.

        Raises: Refused in the SDK's words; ServingError when the process is gone or the time is over. An interrupt cancels what is under way.
        """
        self._asked += 1
        key = f"reply {self._asked}"
        started_s, before = time.perf_counter(), self.process.told("progress")  # taken before it is asked: a quick one tells of a step at once
        self.process.say(id=self._asked, do=do, **more)
        try:
            answer = self._wait((key, before), started_s + within_s, progress, stalled_s)
        except KeyboardInterrupt:
            if do in _CANCELLED:  # the rest ends with the process: nobody waits for a load to come to its end
                self._cancel(key)
            raise
        if answer is None:
            raise self._gone(do, within_s)
        if "error" in answer:
            code = answer.get("code")
            raise Refused(str(answer["error"]), code if isinstance(code, int) else None)
        return answer

    def _wait(
        self, asked: tuple[str, object], until_s: float, progress: Callable[[float, str], None] | None, stalled_s: float | None
    ) -> dict[str, Any] | None:
        (key, before), since_s = asked, time.perf_counter()
        while True:
            told = self.process.wait_report((key,), min(until_s, time.perf_counter() + _LOOK_S))
            step, now_s = self.process.told("progress"), time.perf_counter()
            if step != before and isinstance(step, dict):
                before, since_s = step, now_s
                if progress is not None:
                    progress(float(step["percent"]), str(step["what"]))
            if told is not None:
                return dict(told[1])
            if self.process.death() is not None or now_s >= until_s:
                return None
            if stalled_s is not None and now_s - since_s > stalled_s:
                self._cancel(key)
                raise Refused(f"nothing came for {stalled_s:g} s", NETWORK)

    def _cancel(self, key: str) -> None:
        self.process.say(do="cancel")
        self.process.wait_report((key,), time.perf_counter() + _CANCEL_S)

    def _gone(self, do: str, within_s: float) -> ServingError:
        hint = f"last lines of {self.process.log.name}:\n{self.process.tail() or '(nothing)'}"
        death = self.process.death()
        if death is not None and self.process.ran_out_of_memory():
            return ServingError(f"Foundry Local ran out of memory ({do}): {death}", hint=f"use a smaller variant or a smaller `context:`; {hint}")
        if death is not None:
            return ServingError(f"Foundry Local ended ({do}): {death}", hint=hint)
        return ServingError(f"Foundry Local did not answer within {within_s:g} s ({do})", hint=f"raise `load_timeout:`; {hint}")

    def catalogue(self) -> FoundryCatalogue:
        """What there is, by the SDK; an unreachable network makes it what an earlier reading left: nothing, where 1.x refuses for want of one."""
        started_s = time.perf_counter()
        why: str | None
        try:
            answer = self.ask("list", within_s=_LIST_S)
        except Refused as error:
            why = OFFLINE if self._is_offline and _OF_THE_NETWORK.search(error.words) is not None else error.words
            answer = {"variants": (), "providers": (), "took_s": time.perf_counter() - started_s}
        else:
            why = OFFLINE if self._is_offline else self._unreached()
        listed = [variant for told in answer["variants"][:_MOST] if (variant := _variant(told)) is not None]
        return FoundryCatalogue(
            variants=tuple(listed),
            providers=tuple(providers_of(answer)),
            sdk=self.sdk,
            took_s=float(answer["took_s"]),
            unreachable=why,
            cache=self._cache,
            is_read_only=self._cache is not None and Path(self._cache).is_dir() and not os.access(self._cache, os.W_OK),
        )

    def providers(self) -> tuple[ExecutionProvider, ...]:
        """The execution providers that this machine could use beside the CPU's."""
        return tuple(providers_of(self.ask("providers", within_s=_LIST_S)))

    def _unreached(self) -> str | None:
        """Why the catalogue on the network was not read, from the SDK's log: it raises nothing, and lists what it knows."""
        found = _NOT_REACHED.search(self.process.log_text())
        if found is not None and (found[1] or "").startswith(_OWN_REFUSAL):
            return "this machine is on no network"
        return plain(f"{found[1]}: {found[2]}" if found[1] else found[0]) if found is not None else None

    def close(self) -> None:
        """End the process."""
        self.process.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def plain(words: str) -> str:
    """Foreign words as one bounded line; the SDK puts the place in its source first and a stack trace last."""
    first = re.split(r"\n\s+at |\x00", words)[0]
    line = "".join(letter if letter.isprintable() else " " for letter in first).strip()
    line = _PLACE_IN_SOURCE.sub("", _WRAPPING.sub("", line))
    return line if len(line) <= _WIDTH else f"{line[:_WIDTH]}…"


def providers_of(answer: Mapping[str, Any]) -> list[ExecutionProvider]:
    """The execution providers that an answer lists."""
    return [ExecutionProvider(name=plain(str(told["name"])), is_registered=bool(told["registered"])) for told in answer["providers"]]


def _variant(told: Mapping[str, Any]) -> FoundryVariant | None:
    """One entry, with only what has the form it should have."""

    def text(key: str) -> str | None:
        value = told.get(key)
        return plain(value) if isinstance(value, str) and value.strip() else None

    def whole(key: str) -> int | None:
        value = told.get(key)
        return value if type(value) is int and 0 < value < 1 << 50 else None

    exact, device, size_mb = text("id"), text("device"), whole("size_mb")
    if exact is None:
        return None
    return FoundryVariant(
        id=exact,
        name=text("name") or exact.rpartition(":")[0] or exact,
        version=whole("version") or 0,
        alias=text("alias") or exact,
        device=device if device in {"cpu", "gpu", "npu"} else None,  # type: ignore[arg-type]
        execution_provider=text("provider"),
        size_bytes=size_mb * _MIB if size_mb is not None else None,
        is_cached=bool(told.get("cached")),
        is_loaded=bool(told.get("loaded")),
        is_chosen=bool(told.get("chosen")),
        license=text("license"),
        publisher=text("publisher"),
        task=text("task"),
        context=whole("context_length"),
        max_output_tokens=whole("max_output_tokens"),
        capabilities=_capabilities(text("capabilities"), tools=told.get("tools")),
    )


def _capabilities(tags: str | None, *, tools: object) -> tuple[str, ...]:
    listed = [tag.strip() for tag in (tags or "").split(",") if tag.strip()]
    return tuple(dict.fromkeys([*listed, *(["tools"] if tools is True else [])]))


def _proxies(context: ServingContext) -> dict[str, str]:
    """Offline, every way out but the loopback leads to a port where nothing listens: 1.x has no other switch."""
    if not context.offline:
        return {}
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")
    return {**nowhere, "no_proxy": "localhost,127.0.0.1", "NO_PROXY": "localhost,127.0.0.1"}

"""A model inside bench's own process: a third party's `Adapter`, served and spoken to like any other.

The adapter runs in threads of its own, so the measuring loop never waits for it; yet both share this process and its interpreter. A piece is stamped
in the adapter's thread, at the moment it is yielded (`stamped_by: process`): no network, no server and no parsing is in such times, so they are never
put beside those of a server. An answer waits for a free thread (`slots`) as it would for a server's slot, and that wait is part of its latency.
"""

import os
import time
from concurrent.futures import TimeoutError as Late
from contextlib import suppress
from typing import Any

import msgspec

from bench.clock import Clock
from bench.errors import ExtensionBroke, ServingError
from bench.extensions.calling import InProcessProvider
from bench.extensions.guard import Origin, attempt
from bench.extensions.threads import Threads
from bench.protocols import Adapter, ServingContext
from bench.records.plan import Treatment
from bench.records.serving import Endpoint, ServingFacts
from bench.serving.process_tree import ProcessTree

_MOST_SLOTS = 256
_CLOSE_S = 10.0
_NOTE = "in-process: it shares bench's process; its memory is what the process grew by since it was loaded, bench's own records included"


class InProcess:
    """The runtime of an adapter."""

    def __init__(self, origin: Origin, adapter: Adapter) -> None:
        """Nothing is loaded yet."""
        self._origin, self._adapter = origin, adapter

    def serve(self, treatment: Treatment, context: ServingContext) -> "ServedInProcess":
        """The model, loaded. `load_timeout` bounds that, all that it fetches included.

        Raises: ServingError when the adapter breaks or takes longer.
        """
        origin, adapter, limit_s = self._origin, self._adapter, treatment.model.load_timeout_s
        doing = "when it loaded a model"
        memory = ProcessTree(os.getpid(), spawns=False)
        before_bytes, started = memory.rss_bytes(), time.perf_counter()
        slots = getattr(adapter, "slots", 1)
        if not isinstance(slots, int) or isinstance(slots, bool) or not 1 <= slots <= _MOST_SLOTS:
            broke = origin.odd(doing, slots, f"`slots`, a whole number from 1 to {_MOST_SLOTS}")
            raise ServingError(broke.message, hint=broke.hint)
        threads = Threads(slots, f"bench-{origin.name}")
        key = treatment.model.api_key
        secrets = (context.environ.get(key.env, ""),) if key is not None else ()
        loading = threads.do(lambda: attempt(origin, doing, lambda: adapter.load(load_settings(treatment)), secrets=secrets))
        try:
            loading.result(timeout=limit_s)
        except Late:
            threads.end()
            broke = origin.broke(doing, f"it was not loaded within {limit_s:g} s", is_overdue=True)
            raise ServingError(broke.message, hint="raise `load_timeout:`") from None
        except ExtensionBroke as broke:
            threads.end()
            raise ServingError(broke.message, hint=broke.hint) from broke
        load_s = time.perf_counter() - started
        return ServedInProcess(origin, adapter, threads, _endpoint(origin, adapter, treatment, load_s), (memory, before_bytes))


def load_settings(treatment: Treatment) -> dict[str, Any]:
    """What `load` is given: the entry's own settings over what else is declared."""
    declared = {
        "model": treatment.model.model,
        "threads": treatment.threads,
        "context": treatment.context,
        "device": treatment.device,
        "gpu": msgspec.to_builtins(treatment.gpu) if treatment.gpu is not None else None,
    }
    return {**{name: value for name, value in declared.items() if value is not None}, **treatment.model.settings}


def _endpoint(origin: Origin, adapter: Adapter, treatment: Treatment, load_s: float) -> Endpoint:
    device = getattr(adapter, "device", None)
    return Endpoint(
        base_url=f"in-process:{origin.name}",
        served_model=treatment.model.model or treatment.model_id,
        owned=True,
        load_s=load_s,
        device=f"{device[:80]} (as the adapter says)" if isinstance(device, str) else None,
        runtime_version=f"{origin.package} {origin.version}",
        transport="in-process",
    )


class ServedInProcess:
    """A model that is loaded, and brings its provider."""

    credential: str | None = None

    def __init__(self, origin: Origin, adapter: Adapter, threads: Threads, endpoint: Endpoint, memory: tuple[ProcessTree, int | None]) -> None:
        """Take over the threads. `memory`: how this process's is read, and what it was before."""
        self.endpoint = endpoint
        self._origin, self._adapter, self._threads = origin, adapter, threads
        self._memory, self._before_bytes = memory
        self._loaded_bytes = self._peak_bytes = self._grown()
        self._is_open = True

    def _grown(self) -> int | None:
        now_bytes = self._memory.rss_bytes()
        return None if now_bytes is None or self._before_bytes is None else max(0, now_bytes - self._before_bytes)

    def facts(self) -> ServingFacts:
        """By how much this process grew, when the model was loaded and at most; bounds that are read now and then, no peak between."""
        if (grown := self._grown()) is not None:
            self._peak_bytes = max(grown, self._peak_bytes or 0)
        return ServingFacts(rss_loaded_bytes=self._loaded_bytes, rss_peak_bytes=self._peak_bytes, notes=(_NOTE,))

    def death(self) -> str | None:
        """It lives as long as this process."""
        return None

    def provider(self, endpoint: Endpoint, credential: str | None, clock: Clock) -> "InProcessProvider":  # noqa: ARG002 - no key is needed
        """What speaks to it."""
        return InProcessProvider(self._origin, self._adapter, self._threads, endpoint.served_model, clock)

    def close(self) -> None:
        """Have the adapter close, where it can; a thread that hangs is left behind."""
        if not self._is_open:
            return
        self._is_open = False
        ending = getattr(self._adapter, "close", None)
        if callable(ending):
            closing = self._threads.do(lambda: attempt(self._origin, "when it was closed", ending))
            try:
                with suppress(ExtensionBroke):  # told as a trouble; the answers are there
                    closing.result(timeout=_CLOSE_S)
            except Late:
                self._origin.broke("when it was closed", f"it did not return within {_CLOSE_S:g} s", is_overdue=True)
        self._threads.end()

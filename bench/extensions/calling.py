"""Requests to a model in bench's own process: handed to its threads, stamped there."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from bench.clock import Clock
from bench.extensions.guard import Origin, a, attempt
from bench.extensions.threads import Threads
from bench.protocols import Adapter, Ending
from bench.records.exchange import Completion, Exchange, Failure, FailureKind, Timing, Usage, gaps_of
from bench.records.plan import Request

_MOST_CHARACTERS = 4_000_000  # of one answer
_MOST_PIECES = 1_000_000
_DOING = "on a request"


class InProcessProvider:
    """Speaks to an adapter. A request that is given up is left after its next piece; until then it keeps its thread."""

    def __init__(self, origin: Origin, adapter: Adapter, threads: Threads, served_model: str, clock: Clock) -> None:
        """Nothing is asked yet."""
        self._origin, self._adapter, self._threads = origin, adapter, threads
        self._served_model, self._clock = served_model, clock

    async def call(self, request: Request, *, seed: int | None, timeout_s: float, scheduled_s: float | None = None) -> "InProcessCapture":
        """Have one request answered."""
        sent_s = self._clock.now_s()
        due_s = sent_s if scheduled_s is None else scheduled_s
        answer = Answer(self._origin, self._adapter, self._clock, (messages_of(request), settings_of(request, seed)))
        failure: Failure | None = None
        waiting = asyncio.wrap_future(self._threads.do(lambda: attempt(self._origin, _DOING, answer.write)))
        try:
            done, _ = await asyncio.wait((waiting,), timeout=timeout_s)
            if done and (error := waiting.exception()) is not None:
                failure = Failure(kind=_kind(error), message=str(error))
            elif not done:
                began = "its thread still works on it" if answer.is_begun else "no thread was free: those before it have not returned"
                failure = Failure(kind="timeout", message=f"no complete answer within {timeout_s:g} s; {began}")
        finally:
            answer.is_given_up = True
            waiting.cancel()
        timing = Timing(scheduled_s=due_s, sent_s=sent_s, finished_s=self._clock.now_s() if failure is not None else answer.finished_s)
        return InProcessCapture(answer, timing, failure, is_streamed=request.generation.stream, served_model=self._served_model)

    async def close(self) -> None:
        """The model closes its threads."""


def _kind(error: BaseException) -> FailureKind:
    return "out_of_memory" if isinstance(error.__cause__, MemoryError) else "extension"


def messages_of(request: Request) -> list[dict[str, str]]:
    """The messages as `generate` is given them."""
    return [{"role": message.role, "content": message.content} for message in request.messages]


def settings_of(request: Request, seed: int | None) -> dict[str, Any]:
    """The generation settings that are set, with the seed of this very request."""
    given: dict[str, Any] = {**msgspec.structs.asdict(request.generation), "seed": seed}
    return {name: value for name, value in given.items() if value is not None and name != "stream" and value != ()}


class Answer:
    """An answer while it is written, in the adapter's thread. `stamps_s`: when each piece that is not empty came."""

    def __init__(self, origin: Origin, adapter: Adapter, clock: Clock, asked: tuple[list[dict[str, str]], dict[str, Any]]) -> None:
        """Nothing is written yet."""
        self._origin, self._adapter, self._clock, self._asked = origin, adapter, clock, asked
        self.pieces: list[str] = []
        self.stamps_s: list[float] = []
        self.ending: Ending | None = None
        self.finished_s = 0.0
        self.is_begun = self.is_given_up = False

    def write(self) -> None:
        """Have it written, piece by piece.

        Raises: ExtensionBroke, or whatever the adapter does.
        """
        if self.is_given_up:
            return
        self.is_begun = True
        found = self._adapter.generate(*self._asked)
        if isinstance(found, str):
            self.pieces.append(found)
        else:
            if not hasattr(found, "__iter__"):
                raise self._origin.odd(_DOING, found, "a text or pieces of it")
            self._take(iter(found))
        self.finished_s = self._clock.now_s()
        if sum(map(len, self.pieces)) > _MOST_CHARACTERS:
            raise self._origin.broke(_DOING, f"an answer of more than {_MOST_CHARACTERS:,} characters")

    def _take(self, pieces: Any) -> None:
        n = 0
        for piece in pieces:
            now_s = self._clock.now_s()
            if self.is_given_up:
                closing = getattr(pieces, "close", None)
                if closing is not None:
                    closing()
                return
            if self.ending is not None:
                raise self._origin.odd(_DOING, piece, "nothing after the `Ending`")
            if isinstance(piece, Ending):
                self.ending = a(self._origin, _DOING, piece, Ending)
            elif not isinstance(piece, str):
                raise self._origin.odd(_DOING, piece, "a piece of text, or an `Ending` as the last")
            elif piece:
                self.pieces.append(piece)
                self.stamps_s.append(now_s)
                n += len(piece)
            if n > _MOST_CHARACTERS or len(self.pieces) > _MOST_PIECES:
                raise self._origin.broke(_DOING, f"an answer of more than {_MOST_CHARACTERS:,} characters or {_MOST_PIECES:,} pieces")


class InProcessCapture:
    """An answer that is written."""

    def __init__(self, answer: Answer, timing: Timing, failure: Failure | None, *, is_streamed: bool, served_model: str) -> None:
        """With when it was due and sent, and what became of it."""
        self._answer, self._timing, self._failure = answer, timing, failure
        self._is_streamed, self._served_model = is_streamed, served_model

    def decode(self) -> Exchange:
        """The outcome and its timing; an answer that was not given in pieces, or not to be, has no stamps of any."""
        if self._failure is not None:
            return Exchange(outcome=self._failure, timing=self._timing)
        answer = self._answer
        text = "".join(answer.pieces).encode("utf-8", "backslashreplace").decode()  # half a character is none that a file can hold
        if not text:
            return Exchange(outcome=Failure(kind="empty", message="the adapter gave no text"), timing=self._timing)
        stamps_s: Sequence[float] = answer.stamps_s if self._is_streamed else ()
        timing = self._timing
        if stamps_s:
            timing = msgspec.structs.replace(
                timing, first_token_s=stamps_s[0], last_token_s=stamps_s[-1], chunks=len(stamps_s), gaps_us=gaps_of(stamps_s)
            )
        ending = answer.ending or Ending(finish_reason="")
        is_counted = ending.prompt_tokens is not None or ending.completion_tokens is not None
        usage = Usage(
            prompt_tokens=ending.prompt_tokens,
            completion_tokens=ending.completion_tokens,
            counted_by="tokenizer" if is_counted else "estimate",
        )
        return Exchange(
            outcome=Completion(text=text, finish_reason=ending.finish_reason or None, usage=usage, served_model=self._served_model), timing=timing
        )

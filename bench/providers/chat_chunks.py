"""The chunks of a chat answer, and what they add up to."""

from typing import Any

import msgspec

from bench.providers.failures import clean, from_error_object
from bench.records.exchange import Completion, Failure, ServerTimings, Usage


class _Text(msgspec.Struct, gc=False):
    content: str | list[Any] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None


class _Choice(msgspec.Struct, gc=False):
    index: int = 0
    delta: _Text | None = None
    message: _Text | None = None
    finish_reason: str | None = None


class _Details(msgspec.Struct, gc=False):
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None


class _Usage(msgspec.Struct, gc=False):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None


class Chunk(msgspec.Struct, gc=False):
    """One event of a stream, or a whole answer. Fields that nothing reads are skipped by the decoder."""

    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    timings: ServerTimings | None = None
    model: str | None = None
    error: Any = None


class Reading:
    """What the chunks of one answer add up to."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.text: list[str] = []
        self.reasoning: list[str] = []
        self.arrivals_ns: list[int] = []
        self.finish_reason: str | None = None
        self.usage: _Usage | None = None
        self.timings: ServerTimings | None = None
        self.model: str | None = None
        self.error: Any = None

    def add(self, chunk: Chunk, arrival_ns: int) -> None:
        """Take one more chunk into account. Empty role chunks leave no arrival."""
        if chunk.error is not None and self.error is None:
            self.error = chunk.error
        if chunk.usage is not None:
            self.usage = chunk.usage
        if chunk.timings is not None:
            self.timings = chunk.timings
        if chunk.model and self.model is None:
            self.model = chunk.model
        for choice in chunk.choices or ():
            if choice.index == 0:
                self._add_choice(choice, arrival_ns)

    def _add_choice(self, choice: _Choice, arrival_ns: int) -> None:
        if choice.finish_reason:
            self.finish_reason = choice.finish_reason
        said = choice.delta
        if said is None:
            # A `message` beside deltas repeats them, whole: it counts only where there are none.
            said = None if self.text or self.reasoning else choice.message
        if said is None:
            return
        content = said.content if isinstance(said.content, str) else _joined(said.content)
        reasoning = said.reasoning_content or said.reasoning or ""
        if content:
            self.text.append(content)
        if reasoning:
            self.reasoning.append(reasoning)
        if content or reasoning:
            self.arrivals_ns.append(arrival_ns)

    def outcome(self, credential: str | None, *, status: int | None, is_stream: bool) -> Completion | Failure:
        """What an answer that is all there amounts to."""
        if self.error is not None:
            return from_error_object(self.error, credential)
        if not self.text and not self.reasoning:
            reason = f" (finish reason {clean(self.finish_reason, credential)!r})" if self.finish_reason else ""
            return Failure(kind="empty", message=f"the server answered without any text{reason}", status=status)
        return Completion(
            text="".join(self.text),
            reasoning="".join(self.reasoning),
            finish_reason=self.finish_reason,
            usage=_usage(self, is_stream=is_stream),
            served_model=self.model,
            server_timings=self.timings,
        )


def _joined(parts: list[Any] | None) -> str:
    """The text of content that comes as a list of parts."""
    texts = (part.get("text") for part in parts or () if isinstance(part, dict))
    return "".join(text for text in texts if isinstance(text, str))


def _usage(reading: Reading, *, is_stream: bool) -> Usage:
    """The server's counts; without them an estimate: a streamed answer has at least one token per chunk, other texts one per four characters."""
    usage, timings = reading.usage, reading.timings
    cached = timings.cache_n if timings else None
    if usage is None or usage.completion_tokens is None:
        if timings is not None and timings.predicted_n is not None:
            read = timings.prompt_n + (cached or 0) if timings.prompt_n is not None else None
            return Usage(prompt_tokens=read, completion_tokens=timings.predicted_n, cached_tokens=cached, counted_by="server")
        letters = sum(map(len, reading.text)) + sum(map(len, reading.reasoning))
        estimate = len(reading.arrivals_ns) if is_stream else (letters + 3) // 4
        return Usage(prompt_tokens=usage.prompt_tokens if usage else None, completion_tokens=estimate, cached_tokens=cached, counted_by="estimate")
    prompt, completion = usage.prompt_tokens_details, usage.completion_tokens_details
    if prompt is not None and prompt.cached_tokens is not None:
        cached = prompt.cached_tokens
    return Usage(
        prompt_tokens=usage.prompt_tokens, completion_tokens=usage.completion_tokens, cached_tokens=cached,
        reasoning_tokens=completion.reasoning_tokens if completion else None, counted_by="server",
    )  # fmt: skip

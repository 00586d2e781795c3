"""The chunks of a chat answer, and what they add up to."""

from collections.abc import Iterable
from typing import Any

import msgspec

from bench.providers.failures import clean, from_error_object, name, said
from bench.records.exchange import Completion, Failure, ServerTimings, Usage

MOST_TEXT = 4 * 2**20  # characters: about four times what the longest answers have
_MOST_TOKENS = 2**31


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


class Counts(msgspec.Struct, gc=False):
    """The counts of tokens as a server sends them."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None


class Chunk(msgspec.Struct, gc=False):
    """One event of a stream, or a whole answer. Fields that nothing reads are skipped by the decoder."""

    choices: list[_Choice] | None = None
    usage: Counts | None = None
    timings: ServerTimings | None = None
    model: str | None = None
    error: Any = None


class Reading:
    """What the chunks of one answer add up to."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.text: list[str] = []
        self.reasoning: list[str] = []
        self.marks: list[int] = []  # of the events with content or reasoning: where each ends, or when it came
        self.finish_reason: str | None = None
        self.usage: Counts | None = None
        self.timings: ServerTimings | None = None
        self.model: str | None = None
        self.error: Any = None

    def add_all(self, chunks: Iterable[Chunk], marks_of: Iterable[int]) -> None:
        """Take these chunks into account, each with its mark. Most chunks, a piece of text and nothing else, take the short way."""
        text, marks = self.text, self.marks
        for chunk, mark in zip(chunks, marks_of, strict=False):
            choices = chunk.choices
            if choices is not None and len(choices) == 1 and chunk.usage is None and chunk.timings is None and chunk.error is None and self.model:
                choice = choices[0]
                said = choice.delta
                if said is not None and choice.index == 0 and not choice.finish_reason and said.reasoning_content is None and said.reasoning is None:
                    content = said.content
                    if type(content) is str:
                        if content:
                            text.append(content)
                            marks.append(mark)
                        continue
            self.add(chunk, mark)

    def add(self, chunk: Chunk, mark: int) -> None:
        """Take one more chunk into account. Empty role chunks leave no mark."""
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
                self._add_choice(choice, mark)

    def _add_choice(self, choice: _Choice, mark: int) -> None:
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
            self.marks.append(mark)

    def outcome(self, credential: str | None, *, status: int | None, is_stream: bool) -> Completion | Failure:
        """What an answer that is all there amounts to."""
        if self.error is not None:
            return from_error_object(self.error, credential)
        if not self.text and not self.reasoning:
            reason = f" (finish reason {clean(self.finish_reason, credential)!r})" if self.finish_reason else ""
            return Failure(kind="empty", message=f"the server answered without any text{reason}", status=status)
        if (size := sum(map(len, self.text)) + sum(map(len, self.reasoning))) > MOST_TEXT:
            return Failure(kind="protocol", message=f"the answer's text has {size} characters, more than {MOST_TEXT}", status=status)
        return Completion(
            text=said(_whole(self.text), credential),
            reasoning=said(_whole(self.reasoning), credential),
            finish_reason=name(self.finish_reason, credential),
            usage=_usage(self, is_stream=is_stream),
            served_model=name(self.model, credential),
            server_timings=None if self.timings is None else _plausible(self.timings),
        )


def _whole(parts: list[str]) -> str:
    """The text of an answer; surrogate pairs that were sent in halves are put together, and halves that are alone become U+FFFD."""
    text = "".join(parts)
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _count(n: int | None) -> int | None:
    """A count of tokens; None when it cannot be one."""
    return n if n is not None and 0 <= n < _MOST_TOKENS else None


def _plausible(timings: ServerTimings) -> ServerTimings:
    """The server's own clock without what no clock shows."""

    def duration(value_ms: float | None) -> float | None:
        return value_ms if value_ms is not None and 0 <= value_ms < 1e12 else None  # 30 years

    return ServerTimings(
        prompt_n=_count(timings.prompt_n), prompt_ms=duration(timings.prompt_ms), predicted_n=_count(timings.predicted_n),
        predicted_ms=duration(timings.predicted_ms), cache_n=_count(timings.cache_n), load_ms=duration(timings.load_ms),
    )  # fmt: skip


def _joined(parts: list[Any] | None) -> str:
    """The text of content that comes as a list of parts."""
    texts = (part.get("text") for part in parts or () if isinstance(part, dict))
    return "".join(text for text in texts if isinstance(text, str))


def _usage(reading: Reading, *, is_stream: bool) -> Usage:
    """The server's counts; without them an estimate: a streamed answer has at least one token per chunk, other texts one per four characters."""
    usage, timings = reading.usage, None if reading.timings is None else _plausible(reading.timings)
    cached = timings.cache_n if timings else None
    completed = None if usage is None else _count(usage.completion_tokens)
    if usage is None or completed is None:
        if timings is not None and timings.predicted_n is not None:
            read = timings.prompt_n + (cached or 0) if timings.prompt_n is not None else None
            return Usage(prompt_tokens=read, completion_tokens=timings.predicted_n, cached_tokens=cached, counted_by="server")
        letters = sum(map(len, reading.text)) + sum(map(len, reading.reasoning))
        estimate = len(reading.marks) if is_stream else (letters + 3) // 4
        return Usage(
            prompt_tokens=_count(usage.prompt_tokens) if usage else None, completion_tokens=estimate, cached_tokens=cached, counted_by="estimate"
        )
    prompt, completion = usage.prompt_tokens_details, usage.completion_tokens_details
    if prompt is not None and prompt.cached_tokens is not None:
        cached = _count(prompt.cached_tokens)
    return Usage(
        prompt_tokens=_count(usage.prompt_tokens), completion_tokens=completed, cached_tokens=cached,
        reasoning_tokens=_count(completion.reasoning_tokens) if completion else None, counted_by="server",
    )  # fmt: skip

"""The lines of an answer of Ollama's own chat API, and what they add up to.

Source: docs.ollama.com/api/chat and /api/streaming, read 2026-11-23.
"""

import math
from collections.abc import Iterable
from typing import Any

import msgspec

from bench.providers.chat_chunks import Counts, Reading
from bench.records.exchange import ServerTimings

_MOST = 2**63  # of a count or of nanoseconds
_NS_PER_MS = 1e6


class _Said(msgspec.Struct, gc=False):
    content: str | None = None
    thinking: str | None = None


class Line(msgspec.Struct, gc=False):
    """One line of a stream, or a whole answer. What only the last one has may be anything: what cannot be is as if it were not there."""

    message: _Said | None = None
    done: bool = False
    model: Any = None
    done_reason: Any = None
    error: Any = None
    load_duration: Any = None
    prompt_eval_count: Any = None
    prompt_eval_duration: Any = None
    eval_count: Any = None
    eval_duration: Any = None


def add_lines(reading: Reading, lines: Iterable[Line], marks_of: Iterable[int]) -> bool:
    """Take these lines into account, each with its mark; whether the last one of an answer is among them. Lines without text leave no mark."""
    is_done = False
    for line, mark in zip(lines, marks_of, strict=False):
        message = line.message
        if message is not None:
            if message.content:
                reading.text.append(message.content)
            if message.thinking:
                reading.reasoning.append(message.thinking)
            if message.content or message.thinking:
                reading.marks.append(mark)
        if reading.model is None and isinstance(line.model, str):
            reading.model = line.model
        if line.error is not None and reading.error is None:
            reading.error = line.error
        if line.done:
            _end(reading, line)
            is_done = True
    return is_done


def _end(reading: Reading, line: Line) -> None:
    """The counts and the server's clock. `prompt_eval_count` has the cached tokens, too, so how many were read in that time is not known."""
    reading.finish_reason = line.done_reason if isinstance(line.done_reason, str) else None
    written = count(line.eval_count)
    reading.usage = Counts(prompt_tokens=count(line.prompt_eval_count), completion_tokens=written)
    reading.timings = ServerTimings(
        prompt_ms=milliseconds(line.prompt_eval_duration),
        predicted_n=written,
        predicted_ms=milliseconds(line.eval_duration),
        load_ms=milliseconds(line.load_duration),
    )


def count(value: Any) -> int | None:
    """A count, however it is written; None for what is none."""
    if type(value) is float and math.isfinite(value) and value == int(value):
        value = int(value)
    return value if type(value) is int and 0 <= value < _MOST else None


def milliseconds(value: Any) -> float | None:
    """A duration that was sent in nanoseconds."""
    nanoseconds = count(value)
    return None if nanoseconds is None else nanoseconds / _NS_PER_MS

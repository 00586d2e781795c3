"""Chunks that are JSON, but not as they should be: what can be read of them is kept, what cannot is as if it were not there.

A model is not to blame for a server that counts in texts or fractions, gives its name as a number, or cuts a character outside the basic plane into
two halves. Read with the standard library: it is slower, and takes half surrogate pairs and NaN.
"""

import json
import math
from collections.abc import Mapping
from typing import Any

import msgspec

from bench.providers.chat_chunks import Chunk

_MOST = 1e300  # a float can hold it
_DETAILS = ("prompt_tokens_details", "completion_tokens_details")


def read_odd(data: bytes) -> Chunk:
    """The chunk, as far as it can be read.

    Raises: msgspec.ValidationError when its choices cannot; ValueError or RecursionError when it is no JSON.
    """
    return repaired(json.loads(data.decode()))


def repaired(value: Any) -> Chunk:
    """The chunk that plain data stands for, as far as it does. Raises: msgspec.ValidationError."""
    if isinstance(value, dict):
        value = {**value, "usage": _usage(value.get("usage")), "timings": _numbers(value.get("timings"))}
        if not isinstance(value.get("model"), str):
            value["model"] = None
    return msgspec.convert(value, Chunk)


def _usage(value: Any) -> dict[str, Any] | None:
    if not isinstance(value, Mapping):
        return None
    return {**(_numbers(value) or {}), **{name: _numbers(value.get(name)) for name in _DETAILS}}


def _numbers(value: Any) -> dict[str, Any] | None:
    """Of a mapping the numbers, None of anything else; a count without a fraction is whole however it is written, one with a fraction is none."""
    if not isinstance(value, Mapping):
        return None
    kept: dict[str, Any] = {}
    for name, number in value.items():
        if type(number) is int or (type(number) is float and math.isfinite(number)):
            if name.endswith("_ms"):
                kept[name] = float(number) if abs(number) < _MOST else None
            elif number == int(number):
                kept[name] = int(number)
    return kept

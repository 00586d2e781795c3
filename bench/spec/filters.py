"""The filters of prompt templates: each looks at the size of its result before making it."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from jinja2.runtime import Undefined

MAX_TEXT = 256 * 2**10  # characters of one message, and of each text made on the way
_MAX_DIGITS = 15


class LimitReached(Exception):
    """A bound was reached while rendering."""


def _text(value: Any) -> str:
    """A text, or a number written out."""
    if isinstance(value, Undefined):
        return str(value)  # strict: raises
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise TypeError("this filter takes a text or a number")
    return _short(str(value))


def _short(text: str) -> str:
    if len(text) > MAX_TEXT:
        raise LimitReached(f"a text of more than {MAX_TEXT:,} characters")
    return text


def _number(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("this filter takes a number")
    return value


def _items(value: Any) -> list[Any]:
    if isinstance(value, Undefined):
        str(value)  # strict: raises
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
        raise TypeError("this filter takes a list")
    return list(value)


def joined(first: Any, *rest: Any) -> str:
    """The `~` operator."""
    texts = [_text(one) for one in (first, *rest)]
    if sum(map(len, texts)) > MAX_TEXT:
        raise LimitReached(f"a text of more than {MAX_TEXT:,} characters")
    return "".join(texts)


def _join(value: Any, separator: str = "") -> str:
    texts = [_text(one) for one in _items(value)]
    if sum(map(len, texts)) + len(_text(separator)) * len(texts) > MAX_TEXT:
        raise LimitReached(f"a text of more than {MAX_TEXT:,} characters")
    return str(separator).join(texts)


def _replace(value: Any, old: Any, new: Any) -> str:
    text, before, after = _text(value), _text(old), _text(new)
    if not before:
        raise ValueError("`replace` needs a text to look for")
    if len(text) + text.count(before) * max(0, len(after) - len(before)) > MAX_TEXT:
        raise LimitReached(f"a text of more than {MAX_TEXT:,} characters")
    return text.replace(before, after)


def _indent(value: Any, width: int = 4) -> str:
    text = _text(value)
    if not isinstance(width, int) or not 0 <= width <= 200 or text.count("\n") * width > MAX_TEXT:
        raise LimitReached("an indentation that is too wide")
    return text.replace("\n", "\n" + " " * width)


def _tojson(value: Any) -> str:
    if isinstance(value, Undefined):
        str(value)  # strict: raises
    parts, size = [], 0
    for part in json.JSONEncoder(ensure_ascii=False).iterencode(value):
        size += len(part)
        if size > MAX_TEXT:
            raise LimitReached(f"a text of more than {MAX_TEXT:,} characters")
        parts.append(part)
    return "".join(parts)


def _default(value: Any, otherwise: Any = "", boolean: bool = False) -> Any:
    return otherwise if isinstance(value, Undefined) or (boolean and not value) else value


def _length(value: Any) -> int:
    if isinstance(value, Undefined):
        str(value)  # strict: raises
    return len(value)


def _first(value: Any) -> Any:
    return _items(value)[0]


def _last(value: Any) -> Any:
    return _items(value)[-1]


def _pairs(value: Any) -> list[tuple[Any, Any]]:
    if not isinstance(value, Mapping):
        raise TypeError("`items` takes a mapping")
    return list(value.items())


def _round(value: Any, digits: int = 0) -> float:
    return round(float(_number(value)), max(-_MAX_DIGITS, min(_MAX_DIGITS, int(_number(digits)))))


FILTERS: dict[str, Callable[..., Any]] = {
    "abs": lambda value: abs(_number(value)),
    "capitalize": lambda value: _short(_text(value).capitalize()),
    "count": _length,
    "default": _default,
    "first": _first,
    "indent": _indent,
    "int": lambda value: int(_number(value)),
    "items": _pairs,
    "join": _join,
    "last": _last,
    "length": _length,
    "lower": lambda value: _short(_text(value).lower()),
    "replace": _replace,
    "round": _round,
    "sort": lambda value: sorted(_items(value)),
    "string": _text,
    "title": lambda value: _short(_text(value).title()),
    "tojson": _tojson,
    "trim": lambda value: _text(value).strip(),
    "upper": lambda value: _short(_text(value).upper()),
    "wordcount": lambda value: len(_text(value).split()),
}

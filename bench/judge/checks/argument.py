"""Arguments of checks as written in YAML: read strictly, and refused with what to write instead."""

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any

import msgspec

from bench.judge.checks.reading import same

TEXT_SCHEMA: dict[str, Any] = {"type": ["string", "integer"], "minLength": 1}
TEXTS_SCHEMA: dict[str, Any] = {"type": "array", "items": TEXT_SCHEMA, "minItems": 1}
CASE_SCHEMA: dict[str, Any] = {
    "enum": ["ignore", "exact"],
    "description": "Whether upper and lower case are the same (`ignore`, the default) or not (`exact`).",
}
COUNT_SCHEMA: dict[str, Any] = {"type": "integer", "minimum": 0}


class Range(msgspec.Struct, frozen=True, kw_only=True):
    """At least `low`, at most `high`; None: no bound on that side."""

    low: int | None
    high: int | None

    def holds(self, n: int) -> bool:
        """Whether n lies inside, bounds included."""
        return (self.low is None or n >= self.low) and (self.high is None or n <= self.high)

    def __str__(self) -> str:
        match self.low, self.high:
            case low, high if low == high:
                return f"exactly {low}"
            case None, high:
                return f"at most {high}"
            case low, None:
                return f"at least {low}"
            case low, high:
                return f"{low} to {high}"


def options(argument: Mapping[Any, Any], allowed: Collection[str], example: str) -> Mapping[str, Any]:
    """The mapping, when it holds only allowed keys.

    Raises: ValueError with a near miss and an example.
    """
    for key in argument:
        if key not in allowed:
            near = get_close_matches(str(key), allowed, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"allowed are {', '.join(sorted(allowed))}."
            raise ValueError(f"unknown option {key!r}; {hint} For example: {example}")
    return argument


def text(value: Any, what: str) -> str:
    """A text; a whole number is taken as its digits.

    Raises: ValueError for anything else, and for a text without a visible character.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise ValueError(  # noqa: TRY004 - a check refuses its argument with ValueError, whatever is wrong
            f"{what} is {value!r}; write a text, in quotes if YAML takes it for something else"
        )
    if not same(value):  # also when it holds nothing but invisible characters
        raise ValueError(f"{what} is empty; write the text to look for")
    return value


def texts(value: Any, what: str) -> tuple[str, ...]:
    """One text or a list of texts, as a tuple with at least one item.

    Raises: ValueError for anything else.
    """
    items = value if isinstance(value, list | tuple) else [value]
    if not items:
        raise ValueError(f"{what} is an empty list; write at least one text")
    return tuple(text(item, f"item {index + 1} of {what}" if isinstance(value, list | tuple) else what) for index, item in enumerate(items))


def choice(value: Any, allowed: Collection[str], what: str) -> str:
    """One of the allowed words.

    Raises: ValueError with the allowed words.
    """
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{what} is {value!r}; write {' or '.join(sorted(allowed))}")
    return value


def flag(value: Any, what: str) -> bool:
    """True or false.

    Raises: ValueError for anything else.
    """
    if not isinstance(value, bool):
        raise ValueError(f"{what} is {value!r}; write true or false")  # noqa: TRY004 - as above
    return value


def count(value: Any, what: str) -> int:
    """A whole number from 0.

    Raises: ValueError for anything else.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{what} is {value!r}; write a whole number from 0")
    return value


def bounds(argument: Mapping[str, Any], lowest: int) -> Range:
    """The range of `min` and `max`; `lowest` where no `min` is given.

    Raises: ValueError when there is neither, or no number lies between them.
    """
    if "min" not in argument and "max" not in argument:
        raise ValueError("a range needs min, max or both, for example {max: 2}")
    low = count(argument["min"], "min") if "min" in argument else lowest
    high = count(argument["max"], "max") if "max" in argument else None
    if high is not None and low > high:
        if "min" in argument:
            raise ValueError(f"min {low} is above max {high}; no answer can meet that")
        low = high
    return Range(low=low, high=high)

"""Settings of cost models as written in YAML: read strictly, and refused with what to write instead."""

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from math import isfinite
from typing import Any

from bench.records.quantity import Money, money


def known(settings: Any, allowed: Collection[str], example: str) -> Mapping[str, Any]:
    """The mapping, when it holds only allowed keys.

    Raises: ValueError with a near miss and an example.
    """
    if not isinstance(settings, Mapping):
        raise ValueError(f"the settings are {settings!r}; write a mapping. For example: {example}")  # noqa: TRY004 - the contract of cost models
    for key in settings:
        if key not in allowed:
            near = get_close_matches(str(key), allowed, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"allowed are {', '.join(sorted(allowed))}."
            raise ValueError(f"unknown setting {key!r}; {hint} For example: {example}")
    return settings


def price(settings: Mapping[str, Any], name: str, example: str) -> Money:
    """The amount under a name.

    Raises: ValueError when it is missing or has no currency.
    """
    if name not in settings:
        raise ValueError(f"{name} is missing. For example: {example}")
    value = settings[name]
    if isinstance(value, Money):
        return value
    if not isinstance(value, str):
        raise ValueError(f"{name} is {value!r}; write an amount with its currency, such as 0.30 EUR")  # noqa: TRY004 - as above
    try:
        return money(value)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def watts(settings: Mapping[str, Any], name: str, default: float | None, example: str) -> float:
    """The power under a name. Unit: W.

    Raises: ValueError when it is no finite number from 0, or missing without a default.
    """
    value = settings.get(name, default)
    if value is None:
        raise ValueError(f"{name} is missing. For example: {example}")
    if isinstance(value, str):
        value = _number(value.strip().removesuffix("W"))
    if not isinstance(value, int | float) or isinstance(value, bool) or not isfinite(value) or value < 0:
        raise ValueError(f"{name} is {settings.get(name)!r}; write a number of watts from 0, such as 25")
    return float(value)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def shown(value: float) -> str:
    """A number as it stands in a formula: six significant digits, no more zeros than needed."""
    return f"{value:.6g}"

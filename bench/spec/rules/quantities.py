"""Numbers with a unit, whichever unit it is."""

from typing import Any

from bench.records.quantity import fraction, money, seconds, size_bytes


def kind_of(value: Any) -> str | None:
    """`number`, `duration`, `size`, `share` or `money`; None when it is none of them."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "number"
    if not isinstance(value, str):
        return None
    for kind, convert in (("duration", seconds), ("size", size_bytes), ("share", fraction), ("money", money)):
        try:
            convert(value)
        except (ValueError, OverflowError):
            continue
        return kind
    return None


def amount(value: str | float) -> float:
    """The number in the metric's own unit: s, bytes, 0–1, or an amount of money. Assumes a valid value."""
    match kind_of(value):
        case "duration":
            return seconds(value)
        case "size":
            return float(size_bytes(value))
        case "share":
            return fraction(value)
        case "money":
            return money(str(value)).amount
        case _:
            return float(value)

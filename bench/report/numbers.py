"""Numbers as people read them: unit, interval, and no more digits than the interval's width supports."""

import math
from collections.abc import Iterable
from typing import NamedTuple

from bench.records.estimate import Estimate
from bench.records.view import Cell

NOT_APPLICABLE = Cell(value="–", state="not_applicable")
NO_DATA = Cell(value="no data", state="no_data")
TOO_SMALL = "n too small"

_MOST_DECIMALS = 9  # a nanosecond, or a billionth of a currency unit: beyond it a digit says nothing here
_BYTE_UNITS = frozenset({"B", "byte", "bytes"})
_SHARE_UNITS = frozenset({"share", "score"})  # both 0–1


class Scale(NamedTuple):
    """How a column's values are shown: value × factor, then the unit."""

    factor: float
    unit: str


def scale(unit: str, values: Iterable[float | None]) -> Scale:
    """One scale for all values of a column, so that they can be compared by eye.

    Seconds follow the largest value, bytes (powers of 1000) the smallest that is not zero.
    """
    sizes = [abs(value) for value in values if value is not None and math.isfinite(value) and value]
    if is_share(unit):
        return Scale(100.0, "%")
    if unit == "s":
        largest = max(sizes, default=1.0)
        return Scale(1.0, "s") if largest >= 1 else Scale(1e3, "ms") if largest >= 1e-3 else Scale(1e6, "µs")
    if unit in _BYTE_UNITS:
        smallest = min(sizes, default=1.0)
        for power, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
            if smallest >= power:
                return Scale(1 / power, name)
        return Scale(1.0, "B")
    return Scale(1.0, {"1": "", "1/s": "per s"}.get(unit, unit))


def is_share(unit: str) -> bool:
    """Whether a number in 0–1 is shown in per cent."""
    return unit in _SHARE_UNITS


def decimals_for_width(width: float) -> int:
    """Decimals that show two significant digits of an interval's width: 0.13 -> 2, 1.3 -> 1, 40 -> 0."""
    return min(_MOST_DECIMALS, max(0, 1 - math.floor(math.log10(width))))


def decimals_for_digits(value: float, digits: int) -> int:
    """Decimals that show so many significant digits: (0.0421, 2) -> 3, (42.1, 2) -> 0."""
    return 0 if value == 0 or not math.isfinite(value) else min(_MOST_DECIMALS, max(0, digits - 1 - math.floor(math.log10(abs(value)))))


def plain(value: float, decimals: int) -> str:
    """A number with thousands separators and a true minus sign; never `-0`."""
    if not math.isfinite(value):
        return "–"
    text = f"{abs(value):,.{decimals}f}"
    return f"−{text}" if value < 0 and text.strip("0.,") else text


def significant(value: float, digits: int = 3) -> str:
    """A number with so many significant digits: 0.042137 -> `0.0421`; whole thousands stay whole: 98,362 -> `98,362`."""
    return plain(value, decimals_for_digits(value, digits))


def with_unit(text: str, unit: str) -> str:
    """Number and unit with a space between, also before `%` (ISO 80000-1)."""
    return f"{text} {unit}" if unit else text


def interval(low: float, high: float, decimals: int) -> str:
    """`[1.18–1.31]`; with a negative limit `[−0.2 to 1.3]`."""
    joint = " to " if low < 0 else "–"
    return f"[{plain(low, decimals)}{joint}{plain(high, decimals)}]"


def estimate_cell(found: Estimate | None, shown: Scale, *, absent: Cell = NOT_APPLICABLE) -> Cell:
    """Value with interval, as a cell. Without an interval the value keeps two digits and the remark says why; without a value the state does."""
    if found is None:
        return absent
    if found.value is None or not math.isfinite(found.value):
        return _without_value(found, absent)
    value = found.value * shown.factor
    if found.low is not None and found.high is not None and math.isfinite(found.low) and math.isfinite(found.high):
        low, high = found.low * shown.factor, found.high * shown.factor
        decimals = decimals_for_width(high - low) if high > low else decimals_for_digits(value, 3)
        return Cell(value=with_unit(plain(value, decimals), shown.unit), interval=interval(low, high, decimals))
    if found.statistic in {"value", "max"} or (found.n == 1 and not found.note):
        is_guess = found.note is not None and found.note.startswith("an estimate")
        return Cell(value=with_unit(significant(value), shown.unit), mark="estimate" if is_guess else "")
    return Cell(value=with_unit(significant(value, 2), shown.unit), mark=reason_without_interval(found), state="uncertain")


def _without_value(found: Estimate, absent: Cell) -> Cell:
    if found.n:
        return Cell(value=TOO_SMALL, state="uncertain")
    if found.failed and not found.not_applicable:
        return Cell(value="failed", state="failed")
    return NOT_APPLICABLE if found.not_applicable else absent


def reason_without_interval(found: Estimate) -> str:
    """Why an estimate has no interval, in few words."""
    return TOO_SMALL if found.note is None or "too small" in found.note else "no interval"


def seconds(value: float | None) -> str:
    """A single duration: `0.85 ms`, `420 ms`, `1.24 s`, `3.5 min`; `–` for None."""
    if value is None or not math.isfinite(value):
        return "–"
    if abs(value) >= 120:
        return with_unit(significant(value / 60, 2), "min")
    factor, unit = scale("s", [value])
    return with_unit(significant(value * factor), unit)


def size(value: float | None) -> str:
    """A single size: `98.4 MB`; `–` for None."""
    if value is None or not math.isfinite(value):
        return "–"
    factor, unit = scale("B", [value])
    return with_unit(significant(value * factor), unit)


def share(value: float) -> str:
    """A share in per cent, to the whole per cent; a share that is not all or nothing is never rounded to it."""
    text = f"{value * 100:.0f}"
    if (text == "100" and value < 1) or (text == "0" and value > 0):
        text = significant(value * 100) if text == "0" else ">99"
    return f"{text} %"


def money(amount: float | None, currency: str) -> str:
    """An amount with its currency: two decimals from one unit on, below that two significant digits. `–` for None."""
    if amount is None or not math.isfinite(amount):
        return "–"
    return f"{plain(amount, 2) if abs(amount) >= 1 else significant(amount, 2)} {currency}"


def count(n: int, noun: str, plural: str | None = None) -> str:
    """`1 prompt`, `10 prompts`, `1,200 trials`."""
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"

"""Numbers with a unit, as a person writes them in a spec: `60 s`, `5 %`, `2 GB`, `0.30 EUR`."""

import re
from math import floor, isfinite, log10

import msgspec


class Money(msgspec.Struct, frozen=True, kw_only=True):
    """An amount of money. Unit: `currency`, an ISO 4217 code; amounts of different currencies are never added."""

    amount: float
    currency: str


_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([A-Za-z%µ]*)", re.ASCII)
_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "min": 60.0, "h": 3600.0}
# SI prefixes are powers of 1000 and IEC prefixes powers of 1024 (IEC 80000-13).
_BYTES = {"B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
          "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}  # fmt: skip
_MOST_DECIMALS = 12
_LARGE = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def _split(text: str) -> tuple[float, str]:
    match = _QUANTITY.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a number with a unit")
    return float(match.group(1)), match.group(2)


def seconds(value: str | float) -> float:
    """Seconds of a duration such as `60 s`, `200 ms`, `30 min`, `1 h`; a bare number is in seconds.

    Raises: ValueError on another unit or a negative duration.
    """
    number, unit = (float(value), "s") if not isinstance(value, str) else _split(value)
    if unit not in _SECONDS:
        raise ValueError(f"{value!r} is not a duration; write it as `60 s`, `200 ms`, `30 min` or `1 h`")
    if number < 0:
        raise ValueError(f"{value!r} is negative; a duration is at least 0 s")
    return number * _SECONDS[unit]


def size_bytes(value: str | float) -> int:
    """Bytes of a size such as `2 GB` (10^9) or `2 GiB` (2^30); a bare number is in bytes.

    Raises: ValueError on another unit or a negative size.
    """
    number, unit = (float(value), "B") if not isinstance(value, str) else _split(value)
    if unit not in _BYTES:
        raise ValueError(f"{value!r} is not a size; write it as `500 MB`, `2 GB` or `2 GiB`")
    if number < 0:
        raise ValueError(f"{value!r} is negative; a size is at least 0 B")
    return round(number * _BYTES[unit])


def fraction(value: str | float) -> float:
    """A share in 0–1 of `5 %` or `0.05`.

    Raises: ValueError outside 0–1 or on another unit.
    """
    number, unit = (float(value), "") if not isinstance(value, str) else _split(value)
    if unit not in {"", "%"}:
        raise ValueError(f"{value!r} is not a share; write it as `5 %` or `0.05`")
    share = number / 100 if unit == "%" else number
    if not 0 <= share <= 1:
        raise ValueError(f"{value!r} is outside 0 % to 100 %")
    return share


def money(value: str) -> Money:
    """The amount and currency of `0.30 EUR`.

    Raises: ValueError without a three-letter currency, or when negative.
    """
    number, unit = _split(value)
    if len(unit) != 3 or not unit.isupper():
        raise ValueError(f"{value!r} has no currency; write it as `0.30 EUR`")
    if number < 0:
        raise ValueError(f"{value!r} is negative; an amount is at least 0")
    return Money(amount=number, currency=unit)


def scale_in_words(value: float, unit: str) -> tuple[float, str]:
    """What a number of this size and unit is multiplied with for people, and the unit that it then has."""
    match unit:
        case "s" if abs(value) < 1:
            return 1e3, "ms"
        case "share" | "score":
            return 100.0, "%"
        case "B":
            return next(((1 / size, name) for size, name in _LARGE if abs(value) >= size), (1.0, "B"))
        case "1/s":
            return 1.0, "per s"
        case _:
            return 1.0, "" if unit == "1" else unit


def plain(value: float, decimals: int) -> str:
    """A number with so many decimals and a true minus sign; never `-0`."""
    text = f"{abs(value):.{decimals}f}"
    return f"−{text}" if value < 0 and text.strip("0.") else text


def digits(value: float, n: int = 4) -> str:
    """A number to so many digits without an exponent; zeros at the end of its decimals are left out.

    >>> digits(61.25), digits(12345.6), digits(0.000012346), digits(-0.5), digits(3.0), digits(1.2345, 3)
    ('61.25', '12346', '0.00001235', '−0.5', '3', '1.23')
    """
    if value == 0 or not isfinite(value):
        return f"{value:g}"
    text = plain(value, min(_MOST_DECIMALS, max(0, n - 1 - floor(log10(abs(value))))))
    return text.rstrip("0").rstrip(".") if "." in text else text


def in_words(value: float, unit: str, n: int = 4) -> str:
    """A number with its unit, to four digits.

    >>> in_words(0.8, "s"), in_words(0.05, "share"), in_words(2e9, "B"), in_words(3.0, ""), in_words(61.25, "tokens/s")
    ('800 ms', '5 %', '2 GB', '3', '61.25 tokens/s')
    """
    factor, name = scale_in_words(value, unit)
    return f"{digits(value * factor, n)} {name}".rstrip()

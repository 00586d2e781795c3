"""Plain YAML scalars to values by the core schema of YAML 1.2. Source: yaml.org/spec/1.2.2, §10.3."""

import math
import re
from typing import Any

_MAX_DIGITS = 24
_MAX_INTEGER = 2**63  # what every JSON reader takes

_WORDS = {"": None, "~": None, "null": None, "Null": None, "NULL": None} | {
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", re.ASCII)


class Unusable:
    """A number that JSON cannot hold, and why."""

    def __init__(self, why: str) -> None:
        """Keep the reason."""
        self.why = why


def plain(text: str) -> Any:
    """The value of a plain scalar by the core schema."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return _integer(text)
    if _FLOAT.fullmatch(text):
        value = float(text)
        return value if math.isfinite(value) else Unusable("this number is too large")
    return Unusable(f"`{text}` is no finite number") if _NOT_FINITE.fullmatch(text) else text


def _integer(text: str) -> Any:
    if len(text) > _MAX_DIGITS:
        return Unusable("this whole number has too many digits")
    number = int(text, 0) if text[:2] in {"0o", "0x"} else int(text)
    return number if abs(number) < _MAX_INTEGER else Unusable("this whole number is beyond 64 bits")

"""`number`: the answer states a number."""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from bench.judge.checks import argument as read
from bench.protocols import Verdict

_NUMBER = {"type": "number"}
SCHEMA: dict[str, Any] = {
    "description": "A number the answer must state; or a mapping with `near` (and `tolerance`), or `min`/`max`, and options.",
    "anyOf": [
        _NUMBER,
        {
            "type": "object",
            "properties": {
                "near": {**_NUMBER, "description": "The number asked for."},
                "tolerance": {
                    "type": ["number", "string"],
                    "description": "How far off it may be: an amount (`0.5`) or a share of `near` (`5 %`); 0 if not given.",
                },
                "min": {**_NUMBER, "description": "The least value."},
                "max": {**_NUMBER, "description": "The greatest value."},
                "which": {
                    "enum": ["any", "first", "last", "only"],
                    "description": "Which number of the answer counts: any of them (default), the first, the last, or one that is the only one.",
                },
                "decimal": {
                    "enum": [".", ","],
                    "description": "The decimal mark of the answers (default `.`); the other one then groups thousands.",
                },
            },
            "additionalProperties": False,
            "anyOf": [{"required": ["near"]}, {"required": ["min"]}, {"required": ["max"]}],
        },
    ],
}
_EXAMPLE = "number: {near: 42, tolerance: 0.5}"
# A sign that joins nothing, a currency sign, digits with their marks, and an exponent or multiple with no letter after it.
_RUN = re.compile(
    r"(?<![\w.,])([+\-\u2212]?)[$\u20ac\u00a3\u00a5]?(\d[\d.,'\u2019\u00a0\u202f\u2009_]{0,60})"
    r"((?:[eE][+\-]?\d{1,3}|[kKM])?(?![A-Za-z]))?"
)
_GROUPS = "'\u2019\u00a0\u202f\u2009_"


class Number:
    """Passes when a number of the answer has the value, or lies in the range.

    Thousands may be grouped (`1,234`, `1 234` with no-break spaces, `1'234`); `12k` is 12000 and `3M` 3000000; a minus sign counts unless it joins
    two numbers (`10-12`); a share is read without its sign (`12 %` is 12). Digits inside words (`Q4`) and versions (`1.2.3`) are no numbers.
    """

    def __init__(self, argument: Any) -> None:
        """Read the argument. Raises: ValueError when it makes no sense."""
        options = _options(argument)
        self._which = read.choice(options.get("which", "any"), ("any", "first", "last", "only"), "which")
        self._mark = read.choice(options.get("decimal", "."), (".", ","), "decimal")
        self._low, self._high = _range(options)

    def decide(self, text: str) -> Verdict:
        """Whether the number is there; the detail lists the numbers that were read."""
        found = tuple(numbers(text, self._mark))
        counted = {"any": found, "first": found[:1], "last": found[-1:], "only": found if len(found) == 1 else ()}[self._which]
        asked = self._asked()
        if not found:
            return Verdict(passed=False, detail=f"no number in the answer, {asked} asked")
        listed = ", ".join(map(_plain, found[:8])) + ", …" * (len(found) > 8)
        return Verdict(passed=any(map(self._fits, counted)), detail=f"read {listed}; {asked} asked ({self._which})")

    def _fits(self, value: Decimal) -> bool:
        return (self._low is None or value >= self._low) and (self._high is None or value <= self._high)

    def _asked(self) -> str:
        if self._low is not None and self._high is not None:
            return _plain(self._low) if self._low == self._high else f"{_plain(self._low)} to {_plain(self._high)}"
        return f"at least {_plain(self._low)}" if self._low is not None else f"at most {_plain(self._high or Decimal(0))}"


def numbers(text: str, decimal: str = ".") -> Iterator[Decimal]:
    """The numbers a text states, in order."""
    for run in _RUN.finditer(text):
        sign, digits, suffix = run.group(1), run.group(2).rstrip(f".,{_GROUPS}"), run.group(3) or ""
        if len(digits) < len(run.group(2)):
            suffix = ""  # a mark stands between: the end of a sentence or clause
        whole = _value(digits, decimal)
        for value in [whole] if whole is not None else _pieces(digits, decimal):
            yield _scaled(value, suffix) * (-1 if sign in {"-", "\u2212"} else 1)


def _value(digits: str, decimal: str) -> Decimal | None:
    group = "," if decimal == "." else "."
    grouped = rf"\d{{1,3}}(?:([{re.escape(group + _GROUPS)}])\d{{3}})(?:\1\d{{3}})*"
    if re.fullmatch(rf"(?:{grouped}|\d+)(?:{re.escape(decimal)}\d+)?", digits) is None:
        return None
    kept = "".join(char for char in digits if char.isdigit() or char == decimal)
    return Decimal(kept.replace(decimal, "."))


def _pieces(digits: str, decimal: str) -> Iterator[Decimal]:
    """The numbers of a run such as `1,2,3`; a version such as `1.2.3` gives none."""
    group = "," if decimal == "." else "."
    for piece in re.split(f"[{re.escape(group)}{_GROUPS}]", digits):
        value = _value(piece, decimal)
        if value is not None:
            yield value


def _scaled(value: Decimal, suffix: str) -> Decimal:
    match suffix:
        case "":
            return value
        case "k" | "K":
            return value * 1000
        case "M":
            return value * 1_000_000
        case exponent:
            return value.scaleb(int(exponent[1:]))


def _plain(value: Decimal) -> str:
    short = format(value.normalize(), "f") if -12 < value.adjusted() < 15 else str(value)
    return short if len(short) <= 24 else f"{value:.6e}"


def _options(argument: Any) -> Mapping[str, Any]:
    if isinstance(argument, dict):
        return read.options(argument, ("near", "tolerance", "min", "max", "which", "decimal"), _EXAMPLE)
    return {"near": argument}


def _range(options: Mapping[str, Any]) -> tuple[Decimal | None, Decimal | None]:
    if "near" in options:
        if "min" in options or "max" in options:
            raise ValueError(f"write either near or min/max. For example: {_EXAMPLE}")
        near = _decimal(options["near"], "near")
        off = _tolerance(options.get("tolerance", 0), near)
        return near - off, near + off
    if "tolerance" in options:
        raise ValueError(f"tolerance goes with near. For example: {_EXAMPLE}")
    low = _decimal(options["min"], "min") if "min" in options else None
    high = _decimal(options["max"], "max") if "max" in options else None
    if low is None and high is None:
        raise ValueError(f"write near, min or max. For example: {_EXAMPLE}")
    if low is not None and high is not None and low > high:
        raise ValueError(f"min {low} is above max {high}; no number can meet that")
    return low, high


def _decimal(value: Any, what: str) -> Decimal:
    if isinstance(value, int | float) and not isinstance(value, bool):
        number = Decimal(repr(value))
        if number.is_finite():
            return number
    raise ValueError(f"{what} is {value!r}; write a number, for example 42 or 0.5")


def _tolerance(value: Any, near: Decimal) -> Decimal:
    if not isinstance(value, str):
        off = _decimal(value, "tolerance")
    else:
        try:
            share = Decimal(value.strip().removesuffix("%").strip())
        except InvalidOperation:
            share = Decimal("NaN")
        if not value.strip().endswith("%") or not share.is_finite():
            raise ValueError(f"tolerance is {value!r}; write an amount such as 0.5, or a share of near such as 5 %")
        off = abs(near) * share / 100
    if off < 0:
        raise ValueError(f"tolerance is {value!r}; write at least 0")
    return off


EXAMPLES = (
    (42, "The answer is 42.", True),
    (42, "The answer is 42", True),
    (42, "The answer is 43.", False),
    (42, "The answer is 4.2", False),
    (1234, "They spent 1,234 EUR.", True),
    (1234567.5, "1,234,567.50 in total", True),
    (1234, "1\u202f234 people", True),
    (1234, "1'234 people", True),
    ({"near": 1234.5, "decimal": ","}, "1.234,50 EUR", True),
    (12000, "a budget of $12k, then more", True),
    (2_500_000, "about 2.5M users", True),
    (-3, "it fell by \u22123 degrees", True),
    (12, "10-12 people", True),
    (-12, "10-12 people", False),
    (4, "Q4 results", False),
    (2, "1, 2 and 3", True),
    (2, "1,2,3", True),
    (1.2, "version 1.2.3", False),
    (0.3, "0.30", True),
    ({"near": 0.3, "tolerance": 0.1}, "0.2", True),
    ({"near": 200, "tolerance": "5 %"}, "It took 209 ms.", True),
    ({"near": 200, "tolerance": "5 %"}, "It took 211 ms.", False),
    ({"min": 1, "max": 5}, "I give it 4/5.", True),
    ({"near": 7, "which": "last"}, "3 + 4 = 7", True),
    ({"near": 7, "which": "last"}, "7 comes before 8", False),
    ({"near": 7, "which": "first"}, "7 comes before 8", True),
    ({"near": 7, "which": "only"}, "7 comes before 8", False),
    (1500, "1.5e3 steps", True),
    (5, "none at all", False),
    (5, "", False),
)

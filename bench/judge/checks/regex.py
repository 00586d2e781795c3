"""`regex`: a regular expression matches the answer."""

import re
from typing import Any

from bench.judge.checks import argument as read
from bench.judge.checks.bounded import SHARED, TEXT_LIMIT, Undecided
from bench.judge.checks.reading import as_code, shown
from bench.protocols import Verdict

PATTERN_LIMIT = 2000  # characters

SCHEMA: dict[str, Any] = {
    "description": "A regular expression (Python's) that must match somewhere; or a mapping with `pattern` and options.",
    "anyOf": [
        {"type": "string", "minLength": 1, "maxLength": PATTERN_LIMIT},
        {
            "type": "object",
            "properties": {
                "pattern": {"type": "string", "minLength": 1, "maxLength": PATTERN_LIMIT, "description": "The regular expression (Python's)."},
                "case": {"enum": ["ignore", "exact"], "description": "Whether upper and lower case differ (`exact`, the default) or not (`ignore`)."},
                "match": {
                    "enum": ["anywhere", "whole"],
                    "description": "Whether it may match anywhere (default) or must match the whole answer, white space at the ends aside.",
                },
            },
            "additionalProperties": False,
            "required": ["pattern"],
        },
    ],
}
_EXAMPLE = r"regex: {pattern: '\b(Mon|Fri)day\b', case: ignore}"


class Regex:
    """Passes when the pattern matches the answer as it stands (no typographic forms are changed). Case counts unless `case: ignore`.

    A match that takes longer than two seconds is ended, and the check stays undecided.
    """

    def __init__(self, argument: Any) -> None:
        """Read the argument. Raises: ValueError when it makes no sense or is no regular expression."""
        options = read.options(argument, ("pattern", "case", "match"), _EXAMPLE) if isinstance(argument, dict) else {"pattern": argument}
        if "pattern" not in options:
            raise ValueError(f"write the expression under pattern. For example: {_EXAMPLE}")
        self._pattern = _checked(options["pattern"])
        self._ignore_case = read.choice(options.get("case", "exact"), ("ignore", "exact"), "case") == "ignore"
        self._whole = read.choice(options.get("match", "anywhere"), ("anywhere", "whole"), "match") == "whole"

    def decide(self, text: str) -> Verdict:
        """Whether it matches; the detail shows the match. Undecided when matching takes too long."""
        if len(text) > TEXT_LIMIT:
            return Verdict(passed=None, detail=f"the answer has {len(text)} characters, more than the {TEXT_LIMIT} that are searched")
        job = {"job": "search", "pattern": self._pattern, "ignore_case": self._ignore_case, "whole": self._whole, "text": text.strip()}
        try:
            answer = SHARED.ask(job)
        except Undecided as reason:
            return Verdict(passed=None, detail=f"the pattern {as_code(self._pattern)} could not be decided: {reason}; avoid repeats inside repeats")
        found = answer["found"] is True
        return Verdict(passed=found, detail=f"matched {shown(answer['text'])}" if found else f"no match of {as_code(self._pattern)}")


def _checked(pattern: Any) -> str:
    if not isinstance(pattern, str) or not pattern:
        raise ValueError(f"the pattern is {pattern!r}; write a regular expression in single quotes. For example: {_EXAMPLE}")
    if len(pattern) > PATTERN_LIMIT:
        raise ValueError(f"the pattern has {len(pattern)} characters; at most {PATTERN_LIMIT} are allowed")
    try:
        re.compile(pattern)
    except re.error as error:
        where = f" at character {error.pos + 1}" if error.pos is not None else ""
        raise ValueError(f"{shown(pattern)} is no regular expression: {error.msg}{where}") from error
    except (RecursionError, OverflowError) as error:
        raise ValueError(f"{shown(pattern)} is too deeply nested or too large to be a pattern") from error
    return pattern


EXAMPLES = (
    (r"\b27(th)?\b", "Due on the 27th of May.", True),
    (r"\b27\b", "Due in 1927", False),
    (r"friday", "Friday", False),
    ({"pattern": "friday", "case": "ignore"}, "Friday", True),
    ({"pattern": r"\d+", "match": "whole"}, " 42\n", True),
    ({"pattern": r"\d+", "match": "whole"}, "42 apples", False),
    (r"(?s)first.*last", "first\nlast", True),
    (r"(?m)^- ", "Items:\n- one", True),
    (r"x", "", False),
    ({"pattern": r"(a|a)+$"}, "a" * 60 + "!", None),
)

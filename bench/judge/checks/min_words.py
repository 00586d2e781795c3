"""`min_words`: the answer is at least so many words long."""

from typing import Any

from bench.judge.checks import argument as read
from bench.judge.checks.reading import words
from bench.protocols import Verdict

SCHEMA: dict[str, Any] = {"type": "integer", "minimum": 1, "description": "The fewest words the answer may have."}


class MinWords:
    """Passes when the answer has at least so many words, counted as in `max_words`."""

    def __init__(self, argument: Any) -> None:
        """Read the argument. Raises: ValueError when it is no whole number from 1."""
        self._limit = read.count(argument, "the argument of min_words")
        if self._limit == 0:
            raise ValueError("min_words is 0; every answer meets that, write a whole number from 1")

    def decide(self, text: str) -> Verdict:
        """Whether the count reaches the limit; the detail says the count."""
        n = words(text)
        return Verdict(passed=n >= self._limit, detail=f"{n} words, at least {self._limit} asked")


EXAMPLES = (
    (3, "one two three", True),
    (4, "one two three", False),
    (2, "one \u2013 \u2022", False),
    (1, "", False),
)

"""`max_words`: the answer is at most so many words long."""

from typing import Any

from bench.judge.checks import argument as read
from bench.judge.checks.reading import EMPTY, words
from bench.protocols import Verdict

SCHEMA: dict[str, Any] = {"type": "integer", "minimum": 1, "description": "The most words the answer may have."}


class MaxWords:
    """Passes when the answer has at most so many words.

    A word is a run without white space that holds a letter or digit (`twenty-five` is one word, a lone dash or bullet none; each Chinese or Japanese
    character is one). An empty answer does not pass.
    """

    def __init__(self, argument: Any) -> None:
        """Read the argument. Raises: ValueError when it is no whole number from 1."""
        self._limit = read.count(argument, "the argument of max_words")
        if self._limit == 0:
            raise ValueError("max_words is 0; no answer can meet that, write a whole number from 1")

    def decide(self, text: str) -> Verdict:
        """Whether the count is within the limit; the detail says the count."""
        n = words(text)
        if n == 0:
            return Verdict(passed=False, detail=EMPTY)
        return Verdict(passed=n <= self._limit, detail=f"{n} words, at most {self._limit} asked")


EXAMPLES = (
    (3, "one two three", True),
    (3, "one two three four", False),
    (3, "- one\n- two \u2013 three", True),
    (2, "state-of-the-art methods", True),
    (3, "ship\u2014Friday, 9.5 %", True),
    (4, "\u4f1a\u8bae\u7eaa\u8981", True),
    (3, "\u4f1a\u8bae\u7eaa\u8981", False),
    (3, " \n", False),
)

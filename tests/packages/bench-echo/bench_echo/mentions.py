"""A check: `mentions_prompt: 2` is met by answers with at least two words of four letters or more."""

from typing import Any

from bench.protocols import Verdict

_LONG = 4


class MentionsPrompt:
    """Counts long words."""

    def __init__(self, argument: Any) -> None:
        """Take the argument as it is written in the spec. Raises: ValueError, whose words a user reads beside the line."""
        if not isinstance(argument, int) or isinstance(argument, bool) or argument < 1:
            raise ValueError(f"expected a whole number from 1, found {argument!r}")
        self._least = argument

    def decide(self, text: str) -> Verdict:
        """The verdict on one answer."""
        found = [word for word in text.split() if len(word) >= _LONG]
        return Verdict(passed=len(found) >= self._least, detail=f"{len(found)} long words, {self._least} expected")

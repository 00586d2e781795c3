"""`contains`: the answer holds a text, all of several, or any of several."""

import re
from typing import Any

import msgspec

from bench.judge.checks import argument as read
from bench.judge.checks.reading import same, shown
from bench.protocols import Verdict

SCHEMA: dict[str, Any] = {
    "description": "A text the answer must hold; a list: all of them; or a mapping with `all` or `any` and options.",
    "anyOf": [
        read.TEXT_SCHEMA,
        read.TEXTS_SCHEMA,
        {
            "type": "object",
            "properties": {
                "all": {**read.TEXTS_SCHEMA, "description": "Every one of these texts must occur."},
                "any": {**read.TEXTS_SCHEMA, "description": "At least one of these texts must occur (or `at_least` of them)."},
                "at_least": {"type": "integer", "minimum": 1, "description": "How many of the texts under `any` must occur; 1 if not given."},
                "case": read.CASE_SCHEMA,
                "whole_words": {"type": "boolean", "description": "Whether a text counts only where no letter or digit adjoins it (default: false)."},
            },
            "additionalProperties": False,
            "oneOf": [{"required": ["all"]}, {"required": ["any"]}],
        },
    ],
}
_EXAMPLE = "contains: {any: [Friday, 'the 27th'], case: ignore}"


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Texts to look for, and how."""

    texts: tuple[str, ...]
    at_least: int
    ignore_case: bool = True
    whole_words: bool = False

    def found(self, answer: str) -> tuple[str, ...]:
        """Those of the texts that occur in the answer."""
        heard = same(answer, ignore_case=self.ignore_case)
        return tuple(text for text in self.texts if self._occurs(same(text, ignore_case=self.ignore_case), heard))

    def _occurs(self, text: str, heard: str) -> bool:
        if not self.whole_words:
            return text in heard
        return re.search(rf"(?<!\w){re.escape(text)}(?!\w)", heard) is not None


class Contains:
    """Passes when the texts occur in the answer.

    Case is ignored unless `case: exact`; quotation marks, apostrophes, dashes and white space count as the same in all their forms. Parts of words
    count (`art` occurs in `start`) unless `whole_words: true`.
    """

    def __init__(self, argument: Any) -> None:
        """Read the argument. Raises: ValueError when it makes no sense."""
        if not isinstance(argument, dict):
            texts = read.texts(argument, "the argument of contains")
            self._wanted = Wanted(texts=texts, at_least=len(texts))
            return
        options = read.options(argument, ("all", "any", "at_least", "case", "whole_words"), _EXAMPLE)
        if ("all" in options) == ("any" in options):
            raise ValueError(f"write either all or any. For example: {_EXAMPLE}")
        name = "all" if "all" in options else "any"
        texts = read.texts(options[name], name)
        self._wanted = Wanted(
            texts=texts,
            at_least=_at_least(options, texts),
            ignore_case=read.choice(options.get("case", "ignore"), ("ignore", "exact"), "case") == "ignore",
            whole_words=read.flag(options.get("whole_words", False), "whole_words"),
        )

    def decide(self, text: str) -> Verdict:
        """Whether enough of the texts occur; the detail names those that are missing."""
        wanted = self._wanted
        found = wanted.found(text)
        passed = len(found) >= wanted.at_least
        if passed:
            return Verdict(passed=True, detail=f"found {', '.join(map(shown, found))}")
        missing = ", ".join(shown(item) for item in wanted.texts if item not in found)
        if wanted.at_least < len(wanted.texts):
            return Verdict(passed=False, detail=f"found {len(found)} of at least {wanted.at_least}; not found: {missing}")
        return Verdict(passed=False, detail=f"not found: {missing}")


def _at_least(options: Any, texts: tuple[str, ...]) -> int:
    if "all" in options:
        if "at_least" in options:
            raise ValueError("at_least goes with any, not with all")
        return len(texts)
    needed = read.count(options.get("at_least", 1), "at_least")
    if not 1 <= needed <= len(texts):
        raise ValueError(f"at_least is {needed}; write a number from 1 to {len(texts)}, the number of texts under any")
    return needed


EXAMPLES = (
    ("Friday", "The launch moves to Friday.", True),
    ("Friday", "The launch moves to Monday.", False),
    ("friday", "FRIDAY it is.", True),
    ({"all": ["friday"], "case": "exact"}, "Friday it is.", False),
    ("don't", "We don\u2019t ship on Fridays.", True),
    ("caf\u00e9", "They met in the cafe\u0301.", True),
    ("twenty five", "About twenty\u00a0five people, in twenty\n  five chairs", True),
    ("stra\u00dfe", "BAHNHOFSTRASSE 4", True),
    ("state-of-the-art", "a state\u2011of\u2011the\u2011art method", True),
    (["Maria", "budget"], "Maria owns the plan.", False),
    (["Maria", "budget"], "Maria owns the budget.", True),
    ({"any": ["Friday", "the 27th"]}, "Due on the 27th.", True),
    ({"any": ["a1", "b2", "c3"], "at_least": 2}, "b2 then c3", True),
    ({"any": ["a1", "b2", "c3"], "at_least": 2}, "only c3", False),
    ("art", "We start now.", True),
    ({"all": ["art"], "whole_words": True}, "We start now.", False),
    ({"all": ["art"], "whole_words": True}, "Modern art, then.", True),
    (42, "There were 42 answers.", True),
    ("x", "", False),
)

"""`not_contains`: none of the texts occurs in the answer."""

from typing import Any

from bench.judge.checks import argument as read
from bench.judge.checks.contains import Wanted
from bench.judge.checks.reading import EMPTY, shown
from bench.protocols import Verdict

SCHEMA: dict[str, Any] = {
    "description": "A text that must not occur; a list: none of them; or a mapping with `any` and options.",
    "anyOf": [
        read.TEXT_SCHEMA,
        read.TEXTS_SCHEMA,
        {
            "type": "object",
            "properties": {
                "any": {**read.TEXTS_SCHEMA, "description": "Texts of which none may occur."},
                "case": read.CASE_SCHEMA,
                "whole_words": {"type": "boolean", "description": "Whether a text counts only where no letter or digit adjoins it (default: false)."},
            },
            "additionalProperties": False,
            "required": ["any"],
        },
    ],
}
_EXAMPLE = "not_contains: {any: ['as an AI', sorry], case: ignore}"


class NotContains:
    """Passes when none of the texts occurs.

    Text is compared as in `contains`. An empty answer does not pass: it avoids everything and says nothing.
    """

    def __init__(self, argument: Any) -> None:
        """Read the argument. Raises: ValueError when it makes no sense."""
        if not isinstance(argument, dict):
            self._unwanted = Wanted(texts=read.texts(argument, "the argument of not_contains"), at_least=1)
            return
        options = read.options(argument, ("any", "case", "whole_words"), _EXAMPLE)
        if "any" not in options:
            raise ValueError(f"write the texts under any. For example: {_EXAMPLE}")
        self._unwanted = Wanted(
            texts=read.texts(options["any"], "any"),
            at_least=1,
            ignore_case=read.choice(options.get("case", "ignore"), ("ignore", "exact"), "case") == "ignore",
            whole_words=read.flag(options.get("whole_words", False), "whole_words"),
        )

    def decide(self, text: str) -> Verdict:
        """Whether none occurs; the detail names those that do."""
        if not text.strip():
            return Verdict(passed=False, detail=EMPTY)
        found = self._unwanted.found(text)
        if found:
            return Verdict(passed=False, detail=f"found {', '.join(map(shown, found))}")
        return Verdict(passed=True, detail="found none of them")


EXAMPLES = (
    ("as an AI", "The team agreed on Friday.", True),
    ("as an AI", "As an AI, I cannot attend meetings.", False),
    (["sorry", "cannot"], "I can\u2019t, but I cannot say why.", False),
    ({"any": ["IT"], "case": "exact", "whole_words": True}, "it went to the IT team", False),
    ({"any": ["IT"], "case": "exact", "whole_words": True}, "it went to the ITALIAN team", True),
    ("I'm sorry", "I\u2019m sorry, no.", False),
    ("sorry", " \n ", False),
)

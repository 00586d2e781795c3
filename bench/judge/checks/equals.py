"""`equals`: the whole answer is a text, or one of several."""

import unicodedata
from typing import Any

from bench.judge.checks import argument as read
from bench.judge.checks.reading import same, shown
from bench.protocols import Verdict

SCHEMA: dict[str, Any] = {
    "description": "The text the whole answer must be; a list: one of them; or a mapping with `any` and options.",
    "anyOf": [
        read.TEXT_SCHEMA,
        read.TEXTS_SCHEMA,
        {
            "type": "object",
            "properties": {
                "any": {**read.TEXTS_SCHEMA, "description": "Texts of which the answer must be one."},
                "case": read.CASE_SCHEMA,
                "punctuation": {
                    "enum": ["keep", "ignore"],
                    "description": "Whether punctuation at both ends of the answer counts (`keep`, the default) or not (`ignore`).",
                },
            },
            "additionalProperties": False,
            "required": ["any"],
        },
    ],
}
_EXAMPLE = "equals: {any: [yes, 'yes, it is'], punctuation: ignore}"


class Equals:
    """Passes when the whole answer is one of the texts. Text is compared as in `contains`: case and the form of white space do not count."""

    def __init__(self, argument: Any) -> None:
        """Read the argument. Raises: ValueError when it makes no sense."""
        options = read.options(argument, ("any", "case", "punctuation"), _EXAMPLE) if isinstance(argument, dict) else {"any": argument}
        if "any" not in options:
            raise ValueError(f"write the texts under any. For example: {_EXAMPLE}")
        texts = read.texts(options["any"], "any" if isinstance(argument, dict) else "the argument of equals")
        self._ignore_case = read.choice(options.get("case", "ignore"), ("ignore", "exact"), "case") == "ignore"
        self._bare = read.choice(options.get("punctuation", "keep"), ("keep", "ignore"), "punctuation") == "ignore"
        self._texts = frozenset(map(self._form, texts))

    def _form(self, text: str) -> str:
        form = same(text, ignore_case=self._ignore_case)
        return _without_outer_punctuation(form) if self._bare else form

    def decide(self, text: str) -> Verdict:
        """Whether the answer is one of the texts; the detail shows the answer."""
        return Verdict(passed=self._form(text) in self._texts, detail=f"the answer is {shown(text)}")


def _without_outer_punctuation(text: str) -> str:
    inner = [place for place, char in enumerate(text) if not (char.isspace() or unicodedata.category(char)[0] == "P")]
    return text[inner[0] : inner[-1] + 1] if inner else ""


EXAMPLES = (
    ("yes", "Yes\n", True),
    ("yes", "Yes.", False),
    ({"any": ["yes"], "punctuation": "ignore"}, '"Yes."', True),
    ({"any": ["yes"], "punctuation": "ignore"}, "Yes, it is.", False),
    ({"any": ["C3PO"], "case": "exact"}, "c3po", False),
    (["positive", "negative"], "Negative", True),
    (7, "7", True),
    ("it's", "It\u2019s", True),
    ("yes", "", False),
)

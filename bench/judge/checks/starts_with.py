"""`starts_with`: the answer begins with a text, or with one of several."""

from typing import Any

from bench.judge.checks import argument as read
from bench.judge.checks.reading import same, shown
from bench.protocols import Verdict

SCHEMA: dict[str, Any] = {
    "description": "A text the answer must begin with; a list: one of them; or a mapping with `any` and `case`.",
    "anyOf": [
        read.TEXT_SCHEMA,
        read.TEXTS_SCHEMA,
        {
            "type": "object",
            "properties": {"any": {**read.TEXTS_SCHEMA, "description": "Texts of which one must come first."}, "case": read.CASE_SCHEMA},
            "additionalProperties": False,
            "required": ["any"],
        },
    ],
}
_EXAMPLE = "starts_with: {any: [Yes, No], case: exact}"


class StartsWith:
    """Passes when the answer, white space aside, begins with one of the texts. Text is compared as in `contains`."""

    def __init__(self, argument: Any) -> None:
        """Read the argument. Raises: ValueError when it makes no sense."""
        options = read.options(argument, ("any", "case"), _EXAMPLE) if isinstance(argument, dict) else {"any": argument}
        if "any" not in options:
            raise ValueError(f"write the texts under any. For example: {_EXAMPLE}")
        self._texts = read.texts(options["any"], "any" if isinstance(argument, dict) else "the argument of starts_with")
        self._ignore_case = read.choice(options.get("case", "ignore"), ("ignore", "exact"), "case") == "ignore"

    def decide(self, text: str) -> Verdict:
        """Whether the beginning is one of the texts; the detail shows the beginning."""
        heard = same(text, ignore_case=self._ignore_case)
        passed = any(heard.startswith(same(start, ignore_case=self._ignore_case)) for start in self._texts)
        return Verdict(passed=passed, detail=f"begins with {shown(text, 40)}")


EXAMPLES = (
    ("Summary:", "  summary: we ship on Friday", True),
    ("Summary:", "Here is the summary: we ship", False),
    (["Yes", "No"], "No, it is not.", True),
    ({"any": ["Yes"], "case": "exact"}, "yes", False),
    ("Yes", "", False),
)

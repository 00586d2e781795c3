"""`overlap`: how much of the words of a reference, or of any text, the answer has. Needs the extra `overlap`.

Word overlap is a weak sign of quality: a good answer in other words scores low, a wrong one in the same words high. It stands here for comparison
with published numbers, and as the baseline that a judge has to beat.
"""

import re
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from bench.errors import MissingExtension
from bench.judge.checks import argument as read
from bench.judge.checks.reading import EMPTY, same
from bench.protocols import Verdict

_SHARE = {"type": "number", "minimum": 0, "maximum": 1}
SCHEMA: dict[str, Any] = {
    "description": "The least overlap of words with the prompt's `reference`, 0 to 1; or a mapping with `min` or `max`, and options.",
    "anyOf": [
        _SHARE,
        {
            "type": "object",
            "properties": {
                "min": {**_SHARE, "description": "The least overlap."},
                "max": {**_SHARE, "description": "The greatest overlap, where an answer is to be in words of its own."},
                "with": {**read.TEXT_SCHEMA, "description": "The text to compare with; the prompt's `reference` if not given."},
                "measure": {
                    "enum": ["rouge_l", "bleu", "chrf"],
                    "description": "`rouge_l` (default): words in the same order, as the mean of both texts' shares; `bleu`: runs of one to four "
                    "words of the answer; `chrf`: runs of up to six letters, for languages with many endings.",
                },
            },
            "additionalProperties": False,
            "anyOf": [{"required": ["min"]}, {"required": ["max"]}],
        },
    ],
}
_EXAMPLE = "overlap: {min: 0.3, measure: rouge_l}"
_NAMES = {"rouge_l": "ROUGE-L", "bleu": "BLEU", "chrf": "chrF"}
_NEEDS = {"rouge_l": "rapidfuzz", "bleu": "sacrebleu", "chrf": "sacrebleu"}
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]|[^\W_\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")
_MOST_CHARACTERS = 200_000  # of each text: what lies behind them is not compared


class Overlap:
    """Passes when the overlap of words lies within the bounds.

    Case, punctuation and forms of quotation marks and dashes do not count. Sources: ROUGE-L as F1 of the longest common subsequence (C.-Y. Lin, ACL
    workshop on text summarization branches out, 2004); BLEU of one sentence with exponential smoothing (M. Post, WMT 2018); chrF2 (M. Popović, WMT
    2015).
    """

    def __init__(self, argument: Any) -> None:
        """Read the argument. Raises: ValueError when it makes no sense, MissingExtension without the extra."""
        given = read.options(argument, ("min", "max", "with", "measure"), _EXAMPLE) if isinstance(argument, dict) else {"min": argument}
        self._low, self._high = (_share(given[name], name) if name in given else None for name in ("min", "max"))
        if self._low is None and self._high is None:
            raise ValueError(f"write min or max. For example: {_EXAMPLE}")
        if self._low is not None and self._high is not None and self._low > self._high:
            raise ValueError(f"min {self._low:g} is above max {self._high:g}; no answer can meet that")
        self._measure = read.choice(given.get("measure", "rouge_l"), tuple(_NAMES), "measure")
        self._other = read.text(given["with"], "with") if "with" in given else None
        if find_spec(_NEEDS[self._measure]) is None:
            message = f"check 'overlap' needs the Python package '{_NEEDS[self._measure]}', which is not installed"
            raise MissingExtension(message, hint="pip install 'bench-spec[overlap]'")

    def beside(self, reference: str | None) -> "Overlap":
        """Compare with the prompt's reference, where the argument has no text of its own."""
        if self._other is None:
            self._other = reference
        return self

    def decide(self, text: str) -> Verdict:
        """Whether the overlap is within the bounds; the detail says how much it is."""
        if self._other is None:
            return Verdict(passed=None, detail="there is nothing to compare with: the prompt has no reference, and overlap has no `with`")
        if not same(text):
            return Verdict(passed=False, detail=EMPTY)
        found = _MEASURES[self._measure](text[:_MOST_CHARACTERS], self._other[:_MOST_CHARACTERS])
        passed = (self._low is None or found >= self._low) and (self._high is None or found <= self._high)
        bounds = [f"{word} {bound:g}" for word, bound in (("at least", self._low), ("at most", self._high)) if bound is not None]
        return Verdict(passed=passed, detail=f"{_NAMES[self._measure]} {found:.3f}, {' and '.join(bounds)} asked")


def _share(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError(f"{name} is {value!r}; write a share from 0 to 1. For example: {_EXAMPLE}")
    return float(value)


def words(text: str) -> list[str]:
    """The words as they are compared; in scripts without spaces each character is one."""
    return _WORD.findall(same(text))


def rouge_l(answer: str, other: str) -> float:
    """F1 of the longest common subsequence of words, 0 to 1."""
    from rapidfuzz.distance import LCSseq  # noqa: PLC0415 - an extra, and a spec without this check shall not load it

    said, wanted = words(answer), words(other)
    return 2 * LCSseq.similarity(said, wanted) / (len(said) + len(wanted)) if said and wanted else 0.0


def bleu(answer: str, other: str) -> float:
    """BLEU of the answer as one sentence, 0 to 1."""
    from sacrebleu.metrics.bleu import BLEU  # noqa: PLC0415 - the same

    measured = BLEU(effective_order=True, tokenize="none").sentence_score(" ".join(words(answer)), [" ".join(words(other))])
    return float(measured.score) / 100


def chrf(answer: str, other: str) -> float:
    """chrF2, 0 to 1."""
    from sacrebleu.metrics.chrf import CHRF  # noqa: PLC0415 - the same

    return float(CHRF().sentence_score(" ".join(words(answer)), [" ".join(words(other))]).score) / 100


_MEASURES: dict[str, Callable[[str, str], float]] = {"rouge_l": rouge_l, "bleu": bleu, "chrf": chrf}
_NOTE = "The launch moves to Friday, and Maria owns the budget."
EXAMPLES = (
    ({"min": 0.5, "with": _NOTE}, "The launch moves to Friday.", True),
    ({"min": 0.9, "with": _NOTE}, "The launch moves to Friday.", False),
    ({"min": 0.5, "with": _NOTE}, "Nobody knows what comes next.", False),
    ({"min": 1, "with": _NOTE}, "the launch moves to friday and maria owns the budget", True),
    ({"max": 0.6, "with": _NOTE}, _NOTE, False),
    ({"max": 0.6, "with": _NOTE}, "It starts later; she has the money.", True),
    ({"min": 0.2, "max": 0.9, "with": _NOTE}, "The launch moves to Friday.", True),
    ({"min": 0.5, "with": _NOTE, "measure": "bleu"}, "The launch moves to Friday, and Maria owns it.", True),
    ({"min": 0.5, "with": _NOTE, "measure": "bleu"}, "Friday Maria budget launch moves.", False),
    ({"min": 0.5, "with": _NOTE, "measure": "chrf"}, "The launch moved to Friday, and Maria owned the budgets.", True),
    ({"min": 0.5, "with": "会议改到周五"}, "会议改到周六", True),
    ({"min": 0.1, "with": _NOTE}, " \n", False),
    (0.5, "There is no reference here.", None),
)

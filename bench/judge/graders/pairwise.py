"""`pairwise`: which of two answers to one prompt is better, asked in both orders."""

from typing import Literal

import msgspec

from bench.judge.asking import LEAST_ALTERNATIVES, believed, drawn
from bench.judge.escape import one_line
from bench.judge.interview import Interview, Wanted
from bench.judge.items import Finding, items_of
from bench.judge.labels import UNDECIDED, share_of
from bench.judge.means import JudgeMeans
from bench.judge.parse import read_word
from bench.records.judging import Candidate, PairJudgement

SLOTS = ("A", "B")
Preferred = Literal["first", "second", "tie"]


class Pairwise:
    """An answer is preferred when it is in both places; where the orders disagree, the place decided, and it is a tie.

    Source: Zheng et al., Judging LLM-as-a-Judge (arXiv 2306.05685), section 3.4, "swapping positions".
    """

    def __init__(self, means: JudgeMeans) -> None:
        """Take a judge. Raises: ValueError for settings or templates that make no sense."""
        self._interview = Interview(means)

    async def compare(self, first: Candidate, second: Candidate) -> PairJudgement:
        """What the judge prefers."""
        forward = await self._ask("forward", first, second)
        backward = await self._ask("backward", second, first)
        asked = (*forward.asked, *backward.asked)
        for found in (forward, backward):
            if found.state != "graded":
                return PairJudgement(
                    state=found.state, method=found.method, label_mass=found.label_mass, why_not=found.why_not, rationale=found.detail, asked=asked
                )
        if forward.p is None or backward.p is None:
            raise AssertionError("a graded finding without a belief")
        mass = min((each.label_mass for each in (forward, backward) if each.label_mass is not None), default=None)
        preferred, why = settled(forward.p, 1.0 - backward.p)
        return PairJudgement(
            state="graded", preferred=preferred, p_forward=forward.p, p_backward=1.0 - backward.p, label_mass=mass, method=forward.method,
            rationale=why, asked=asked,
        )  # fmt: skip

    async def _ask(self, about: str, shown_first: Candidate, shown_second: Candidate) -> Finding:
        """P(the answer shown first is better)."""
        messages = self._interview.wording.about_pair(shown_first, shown_second, _points(shown_first))
        if self._interview.capabilities.top_logprobs >= LEAST_ALTERNATIVES["pair"]:
            asked = await self._interview.label(about, messages, self._interview.prefix("pair"))
            belief = believed(asked, SLOTS)
            if not isinstance(belief, Finding):
                return Finding(state="graded", p=share_of(belief, *SLOTS), label_mass=belief.label_mass, method="logprobs", asked=(asked,))
            if belief.why_not != "unparsed":
                return msgspec.structs.replace(belief, asked=(asked,))

        def read(text: str) -> float | None:
            word = read_word(text, SLOTS)
            return None if word is None else float(word == "A")

        return await drawn(self._interview, about, messages, Wanted(form="pair", choices=SLOTS, read=read))


def settled(p_forward: float, p_backward: float) -> tuple[Preferred, str | None]:
    """Which answer is preferred, given P(first is better) in both orders, and a word on ties.

    >>> settled(0.9, 0.8)[0], settled(0.9, 0.2)[0], settled(0.52, 0.9)[0]
    ('first', 'tie', 'tie')
    """
    sides = [0 if abs(p - 0.5) < UNDECIDED else 1 if p > 0.5 else -1 for p in (p_forward, p_backward)]
    match sides:
        case [1, 1]:
            return "first", None
        case [-1, -1]:
            return "second", None
        case [1, -1] | [-1, 1]:
            return "tie", "the orders disagree: the place decided, not the answer"
    return "tie", "too near one half in at least one order"


def _points(candidate: Candidate) -> str:
    """What is expected of the answers, one a line."""
    said = {"expect": "", "forbid": "it must not be that: ", "question": ""}
    return "\n".join(f"- {said[item.kind]}{one_line(item.text)}" for item in items_of(candidate))


EXAMPLES = (
    # P(A) with the first answer shown as A, P(A) with the second answer shown as A, what is preferred
    (0.9, 0.1, "first"),
    (0.1, 0.9, "second"),
    (0.9, 0.9, "tie"),  # the judge likes A
    (0.51, 0.49, "tie"),
)

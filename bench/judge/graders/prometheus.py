"""`prometheus`: absolute grading in the form that the Prometheus 2 judges were trained on."""

import msgspec

from bench.judge.escape import one_line
from bench.judge.interview import Interview
from bench.judge.items import Finding, Item, items_of, judgement, scale_of
from bench.judge.means import JudgeMeans
from bench.judge.parse import read_result
from bench.judge.prompts import anchors_text
from bench.records.judging import Candidate, Judgement
from bench.records.spec import Rubric

LOW, HIGH = 1, 5  # the only scale that these judges know
_LEVELS = {
    "question": ("very poorly", "poorly", "moderately", "well", "very well"),
    "expect": ("not at all", "hardly", "in part", "for the most part", "fully"),
    "forbid": ("not at all", "hardly", "in part", "for the most part", "fully"),
}


class Prometheus:
    """Feedback, then `[RESULT]` and a number from 1 to 5, for each aspect and question.

    Source: Kim et al., Prometheus 2 (arXiv 2405.01535): sections of the prompt and the form of the reply; the words are ours. Other scales are graded
    on 1 to 5 and shown on theirs; a rubric's anchors are used where they are of that scale.
    """

    def __init__(self, means: JudgeMeans) -> None:
        """Take a judge. Raises: ValueError for settings or templates that make no sense."""
        self._interview = Interview(means)

    async def grade(self, candidate: Candidate) -> Judgement:
        """What the judge finds, with its feedback as the rationale."""
        items = items_of(candidate, or_whole=True)
        return judgement(items, [await self._ask(candidate, item) for item in items])

    async def _ask(self, candidate: Candidate, item: Item) -> Finding:
        messages = self._interview.wording.about_answer(
            "prometheus",
            candidate,
            statement=one_line(_criterion(item)),
            anchors=_levels(candidate.rubric, candidate, item),
            is_question=item.kind == "question",
            is_negated=False,
            low=LOW,
            high=HIGH,
        )
        verdict, asked = await self._interview.written(item.id, messages, None, read_result)
        if isinstance(verdict, Finding):
            return msgspec.structs.replace(verdict, method="verdict", asked=asked)
        return Finding(state="graded", p=(verdict.value - LOW) / (HIGH - LOW), method="verdict", reason=verdict.reason, asked=asked)


def _criterion(item: Item) -> str:
    return item.text if item.kind == "question" else f"How far is this true of the response: {item.text}"


def _levels(rubric: Rubric | None, candidate: Candidate, item: Item) -> str:
    """What each of the five scores means."""
    if item.kind == "question" and rubric is not None and scale_of(candidate) == (LOW, HIGH) and len(rubric.anchors) == HIGH:
        return anchors_text(rubric, "Score ")
    return "\n".join(f"Score {place}: {words}" for place, words in enumerate(_LEVELS[item.kind], LOW))


EXAMPLES = (
    # the judge's reply, the score of an expected aspect
    ("Feedback: It says it all. [RESULT] 5", 1.0),
    ("Feedback: It says half of it. [RESULT] (3)", 0.5),
    ("Feedback: no. [RESULT] 1 Feedback: on second thoughts, most. [RESULT] 4", 0.75),
    ("Feedback: superb. [RESULT] 9", None),
    ("Feedback: superb.", None),
)

"""`verdict`: the judge writes a reason, the words of the answer that show it, and its decision, as JSON."""

from bench.judge.asking import Subject, by_verdict
from bench.judge.interview import Interview
from bench.judge.items import items_of, judgement
from bench.judge.means import JudgeMeans
from bench.records.judging import Candidate, Judgement


class WrittenVerdicts:
    """For large judges and for audits: slower, coarser than probabilities, and readable.

    The decision comes last, so that it follows from the reason. A quote that does not stand in the answer makes the verdict unreadable; an unreadable
    one is asked for once more, and is a failure then.
    """

    def __init__(self, means: JudgeMeans) -> None:
        """Take a judge. Raises: ValueError for settings or templates that make no sense."""
        self._interview = Interview(means)

    async def grade(self, candidate: Candidate) -> Judgement:
        """What the judge finds, with its reasons as the rationale."""
        items = items_of(candidate, or_whole=True)
        subjects = [Subject(candidate=candidate, item=item, is_scale=item.kind == "question") for item in items]
        return judgement(items, [await by_verdict(self._interview, subject) for subject in subjects])


EXAMPLES = (
    # the reply to "does the statement hold?" about the answer "Paris is the capital.", its score
    ('{"reason": "It says so.", "quote": "the capital", "holds": true}', 1.0),
    ('```json\n{"reason": "It does not.", "quote": "", "holds": false}\n```', 0.0),
    ('{"reason": "It says so.", "quote": "Rome", "holds": true}', None),
    ('{"reason": "It says so.", "quote": "", "holds": "true"}', None),
    ("Yes, it does.", None),
)

"""`aspects`: each expected aspect is one yes/no question about one observable fact."""

from bench.judge.asking import Subject, balanced, by_ladder
from bench.judge.interview import Interview
from bench.judge.items import items_of, judgement
from bench.judge.means import JudgeMeans
from bench.records.judging import Candidate, Judgement


class Aspects:
    """P(yes) of each aspect; a criterion's question is answered on the rubric's scale, with its anchors, as the expected value.

    Why yes and no: small judges that are worth nothing on a scale are right on binary checks far more often (0.6B 68 %, 1.7B 84 %, 4B 88 %; SLMJury,
    arXiv 2606.07810). A question that a rubric asks as a matter of degree keeps its scale.
    """

    def __init__(self, means: JudgeMeans) -> None:
        """Take a judge. Raises: ValueError for settings or templates that make no sense."""
        self._interview = Interview(means)

    async def grade(self, candidate: Candidate) -> Judgement:
        """What the judge finds, aspect by aspect, in the order of the prompt: each question shares the head of the one before."""
        items = items_of(candidate)
        subjects = [Subject(candidate=candidate, item=item, is_scale=item.kind == "question") for item in items]
        return judgement(items, [await balanced(self._interview, subject, by_ladder) for subject in subjects])


EXAMPLES = (
    # P(Yes) and P(No) of the next token, the aspect's kind, its score
    (0.72, 0.08, "expect", 0.9),
    (0.72, 0.08, "forbid", 0.1),
    (0.4, 0.4, "expect", None),  # undecided
    (0.3, 0.1, "expect", None),  # the judge was about to say something else
)

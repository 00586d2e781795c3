"""`score`: each aspect and question is rated on the scale; the score is the expected value of the rating's distribution."""

from bench.judge.asking import Subject, by_ladder
from bench.judge.interview import Interview
from bench.judge.items import items_of, judgement
from bench.judge.means import JudgeMeans
from bench.records.judging import Candidate, Judgement


class Score:
    """Probability-weighted ratings, finer than the number a judge would write.

    Source: Liu et al., G-Eval (arXiv 2303.16634). Scales from 0 or more up to 9 are read from one token; up to 10 where the judge can go on from a
    given beginning (then it is asked what follows a 1); all others are drawn.
    """

    def __init__(self, means: JudgeMeans) -> None:
        """Take a judge. Raises: ValueError for settings or templates that make no sense."""
        self._interview = Interview(means)

    async def grade(self, candidate: Candidate) -> Judgement:
        """What the judge finds. Where nothing is expected of the answer, it is rated as a whole."""
        items = items_of(candidate, or_whole=True)
        subjects = [Subject(candidate=candidate, item=item, is_scale=True) for item in items]
        return judgement(items, [await by_ladder(self._interview, subject) for subject in subjects])


EXAMPLES = (
    # probabilities of the ratings on a scale of 1 to 5, the score 0–1
    ({"3": 0.4, "5": 0.4}, 0.75),
    ({"1": 0.9}, 0.0),
    ({"4": 0.1}, None),  # the judge was about to say something else
)

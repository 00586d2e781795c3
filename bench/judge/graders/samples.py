"""`samples`: every question is drawn n times at a temperature over 0; the score is the mean."""

from bench.judge.asking import Subject, balanced, by_draws
from bench.judge.interview import Interview
from bench.judge.items import items_of, judgement
from bench.judge.means import JudgeMeans
from bench.records.judging import Candidate, Judgement


class Samples:
    """What log-probabilities would say, from a server that gives none: an estimate from `judge.samples` draws (default 5).

    A draw is read strictly; when fewer than half can be read, the judge abstains.
    """

    def __init__(self, means: JudgeMeans) -> None:
        """Take a judge. Raises: ValueError for settings or templates that make no sense."""
        self._interview = Interview(means)

    async def grade(self, candidate: Candidate) -> Judgement:
        """What the judge finds."""
        items = items_of(candidate, or_whole=True)
        subjects = [Subject(candidate=candidate, item=item, is_scale=item.kind == "question") for item in items]
        return judgement(items, [await balanced(self._interview, subject, by_draws) for subject in subjects])


EXAMPLES = (
    # what was drawn for an expected aspect, its score
    (("Yes", " yes.", "No", "Yes, it does", "YES"), 0.8),
    (("Well", "Yes", "I think", "The answer", "No doubt"), None),  # fewer than half can be read
    (("It depends",), None),
)

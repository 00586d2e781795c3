"""Quality of the answer, as graded."""

from bench.protocols import Metric
from bench.records.grade import AspectGrade, Grade, GradeState
from bench.records.observation import Observation
from bench.records.sketch import observation


class Quality(Metric):
    """The grade's score, 0–1: the weighted mean of the aspects that were graded.

    Unit: score. Of several graders' grades the mean, weighted by the weights of the aspects that each of them graded. None when the
    request failed, or no grader gave a score (no grade, abstained, failed).
    """

    unit, better, aggregate = "score", "higher", "mean"

    def measure(self, seen: Observation) -> float | None:
        """Score, 0–1."""
        return None if seen.completion is None else seen.score


def _grade(score: float | None, weight: float = 1.0) -> Grade:
    state: GradeState = "abstained" if score is None else "graded"
    aspect = AspectGrade(aspect_id="a", kind="check", state=state, score=score, weight=weight)
    return Grade(trial_id="t", grader_id="checks", grader_digest="d", state=state, score=score, aspects=(aspect,))


EXAMPLES = (
    (observation(grades=(_grade(0.75),)), 0.75),
    (observation(grades=(_grade(1.0, weight=3.0), _grade(0.0))), 0.75),
    (observation(grades=(_grade(None),)), None),
    (observation(), None),
    (observation(failure="timeout", grades=(_grade(0.0),)), None),
)

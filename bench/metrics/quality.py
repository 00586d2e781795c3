"""Quality of the answer, as graded."""

from bench.protocols import Metric
from bench.records.grade import AspectGrade, Grade, GradeState
from bench.records.observation import Observation
from bench.records.sketch import observation


class Quality(Metric):
    """The answer's score, 0–1, as its rubric weighs it: by its checks, and by every judge whose word is taken.

    Unit: score. None when the request failed, or the graders gave no score: there is none, or what abstained or failed carries more than half of
    the weight. A judge that did not pass its probes changes nothing here.
    """

    unit, better, aggregate = "score", "higher", "mean"
    reads_grades = True

    def measure(self, seen: Observation) -> float | None:
        """Score, 0–1."""
        return None if seen.completion is None else seen.score


def _grade(score: float | None, weight: float = 1.0, aspect_id: str = "a") -> Grade:
    state: GradeState = "abstained" if score is None else "graded"
    aspect = AspectGrade(aspect_id=aspect_id, kind="check", state=state, score=score, weight=weight)
    return Grade(trial_id="t", grader_id="checks", grader_digest="d", state=state, score=score, aspects=(aspect,))


EXAMPLES = (
    (observation(grades=(_grade(0.75),)), 0.75),
    (observation(grades=(_grade(1.0, weight=3.0), _grade(0.0, aspect_id="b"))), 0.75),
    (observation(grades=(_grade(None),)), None),
    (observation(), None),
    (observation(failure="timeout", grades=(_grade(0.0),)), None),
)

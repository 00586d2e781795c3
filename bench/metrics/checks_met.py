"""Quality of the answer, as far as programs can tell."""

from bench.protocols import Metric
from bench.records.grade import AspectGrade, Grade
from bench.records.observation import Observation
from bench.records.sketch import observation


class ChecksMet(Metric):
    """The answer's score, 0–1, by its checks alone, as its rubric weighs them.

    Unit: score. None when the request failed, or no check could decide. Where a judge's word is taken, `quality` says more.
    """

    unit, better, aggregate = "score", "higher", "mean"
    reads_grades = True

    def measure(self, seen: Observation) -> float | None:
        """Score, 0–1."""
        return None if seen.completion is None else seen.checks_met


def _grade(grader_id: str, score: float) -> Grade:
    aspect = AspectGrade(aspect_id=grader_id, kind="check" if grader_id == "checks" else "expect", state="graded", score=score)
    return Grade(trial_id="t", grader_id=grader_id, grader_digest="d", state="graded", score=score, aspects=(aspect,))


EXAMPLES = (
    (observation(grades=(_grade("checks", 0.75), _grade("local", 0.25))), 0.75),
    (observation(grades=(_grade("local", 0.25),)), None),
    (observation(failure="timeout", grades=(_grade("checks", 0.0),)), None),
)

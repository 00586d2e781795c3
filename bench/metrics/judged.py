"""Quality of the answer, according to the run's judge."""

import msgspec

from bench.protocols import Metric
from bench.records.grade import AspectGrade, Grade
from bench.records.observation import Observation, Scoring
from bench.records.sketch import observation


class Judged(Metric):
    """The answer's score, 0–1, by the run's judge alone, as the rubric weighs it; whether its word is taken stands in the judge's record.

    Unit: score. None when the request failed, or the judge gave no score: there is none, it abstained, it failed.
    """

    unit, better, aggregate = "score", "higher", "mean"
    reads_grades = True

    def measure(self, seen: Observation) -> float | None:
        """Score, 0–1."""
        return None if seen.completion is None else seen.judged


def _seen(score: float, judge: str | None = "local") -> Observation:
    """An answer that the checks like and `local` finds this good."""
    said = [("checks", 1.0), ("local", score)]
    grades = tuple(
        Grade(
            trial_id="t",
            grader_id=name,
            grader_digest="d",
            state="graded",
            score=given,
            aspects=(AspectGrade(aspect_id=name, kind="expect", state="graded", score=given),),
        )
        for name, given in said
    )
    return msgspec.structs.replace(observation(grades=grades), scoring=Scoring(judge=judge))


EXAMPLES = (
    (_seen(0.25), 0.25),
    (_seen(0.25, judge=None), None),
    (msgspec.structs.replace(observation(failure="timeout"), scoring=Scoring(judge="local")), None),
)

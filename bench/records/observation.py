"""What a metric reads: one trial with everything known about it."""

from typing import Literal

import msgspec

from bench.records.exchange import Completion
from bench.records.grade import Grade
from bench.records.plan import Trial
from bench.records.rubric_score import joint_score
from bench.records.sample import Sample
from bench.records.spec import Rubric

CHECKS = "checks"
"""The grader that is a program: it decides the `check` aspects."""


class Scoring(msgspec.Struct, frozen=True, kw_only=True):
    """How the grades of a prompt's answers become a score. `counting`: the graders whose word is taken, None for all; `judge`: the run's own one."""

    rubric: Rubric | None = None
    counting: frozenset[str] | None = None
    judge: str | None = None


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """One trial, its deciding sample and its grades. `attempts` counts all tries."""

    trial: Trial
    sample: Sample
    attempts: int = 1
    grades: tuple[Grade, ...] = ()
    scoring: Scoring = Scoring()

    @property
    def completion(self) -> Completion | None:
        """The answer, or None when the trial failed."""
        return self.sample.outcome if isinstance(self.sample.outcome, Completion) else None

    @property
    def cached_tokens(self) -> int | None:
        """Prompt tokens that came from the server's prefix cache: by `usage`, else by llama.cpp's `timings.cache_n`; None when nobody says."""
        if self.completion is None:
            return None
        timings = self.completion.server_timings
        if self.completion.usage.cached_tokens is not None or timings is None:
            return self.completion.usage.cached_tokens
        return timings.cache_n

    @property
    def prefix(self) -> Literal["cold", "warm"] | None:
        """Warm: at least half of the prompt came from the cache, which a chat template alone does not reach; None when nobody says."""
        if self.completion is None or not self.completion.usage.prompt_tokens or self.cached_tokens is None:
            return None
        return "warm" if self.cached_tokens * 2 >= self.completion.usage.prompt_tokens else "cold"

    @property
    def deciding(self) -> tuple[Grade, ...]:
        """The grades that count: of programs, of people, and of judges whose word is taken."""
        counting = self.scoring.counting
        return self.grades if counting is None else tuple(grade for grade in self.grades if grade.grader_id in counting)

    @property
    def score(self) -> float | None:
        """The grade, 0–1, by all graders that count, as the rubric weighs them; None without any score."""
        return joint_score(self.deciding, self.scoring.rubric)

    @property
    def judged(self) -> float | None:
        """The grade, 0–1, by the run's judge alone, whether or not its word is taken; None without one."""
        return self._score_of(self.scoring.judge)

    @property
    def checks_met(self) -> float | None:
        """The grade, 0–1, by checks alone; None without any."""
        return self._score_of(CHECKS)

    def _score_of(self, grader_id: str | None) -> float | None:
        return joint_score([grade for grade in self.grades if grade.grader_id == grader_id], self.scoring.rubric)

"""What a metric reads: one trial with everything known about it."""

from typing import Literal

import msgspec

from bench.records.exchange import Completion
from bench.records.grade import Grade
from bench.records.plan import Trial
from bench.records.sample import Sample


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """One trial, its deciding sample and its grades. `attempts` counts all tries."""

    trial: Trial
    sample: Sample
    attempts: int = 1
    grades: tuple[Grade, ...] = ()

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
    def score(self) -> float | None:
        """The grade, 0–1; of several graders' grades the mean, weighted by the weights of the aspects that each graded; None without any score."""
        scored = [(grade.score, _weight(grade)) for grade in self.grades if grade.state == "graded" and grade.score is not None]
        total = sum(weight for _, weight in scored)
        return sum(score * weight for score, weight in scored) / total if total > 0 else None


def _weight(grade: Grade) -> float:
    return sum(aspect.weight for aspect in grade.aspects if aspect.state == "graded") if grade.aspects else 1.0

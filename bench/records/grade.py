"""What a grader says of one sample: a line of `grades/<grader>.jsonl`."""

from typing import Literal

import msgspec

GradeState = Literal["graded", "abstained", "failed"]


class AspectGrade(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One aspect. `score` is 0–1; None when the state is not `graded`. `detail` says what was found against what was expected."""

    aspect_id: str
    kind: Literal["check", "expect", "forbid"]
    state: GradeState
    score: float | None = None
    weight: float = 1.0
    required: bool = False
    detail: str | None = None


class Grade(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All aspects of one sample by one grader. `score` is the weighted mean of its graded aspects, 0–1, or None."""

    trial_id: str
    grader_id: str
    grader_digest: str
    state: GradeState
    score: float | None = None
    aspects: tuple[AspectGrade, ...] = ()
    label_mass: float | None = None
    rationale: str | None = None

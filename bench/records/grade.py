"""What a grader says of one sample: a line of `grades/<grader>.jsonl`; of two samples: a line of `pairs/<grader>.jsonl`."""

from typing import Literal

import msgspec

GradeState = Literal["graded", "abstained", "failed"]
AspectKind = Literal["check", "expect", "forbid", "question"]
GradeMethod = Literal["check", "logprobs", "samples", "verdict", "panel", "person"]
"""How a score came about: by a program, from the label's log-probabilities, from draws, from a written verdict, from several judges, by a person."""

WhyNot = Literal["no_answer", "label_mass", "undecided", "contradiction", "context", "unparsed", "outage", "too_little", "refused"]
"""Why there is no score. Abstained: `no_answer`, `label_mass` (the labels carry less than half of the probability), `undecided` (p too near one
half), `contradiction` (with the negated twin, or with the swapped order), `context` (the question would be cut), `too_little` (aspects with a score
carry less than half of a criterion's weight). Failed: `unparsed`, `outage` (the judge gave no reply), `refused` (the judge's server refused the
question)."""


class AspectGrade(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One aspect, or one question of a rubric's criterion (then `aspect_id` is the criterion's id).

    `score` is 0–1, 1 is good; None when the state is not `graded`. `p` is what the judge believes of the question as asked, P(yes) of both labels,
    or the expected place on the scale as a share of it: a `forbid` aspect scores 1 − p. `label_mass` is the probability that the labels carried
    together, before they were renormalised. `detail` says what was found against what was expected.
    """

    aspect_id: str
    kind: AspectKind
    state: GradeState
    score: float | None = None
    weight: float = 1.0
    required: bool = False
    detail: str | None = None
    p: float | None = None
    label_mass: float | None = None
    method: GradeMethod | None = None
    why_not: WhyNot | None = None


class CriterionGrade(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One criterion of the rubric: the weighted mean of its aspects, or its question's score. 0–1."""

    criterion_id: str
    state: GradeState
    score: float | None = None
    weight: float = 1.0


class Grade(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All aspects of one sample that one grader took on. `score` is the weighted mean of its graded aspects, 0–1, or None.

    `grader_digest` covers everything that shaped the grade but the answer itself: method, templates, judge, rubric, aspects. `answer_digest` is the
    answer's. `label_mass` is the least of the aspects' ones.
    """

    trial_id: str
    grader_id: str
    grader_digest: str
    state: GradeState
    score: float | None = None
    aspects: tuple[AspectGrade, ...] = ()
    label_mass: float | None = None
    rationale: str | None = None
    answer_digest: str | None = None


class PairGrade(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which of two answers to one prompt is better, asked in both orders.

    `preferred` is `first`, `second` or `tie` (also when the orders disagree); None when the state is not `graded`. `p_forward` and `p_backward` are
    P(first is better) with the first and with the second answer shown first; where they disagree the position decided, not the answer.
    """

    first_trial_id: str
    second_trial_id: str
    grader_id: str
    grader_digest: str
    state: GradeState
    preferred: Literal["first", "second", "tie"] | None = None
    p_forward: float | None = None
    p_backward: float | None = None
    label_mass: float | None = None
    method: GradeMethod | None = None
    why_not: WhyNot | None = None
    rationale: str | None = None
    answer_digest: str | None = None  # of both answers

"""What a judge is asked about one candidate, and how its findings become a judgement."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from bench.judge.grade import weighted_score
from bench.judge.labels import UNDECIDED
from bench.records.grade import AspectGrade, GradeMethod, GradeState, WhyNot
from bench.records.judging import Asked, Candidate, Judgement

DEFAULT_SCALE = (1, 5)
_LONGEST = 500  # characters of a detail
_LONGEST_RATIONALE = 4000
WHOLE = "How well does the answer do what the task asks for?"


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """A statement about the answer that holds or not (`expect`, `forbid`), or a question to be answered on the rubric's scale."""

    id: str
    kind: Literal["expect", "forbid", "question"]
    text: str
    weight: float = 1.0
    required: bool = False


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What a judge believes about one item. `p`: that the statement holds, or the place on the scale as a share of it; None without an answer."""

    state: GradeState
    p: float | None = None
    label_mass: float | None = None
    method: GradeMethod | None = None
    why_not: WhyNot | None = None
    detail: str | None = None
    reason: str | None = None
    asked: tuple[Asked, ...] = ()


def items_of(candidate: Candidate, *, or_whole: bool = False) -> tuple[Item, ...]:
    """The aspects and questions that are the judge's. `or_whole`: one question about the whole answer where nothing at all is expected of it."""
    aspects = [
        Item(id=aspect.id, kind="expect" if aspect.expect is not None else "forbid", text=text, weight=aspect.weight, required=aspect.required)
        for aspect in candidate.prompt.aspects
        if (text := aspect.expect if aspect.expect is not None else aspect.forbid) is not None
    ]
    criteria = candidate.rubric.criteria if candidate.rubric else ()
    questions = [Item(id=each.id, kind="question", text=each.question, weight=each.weight) for each in criteria if each.question is not None]
    if or_whole and not candidate.prompt.aspects and not criteria:
        questions = [Item(id="whole", kind="question", text=WHOLE)]
    return (*aspects, *questions)


def scale_of(candidate: Candidate) -> tuple[int, int]:
    """The scale that the candidate's rubric declares."""
    return candidate.rubric.scale if candidate.rubric else DEFAULT_SCALE


def decided(finding: Finding) -> Finding:
    """The finding, or an abstention where a belief is too near one half to decide anything."""
    if finding.state == "graded" and finding.p is not None and abs(finding.p - 0.5) < UNDECIDED:
        return msgspec.structs.replace(finding, state="abstained", why_not="undecided", detail=f"P(yes) is {finding.p:.3f}, too near one half")
    return finding


def aspect_grade(item: Item, finding: Finding) -> AspectGrade:
    """The line of one item. What is forbidden scores what it lacks."""
    score = None
    if finding.state == "graded" and finding.p is not None:
        score = 1.0 - finding.p if item.kind == "forbid" else finding.p
    detail = finding.detail or finding.reason
    return AspectGrade(
        aspect_id=item.id, kind=item.kind, state=finding.state, score=score, weight=item.weight, required=item.required,
        detail=detail[:_LONGEST] if detail else None, p=finding.p, label_mass=finding.label_mass, method=finding.method, why_not=finding.why_not,
    )  # fmt: skip


def judgement(items: Sequence[Item], findings: Sequence[Finding]) -> Judgement:
    """All items together: graded when one is; else failed when one failed. Nothing asked is an abstention."""
    aspects = tuple(aspect_grade(item, finding) for item, finding in zip(items, findings, strict=True))
    reasons = [f"{item.id}: {finding.reason}" for item, finding in zip(items, findings, strict=True) if finding.reason]
    return judgement_of(aspects, "\n".join(reasons), tuple(asked for finding in findings for asked in finding.asked))


def judgement_of(aspects: tuple[AspectGrade, ...], rationale: str, asked: tuple[Asked, ...]) -> Judgement:
    """A judgement made of its aspects."""
    shown = rationale[:_LONGEST_RATIONALE] or None
    return Judgement(state=state_of(aspects), score=weighted_score(aspects), aspects=aspects, rationale=shown, asked=asked)


def state_of(aspects: Sequence[AspectGrade]) -> GradeState:
    """The state of an answer from those of its aspects."""
    states = {aspect.state for aspect in aspects}
    return "graded" if "graded" in states else "failed" if "failed" in states else "abstained"

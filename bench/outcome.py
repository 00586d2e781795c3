"""A run's exit code with its reasons in words. Part of the program (`pipeline.py`); the order is the architecture's (§6)."""

from collections.abc import Sequence

import msgspec

from bench.errors import Exit, worst
from bench.gate.ends import gate_code, gate_words
from bench.grading import PEOPLE_GRADE
from bench.records.estimate import Summary
from bench.records.gate import GateResult, has_variants
from bench.records.judging import JudgeRecord
from bench.records.spec import Spec

_LIMITS = {"error_rate": "max_error_rate"}  # a stop rule's name, where the spec's key is another


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Why a run does not end with 0."""

    code: Exit
    message: str


def outcome(spec: Spec, summary: Summary, ended_by: str | None) -> tuple[Exit, tuple[Reason, ...]]:
    """The exit code of a run and every reason that applies. `ended_by` is the session's end: None, "interrupt" or a stop rule's name."""
    reasons = (*_ending(summary, ended_by), *_models(spec, summary), *judge_reasons(spec, summary.judges), *_not_judged(spec, summary, ended_by))
    reasons = (*reasons, *gate_reasons(summary.gates))
    return worst(*(reason.code for reason in reasons)), reasons


def _ending(summary: Summary, ended_by: str | None) -> list[Reason]:
    reasons = []
    if ended_by == "interrupt":
        reasons.append(Reason(code=Exit.INTERRUPTED, message="interrupted; everything so far is kept, go on with --resume"))
    elif ended_by is not None:
        reasons.append(Reason(code=Exit.STOP_RULE, message=f"the stop rule limits.{_LIMITS.get(ended_by, ended_by)} ended the run"))
    if not any(counts.completed for counts in summary.counts):
        reasons.append(Reason(code=Exit.NOTHING_MEASURED, message="no model gave an answer that could be measured"))
    return reasons


def _models(spec: Spec, summary: Summary) -> list[Reason]:
    reasons = [
        Reason(
            code=Exit.MODEL_FAILED,
            message=f"required model {status.model_id} [{status.variant_id}] is {status.state}: {status.reason or 'no reason known'}",
        )
        for status in summary.models
        if status.state != "served" and not status.is_optional
    ]
    limit = spec.limits.max_error_rate
    for counts in summary.counts:
        tried = counts.completed + counts.failed
        if limit is not None and tried and counts.failed / tried > limit:
            share = f"{counts.failed} of {tried} trials failed, more than limits.max_error_rate ({limit:.3g})"
            reasons.append(Reason(code=Exit.MODEL_FAILED, message=f"{counts.model_id} [{counts.variant_id}]: {share}"))
    return reasons


def judge_reasons(spec: Spec, judges: Sequence[JudgeRecord]) -> list[Reason]:
    """Judges that were not to be had, that failed, or that graded fewer answers than a gate asks for. An unqualified judge is none of these."""
    reasons = [Reason(code=Exit.JUDGE_UNUSABLE, message=_unusable(each)) for each in judges if each.state != "served"]
    asked = max((gate.coverage for gate in spec.gates if gate.coverage is not None), default=None)
    for each in judges:
        total, graded = sum(each.counts.values()), each.counts.get("graded", 0)
        if each.state == "served" and asked is not None and total and graded / total < asked:
            covered = f"{graded} of {total} answers have a score, less than a gate's coverage of {asked:.0%}"
            reasons.append(Reason(code=Exit.JUDGE_UNUSABLE, message=f"judge {each.judge_id} ({each.method}): {covered}"))
    return reasons


def _unusable(judge: JudgeRecord) -> str:
    became = "unavailable" if judge.state == "unavailable" else "unusable"
    return f"judge {judge.judge_id} ({judge.method}) is {became}: {judge.reason or 'no reason known'}; `bench judge RUN` tries again"


def _not_judged(spec: Spec, summary: Summary, ended_by: str | None) -> list[Reason]:
    """What the spec asks a judge for and was not done."""
    if spec.judge is None or spec.judge.method == PEOPLE_GRADE or summary.judges or ended_by is not None:
        return []
    return [Reason(code=Exit.JUDGE_UNUSABLE, message="judge: no answer of this run was judged; `bench judge RUN` does it")]


def gate_reasons(results: Sequence[GateResult]) -> list[Reason]:
    """Gates that did not pass."""
    named = has_variants(results)
    return [Reason(code=gate_code(one), message=gate_words(one, named_variant=named)) for one in results if one.outcome != "pass"]

"""Which exit code a run ends with, and in which order codes win."""

import msgspec
import pytest

from bench.errors import Exit, worst
from bench.outcome import outcome
from bench.records.estimate import Counts, Summary
from bench.records.gate import GateResult
from bench.records.judging import JudgeRecord
from bench.records.serving import ModelStatus
from bench.records.spec import GateSpec, JudgeSpec, Limits, Message, ModelSpec, Prompt, Spec

SPEC = Spec(
    bench=1, name="x", version="1.0.0", digest="d", models=(ModelSpec(id="m", runtime="external"),),
    prompts=(Prompt(id="p", messages=(Message(role="user", content="hi"),)),),
)  # fmt: skip


def counts(completed=3, failed=0, missing=0):
    return Counts(
        model_id="m", variant_id="default", planned=completed + failed + missing, completed=completed, failed=failed, missing=missing, retried=0
    )


def status(state="served", *, optional=False):
    return ModelStatus(model_id="m", variant_id="default", treatment_digest="t", state=state, is_optional=optional, reason="why")


def gate(outcome, cause="bound", **more):
    return GateResult(gate=0, name="ttft ≤ 1 s", metric="ttft", outcome=outcome, cause=cause, reason="so it is", **more)


def summary(*, counted=None, statuses=None, judges=(), gates=()):
    return Summary(
        run_id="r", spec_name="x", spec_version="1.0.0", spec_digest="d", client_saturated=False,
        counts=(counted or counts(),), models=statuses or (status(),), estimates=(), judges=judges, gates=gates,
    )  # fmt: skip


def judged(state="served", **more):
    return (JudgeRecord(grader_id="j", grader_digest="d", judge_id="j", method="aspects", state=state, **more),)


WITH_JUDGE = msgspec.structs.replace(SPEC, judge=JudgeSpec(use="j"))


def test_a_good_run_ends_with_zero_and_no_reason():
    assert outcome(SPEC, summary(), None) == (Exit.OK, ())


@pytest.mark.parametrize(
    ("spec", "seen", "ended_by", "expected"),
    [
        (SPEC, summary(), "interrupt", Exit.INTERRUPTED),
        (SPEC, summary(), "duration", Exit.STOP_RULE),
        (SPEC, summary(counted=counts(completed=0, failed=3)), None, Exit.NOTHING_MEASURED),
        (SPEC, summary(statuses=(status("unavailable"),)), None, Exit.MODEL_FAILED),
        (SPEC, summary(statuses=(status("unavailable", optional=True),)), None, Exit.OK),
        (msgspec.structs.replace(SPEC, limits=Limits(max_error_rate=0.2)), summary(counted=counts(2, 1)), None, Exit.MODEL_FAILED),
        (msgspec.structs.replace(SPEC, limits=Limits(max_error_rate=0.5)), summary(counted=counts(2, 1)), None, Exit.OK),
        (WITH_JUDGE, summary(), None, Exit.JUDGE_UNUSABLE),
        (WITH_JUDGE, summary(), "duration", Exit.STOP_RULE),
        (msgspec.structs.replace(SPEC, judge=JudgeSpec(use="j", method="human")), summary(), None, Exit.OK),
        (WITH_JUDGE, summary(judges=judged(counts={"graded": 1, "abstained": 9})), None, Exit.OK),
        (WITH_JUDGE, summary(judges=judged("unavailable", reason="nothing listens")), None, Exit.JUDGE_UNUSABLE),
        (WITH_JUDGE, summary(judges=judged("failed", reason="it ended")), None, Exit.JUDGE_UNUSABLE),
        (SPEC, summary(gates=(gate("pass"),)), None, Exit.OK),
        (SPEC, summary(gates=(gate("pass"), gate("undecided"))), None, Exit.GATE_UNDECIDED),
        (SPEC, summary(gates=(gate("undecided"), gate("fail"))), None, Exit.GATE_FAILED),
        (SPEC, summary(gates=(gate("undecided", "judge"), gate("fail"))), None, Exit.JUDGE_UNUSABLE),
        (SPEC, summary(gates=(gate("undecided", "judge_weak"),)), None, Exit.GATE_UNDECIDED),
        (SPEC, summary(gates=(gate("fail"),)), "duration", Exit.STOP_RULE),
    ],
)
def test_each_trouble_has_its_code(spec, seen, ended_by, expected):
    code, reasons = outcome(spec, seen, ended_by)
    assert code == expected
    assert bool(reasons) == (expected != Exit.OK)


def test_a_judge_that_covers_less_than_a_gate_asks_for_is_told():
    spec = msgspec.structs.replace(WITH_JUDGE, gates=(GateSpec(metric="quality", min=0.5, coverage=0.9),))
    enough, little = (summary(judges=judged(counts={"graded": n, "abstained": 10 - n})) for n in (9, 8))
    assert outcome(spec, enough, None) == (Exit.OK, ())
    _, (reason,) = outcome(spec, little, None)
    assert reason.message == "judge j (aspects): 8 of 10 answers have a score, less than a gate's coverage of 90%"


def test_all_reasons_are_told_and_the_first_of_the_order_wins():
    seen = summary(counted=counts(0, 0, 3), statuses=(status("failed"),), gates=(gate("undecided", "no_value"),))
    code, reasons = outcome(SPEC, seen, "interrupt")
    assert code == Exit.INTERRUPTED
    assert [reason.code for reason in reasons] == [Exit.INTERRUPTED, Exit.NOTHING_MEASURED, Exit.MODEL_FAILED, Exit.GATE_UNDECIDED]


def test_every_code_has_a_place_in_the_order():
    assert worst(*Exit) == Exit.BUG
    assert worst() == Exit.OK
    assert worst(Exit.OK, Exit.GATE_UNDECIDED, Exit.GATE_FAILED) == Exit.GATE_FAILED


def test_a_gate_is_told_with_its_model_and_its_reason():
    one = gate("fail", model_id="m", variant_id="default")
    (reason,) = outcome(SPEC, summary(gates=(one,)), None)[1]
    assert reason.message == "gate ttft ≤ 1 s of m failed: so it is"
    other = gate("undecided", model_id="m", variant_id="gpu")
    assert [reason.message for reason in outcome(SPEC, summary(gates=(one, other)), None)[1]] == [
        "gate ttft ≤ 1 s of m [default] failed: so it is",
        "gate ttft ≤ 1 s of m [gpu] is undecided: so it is",
    ]

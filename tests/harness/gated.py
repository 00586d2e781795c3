"""Small specs and summaries for tests of gates."""

from msgspec.structs import replace

from bench.records.cost import CostEstimate
from bench.records.estimate import AspectSummary, Counts, Estimate, Group, Summary
from bench.records.judging import JudgeRecord, Qualification
from bench.records.serving import ModelStatus
from bench.records.spec import Aspect, GateSpec, JudgeSpec, Message, ModelSpec, Prompt, Rubric, Spec


def spec(*gates: GateSpec, models=("m",), judge: JudgeSpec | None = None, rubric: Rubric | None = None) -> Spec:
    prompt = Prompt(
        id="p", messages=(Message(role="user", content="hi"),), aspects=(Aspect(id="short"),), rubric=rubric.id if rubric is not None else None
    )
    return Spec(
        bench=1, name="x", version="1.0.0", digest="d", models=tuple(ModelSpec(id=name, runtime="external") for name in models), prompts=(prompt,),
        rubrics=(rubric,) if rubric is not None else (), judge=judge, gates=gates,
    )  # fmt: skip


def group(model="m", **more) -> Group:
    return Group(model_id=model, variant_id="default", **more)


def estimate(metric="ttft", value=0.5, low=None, high=None, *, statistic="p50", unit="s", better="lower", model="m", n=20, **more) -> Estimate:
    return Estimate(
        metric=metric, statistic=statistic, unit=unit, better=better, group=group(model), value=value, low=low, high=high, n=n, clusters=n,
        method="some method", **more,
    )  # fmt: skip


def score(value=0.7, low=0.6, high=0.8, *, metric="quality", **more) -> Estimate:
    return estimate(metric, value, low, high, statistic="mean", unit="score", better="higher", **more)


def counts(model="m", completed=20, failed=0) -> Counts:
    return Counts(
        model_id=model, variant_id="default", planned=completed + failed, completed=completed, failed=failed, missing=0, retried=0,
        failures={"timeout": failed} if failed else {},
    )  # fmt: skip


def status(model="m", state="served", *, optional=False) -> ModelStatus:
    return ModelStatus(model_id=model, variant_id="default", treatment_digest="t", state=state, is_optional=optional)


def aspect(aspect_id="short", passed=18, graded=20, *, prompt="p", kind="check", model="m", **more) -> AspectSummary:
    return AspectSummary(group=group(model, prompt_id=prompt, aspect_id=aspect_id), kind=kind, passed=passed, graded=graded, **more)


def judge(verdict="qualified", *, may_count=True, state="served", reason=None, **counted) -> JudgeRecord:
    return JudgeRecord(
        grader_id="j", grader_digest="d", judge_id="j", method="aspects", state=state, reason=reason, may_count=may_count,
        qualification=Qualification(verdict=verdict, reasons=("negated_fact: right in 2 of 8",) if verdict == "unqualified" else ()), counts=counted,
    )  # fmt: skip


def cost(amount=0.02, per="run", model="m") -> CostEstimate:
    return CostEstimate(
        model_id=model, variant_id="default", cost_model="energy", per=per, amount=amount, currency="EUR", basis="declared", formula="f",
        note=None if amount is not None else "no accepted answer",
    )  # fmt: skip


def summary(*estimates: Estimate, names=("m",), **more) -> Summary:
    made = Summary(
        run_id="r", spec_name="x", spec_version="1.0.0", spec_digest="d", client_saturated=False, counts=tuple(counts(name) for name in names),
        models=tuple(status(name) for name in names), estimates=estimates,
    )  # fmt: skip
    return replace(made, **more)

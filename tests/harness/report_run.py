"""A whole run for the report's tests: two served models, one not to be had, one that broke, failed trials, hostile texts; and the same run judged."""

from harness.contests import contest, demand, entrant
from msgspec.structs import replace

from bench.gate.evaluate import evaluate
from bench.records.comparison import Contender, ModelComparison
from bench.records.cost import CostEstimate, JudgeCost
from bench.records.estimate import AspectSummary, Counts, Estimate, Group, Outlier, Summary
from bench.records.exchange import Completion, Failure, Timing, Usage
from bench.records.grade import AspectGrade, Grade
from bench.records.judging import JudgeRecord, JudgeWork, ProbeFamily, Qualification
from bench.records.machine import ClientHealth, Machine
from bench.records.observation import Observation, Scoring
from bench.records.plan import Request, Trial
from bench.records.run import GitState, Manifest, Session
from bench.records.sample import Sample
from bench.records.selection import SelectionResult
from bench.records.serving import Endpoint, ModelStatus
from bench.records.source import Position
from bench.records.spec import (
    Aspect,
    Check,
    CostSpec,
    GateSpec,
    Generation,
    Gpu,
    JudgeSpec,
    Message,
    ModelSpec,
    Prompt,
    Selection,
    Spec,
    Weighed,
)
from bench.records.view import View
from bench.report.view import build_view
from bench.select.decide import decide

HOSTILE = (
    "Fine so far.\n\n<script>alert(1)</script> </details> <img src=x onerror=alert(2)>\n"
    "| a | ![x](http://evil.example/x.png) | [click](javascript:alert(3)) |\n"
    "````\n# not a heading\n```\n\x1b[31mred\x1b[0m \u202egnp.exe\u202c @octocat #123 www.evil.example http://evil.example/a|b\n"
    "=== \n[ref]: http://evil.example 'title'\n[ref] &lt;b&gt; $x$ ~~gone~~ **bold** _it_ `code`"
)
HOSTILE_LINE = "bad <b>|</b> ![x](http://evil.example/x.png) @octocat #1 `tick` \x1b[2J\u202e [a](http://evil.example)"
QWEN_REASON = "no network: https://hub.example could not be reached"

PROMPTS = ("standup", "retro", "budget-review")
GATES = (
    GateSpec(metric="ttft", at="p95", max=0.8),
    GateSpec(metric="decode_tps", min=40),
    GateSpec(metric="aspect", aspect="names-friday", min=0.9, on_noise="value"),
    GateSpec(metric="rss_bytes", max=3e8, model="smollm2-135m"),
    GateSpec(metric="load_s", max=1, model="gemma-3-270m"),
    GateSpec(metric="score", min=0.2),
    GateSpec(metric="latency", max=5, model="office-server"),
)


def _prompt(prompt_id: str) -> Prompt:
    content = f"Summarise the meeting {prompt_id}.\n" + "Ada: we ship on Friday. Grace: tests first. " * 30
    aspects = (
        Aspect(id="names-friday", check=Check(name="contains", argument="Friday"), required=True),
        Aspect(id="short", check=Check(name="max_words", argument=80)),
        Aspect(id="decision", expect="Says what was decided"),
    )
    return Prompt(id=prompt_id, messages=(Message(role="user", content=content),), aspects=aspects)


def spec() -> Spec:
    """The spec of the run."""
    return Spec(
        bench=1,
        name="summarizer",
        version="1.0.0",
        digest="5" * 64,
        description="Choose the default on-device model for meeting-note summaries.",
        models=(
            ModelSpec(
                id="smollm2-135m",
                runtime="llama.cpp",
                license="Apache-2.0",
                capabilities=("chat", "summarization"),
                threads=1,
                context=2048,
                gpu=Gpu(mode="off"),
            ),
            ModelSpec(id="gemma-3-270m", runtime="llama.cpp", license="Gemma terms", capabilities=("completion",), threads=1, context=2048),
            ModelSpec(id="qwen2.5-0.5b", runtime="llama.cpp", optional=True),
            ModelSpec(id="office-server", runtime="external", optional=True, license=HOSTILE_LINE),
        ),
        prompts=tuple(_prompt(prompt_id) for prompt_id in PROMPTS),
        generation=Generation(temperature=0, max_tokens=150, seed=7),
        seed=7,
        rounds=3,
        cost=CostSpec(model="energy"),
        judge=JudgeSpec(use="local"),
        gates=GATES,
        selection=Selection(weights=(Weighed(metric="quality", weight=1.0),)),
    )


def manifest() -> Manifest:
    """`run.json` of the run."""
    return Manifest(
        run_id="20261122T221500Z-5f5f5f5f",
        status="finished",
        spec_name="summarizer",
        spec_version="1.0.0",
        spec_file="specs/summarizer.yaml",
        spec_digest="5" * 64,
        plan_digest="6" * 64,
        planned_trials=36,
        bench_version="0.1.0",
        packages={"xllamacpp": "2026.10", "numpy": "2.4.6"},
        started_at="2026-11-22T22:15:00Z",
        finished_at="2026-11-22T22:18:10Z",
        machine=Machine(system="Linux 6.1", architecture="x86_64", cpu="Some CPU at 2.1 GHz", cores=2, memory_bytes=8_200_000_000, python="3.11.9"),
        sessions=(
            Session(worker="0-1", started_at="2026-11-22T22:15:00Z", command=("bench", "run", "specs/summarizer.yaml"), bench_version="0.1.0"),
        ),
        git=GitState(commit="d46a529" + "0" * 33, is_dirty=True),
        overrides=("rounds=3",),
    )


def _statuses() -> tuple[ModelStatus, ...]:
    return (
        ModelStatus(
            model_id="smollm2-135m",
            variant_id="default",
            treatment_digest="a" * 64,
            state="served",
            endpoint=Endpoint(
                base_url="http://127.0.0.1:40001/v1",
                served_model="SmolLM2-135M-Instruct.Q4_1.gguf",
                owned=True,
                load_s=0.71,
                device="cpu",
                runtime_version="xllamacpp 2026.10",
                weights_digest="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            ),
            disk_bytes=98_362_432,
            rss_loaded_bytes=186_000_000,
            rss_peak_bytes=243_000_000,
        ),
        ModelStatus(
            model_id="gemma-3-270m",
            variant_id="default",
            treatment_digest="b" * 64,
            state="served",
            endpoint=Endpoint(base_url="http://127.0.0.1:40002/v1", served_model="gemma-3-270m-q4_k_m.gguf", owned=True, load_s=1.32, device="cpu"),
            disk_bytes=253_113_024,
            rss_loaded_bytes=402_000_000,
            rss_peak_bytes=466_000_000,
            notes=("wheels are built for compatibility: no -march=native",),
        ),
        ModelStatus(
            model_id="qwen2.5-0.5b",
            variant_id="default",
            treatment_digest="c" * 64,
            state="unavailable",
            is_optional=True,
            reason=QWEN_REASON,
            hint="connect, or put the file into the cache with `bench models pull`",
        ),
        ModelStatus(
            model_id="office-server",
            variant_id="default",
            treatment_digest="d" * 64,
            state="failed",
            is_optional=True,
            reason=HOSTILE_LINE,
            hint="look at logs/office-server.log",
        ),
    )


# metric, statistic, unit, better, (value, low, high) of the first and of the second model
_FIGURES = (
    ("ttft", "p50", "s", "lower", (0.1421, 0.1312, 0.1553), (0.3122, 0.2931, 0.3345)),
    ("ttft", "p95", "s", "lower", (0.2044, None, None), (0.4477, None, None)),
    ("latency", "p50", "s", "lower", (2.114, 1.802, 2.431), (2.302, 2.011, 2.702)),
    ("latency", "p95", "s", "lower", (3.402, None, None), (3.511, None, None)),
    ("decode_tps", "ratio", "tokens/s", "higher", (58.21, 56.92, 59.44), (31.07, 30.11, 32.32)),
    ("completion_tokens", "mean", "tokens", "neither", (112.4, 96.1, 128.7), (150.0, 150.0, 150.0)),
    ("quality", "mean", "score", "higher", (0.7083, 0.583, 0.833), (0.2083, 0.083, 0.333)),
    ("error_rate", "share", "share", "lower", (0.1111, 0.0028, 0.4825), (0.0, 0.0, 0.3363)),
    ("output_tps", "rate", "tokens/s", "higher", (49.2, None, None), (28.9, None, None)),
    ("load_s", "value", "s", "lower", (0.71, None, None), (1.32, None, None)),
)
_SERVED = ("smollm2-135m", "gemma-3-270m")


def _estimates() -> tuple[Estimate, ...]:
    made = []
    for metric, statistic, unit, better, *values in _FIGURES:
        for place, (model_id, (value, low, high)) in enumerate(zip(_SERVED, values, strict=True)):
            is_percentile = statistic.startswith("p")
            n = 1 if statistic in {"value", "rate"} else 8 if place == 0 else 9
            made.append(
                Estimate(
                    metric=metric,
                    statistic=statistic,
                    unit=unit,
                    better=better,
                    group=Group(model_id=model_id, variant_id="default"),
                    value=value,
                    low=low,
                    high=high,
                    n=n,
                    clusters=3 if n > 1 else 1,
                    method="order statistic, exact binomial" if is_percentile else "mean over prompts, t" if statistic == "mean" else "one reading",
                    failed=1 if place == 0 and n > 1 else 0,
                    note="n too small for an upper limit (72 needed)" if is_percentile and low is None else None,
                )
            )
    for place, model_id in enumerate(_SERVED):
        for offset, prompt_id in enumerate(PROMPTS):
            group = Group(model_id=model_id, variant_id="default", prompt_id=prompt_id)
            value = (0.14, 0.31)[place] + 0.01 * offset
            made.append(
                Estimate(
                    metric="ttft",
                    statistic="p50",
                    unit="s",
                    better="lower",
                    group=group,
                    value=value,
                    n=3,
                    clusters=1,
                    method="none",
                    note="n too small",
                )
            )
        for prefix, value in (("cold", 0.16), ("warm", 0.09)):
            group = Group(model_id=model_id, variant_id="default", prefix=prefix)
            made.append(
                Estimate(
                    metric="ttft",
                    statistic="p50",
                    unit="s",
                    better="lower",
                    group=group,
                    value=value,
                    low=value * 0.9,
                    high=value * 1.1,
                    n=4,
                    clusters=3,
                    method="x",
                )
            )
    return tuple(made)


# metric, unit, better, difference, ratio, prompts with the first better, equal, with the second better
_COMPARED = (
    ("quality", "score", "higher", -0.5, None, (0, 0, 3)),
    ("ttft", "s", "lower", 0.17, 2.18, (0, 0, 3)),
    ("latency", "s", "lower", 0.188, 1.09, (1, 0, 2)),
    ("decode_tps", "tokens/s", "higher", -27.1, 0.534, (0, 0, 3)),
)


def _comparisons() -> tuple[ModelComparison, ...]:
    return tuple(
        ModelComparison(
            metric=metric,
            unit=unit,
            better=better,
            a=Contender(model_id="gemma-3-270m", variant_id="default"),
            b=Contender(model_id="smollm2-135m", variant_id="default"),
            effect="difference" if ratio is None else "ratio",
            difference=difference,
            ratio=ratio,
            p=0.25,
            p_holm=0.25,
            n_prompts=3,
            needed=6,
            wins=wins,
            ties=ties,
            losses=losses,
            method="sign flips, all",
        )
        for metric, unit, better, difference, ratio, (wins, ties, losses) in _COMPARED
    )


def _aspects() -> tuple[AspectSummary, ...]:
    made = []
    for place, model_id in enumerate(_SERVED):
        for prompt_id in PROMPTS:
            graded = 2 if place == 0 and prompt_id == "retro" else 3
            for aspect_id, kind, passed in (("names-friday", "check", 3 if place == 0 else 0), ("short", "check", 0), ("decision", "expect", 0)):
                group = Group(model_id=model_id, variant_id="default", prompt_id=prompt_id, aspect_id=aspect_id)
                if kind == "check":
                    made.append(AspectSummary(group=group, kind=kind, passed=min(passed, graded), graded=graded))
                else:
                    made.append(AspectSummary(group=group, kind=kind, passed=0, graded=0, ungraded=graded))
    return tuple(made)


def _costs() -> tuple[CostEstimate, ...]:
    formula = "(8 W × 21.4 s + 17 W × 19.2 s) / 3.6e6 J/kWh × 0.30 EUR/kWh"
    return tuple(
        CostEstimate(
            model_id=model_id,
            variant_id="default",
            cost_model="energy",
            per=per,
            amount=amount,
            currency="EUR",
            basis="declared",
            formula=formula,
            note=note,
        )
        for model_id in _SERVED
        for per, amount, note in (
            ("run", 0.0000415, None),
            ("request", 0.00000461, None),
            ("million_tokens", 0.0412, None),
            ("accepted_answer", None, "no rubric with a pass score defines an accepted answer"),
        )
    )


def summary(*, saturated: bool = False) -> Summary:
    """`summary.json` of the run."""
    seen = _seen(saturated=saturated)
    return replace(seen, selection=_selection(), gates=evaluate(spec(), seen, (Position(file="specs/summarizer.yaml", line=41, column=5),)))


def _selection() -> SelectionResult:
    return decide(
        contest(
            entrant("smollm2-135m", (demand("rss_bytes ≤ 450 MB"),), quality=(0.7083, 0.06), ttft=(0.1421, 0.006), rss_bytes=243_000_000),
            entrant("gemma-3-270m", (demand("rss_bytes ≤ 450 MB", "not_met"),), quality=(0.2083, 0.06), ttft=(0.3122, 0.01), rss_bytes=466_000_000),
            entrant("qwen2.5-0.5b", absent=f"unavailable: {QWEN_REASON}"),
            entrant("office-server", absent=f"failed: {HOSTILE_LINE}"),
            n_prompts=3,
            notes=(f"a note about {HOSTILE_LINE}",),
            quality=1.0,
            ttft=0.0,
            rss_bytes=0.0,
        )
    )


def _seen(*, saturated: bool) -> Summary:
    group = Group(model_id="smollm2-135m", variant_id="default", prompt_id="retro")
    return Summary(
        run_id="20261122T221500Z-5f5f5f5f",
        spec_name="summarizer",
        spec_version="1.0.0",
        spec_digest="5" * 64,
        client_saturated=saturated,
        counts=(
            Counts(model_id="smollm2-135m", variant_id="default", planned=9, completed=8, failed=1, missing=0, retried=1, failures={"timeout": 1}),
            Counts(model_id="gemma-3-270m", variant_id="default", planned=9, completed=9, failed=0, missing=0, retried=0),
            Counts(model_id="qwen2.5-0.5b", variant_id="default", planned=9, completed=0, failed=0, missing=9, retried=0),
            Counts(model_id="office-server", variant_id="default", planned=9, completed=0, failed=9, missing=0, retried=0, failures={"server": 9}),
        ),
        models=_statuses(),
        estimates=_estimates(),
        comparisons=_comparisons(),
        aspects=_aspects(),
        outliers=(Outlier(metric="latency", group=group, trial_id="9f" * 32, value=9.81, median=2.11, mad=0.21),),
        costs=_costs(),
        health=(
            ClientHealth(
                worker="0-1",
                treatment_digests=("a" * 64,),
                started_s=0.0,
                finished_s=21.4,
                lag_p50_s=0.0001,
                lag_p99_s=0.0012 if not saturated else 0.02,
                lag_max_s=0.021,
                cpu_share=0.031,
            ),
        ),
        notes=("samples/0-1.jsonl: a torn last line was skipped",),
    )


_TEXTS = {
    ("smollm2-135m", "standup"): "The team ships on Friday, after the tests.\n\n- Ada ships\n- Grace tests",
    ("smollm2-135m", "budget-review"): HOSTILE,
    ("gemma-3-270m", "standup"): "Ada: we ship on Friday. Grace: tests first. " * 60,
    ("gemma-3-270m", "retro"): "```python\nprint('x')\n```",
    ("gemma-3-270m", "budget-review"): "Ada: we ship",
}


def observations() -> tuple[Observation, ...]:
    """One round of every prompt and model that was tried, in no order in particular."""
    wanted = spec()
    messages = {prompt.id: prompt.messages for prompt in wanted.prompts}
    made = []
    for model_id in (*_SERVED, "office-server"):
        for prompt_id in PROMPTS:
            text = _TEXTS.get((model_id, prompt_id))
            trial_id = f"{model_id}/{prompt_id}"
            trial = Trial(
                id=trial_id,
                request_digest="1" * 64,
                treatment_digest="a" * 64,
                model_id=model_id,
                prompt_id=prompt_id,
                variant_id="default",
                round=1,
                request=Request(messages=messages[prompt_id], generation=wanted.generation),
            )
            usage = Usage(prompt_tokens=310, completion_tokens=42)
            outcome = (
                Failure(kind="server", message=HOSTILE_LINE, status=500)
                if text is None
                else Completion(text=text, finish_reason="length", usage=usage)
            )
            sample = Sample(
                trial_id=trial_id, attempt=1, is_final=True, outcome=outcome, timing=Timing(scheduled_s=1.0, sent_s=1.0, finished_s=3.1), worker="0-1"
            )
            grade = Grade(
                trial_id=trial_id,
                grader_id="checks",
                grader_digest="2" * 64,
                state="graded",
                score=0.5,
                aspects=(
                    AspectGrade(aspect_id="names-friday", kind="check", state="graded", score=1.0),
                    AspectGrade(aspect_id="short", kind="check", state="graded", score=0.0, detail=f"found 92 words of at most 80: {HOSTILE_LINE}"),
                ),
            )
            made.append(Observation(trial=trial, sample=sample, grades=(grade,) if text is not None else ()))
    return tuple(reversed(made))


def view(*, saturated: bool = False) -> View:
    """The view of the run."""
    resolved = {"bench": 1, "name": "summarizer", "report": {"formats": ["markdown"], "template": None}}
    return build_view(manifest=manifest(), summary=summary(saturated=saturated), spec=spec(), resolved=resolved, observations=observations())


# family, whether it must be passed, wins, of how many, bounds
_PROBED = (
    ("wrong_output", True, 20, 20, 0.839, 1.0),
    ("absent_fact", True, 9, 14, 0.388, 0.837),
    ("negated_fact", True, 2, 8, 0.071, 0.591),
    ("injection", True, 18, 20, 0.699, 0.972),
    ("empty", False, 20, 20, 0.839, 1.0),
    ("padding", False, 0, 0, None, None),
)
_ENDED = "ended after 8 of 20 probes, when it could not have been told from a coin any more"


def judge() -> JudgeRecord:
    """A judge of the run, which did not pass its probes."""
    families = tuple(
        ProbeFamily(
            name=name,
            is_core=is_core,
            wins=wins,
            decided=decided,
            abstained=2 if name == "absent_fact" else 0,
            low=low,
            high=high,
            reason=None if decided == 20 else _ENDED if decided else "nothing to make probes of",
            examples=(f"Says that {HOSTILE_LINE}: 0.41 for the better answer, 0.62 for the worse one",) if is_core and wins < decided else (),
        )
        for name, is_core, wins, decided, low, high in _PROBED
    )
    reasons = ("absent_fact: right in 9 of 14, lower bound 0.39, needed above 0.5", "negated_fact: 2 of 8, lower bound 0.07, needed above 0.5")
    return JudgeRecord(
        grader_id="local",
        grader_digest="3" * 64,
        judge_id="local",
        method="aspects",
        state="served",
        ran=("logprobs",),
        served_model=HOSTILE_LINE,
        runtime_version="xllamacpp 2026.10",
        qualification=Qualification(verdict="unqualified", families=families, label_mass=0.84, reasons=reasons),
        judges_itself=("gemma-3-270m",),
        counts={"graded": 15, "abstained": 2},
        questions=17,
        prompt_tokens=9120,
        read_tokens=2510,
        cached_tokens=6610,
        work=(
            JudgeWork(judge_id="local", requests=412, prompt_tokens=230_120, cached_tokens=171_400, completion_tokens=431, wall_s=39.5, busy_s=39.1),
        ),
        duration_s=41.2,
        notes=(f"a note: {HOSTILE_LINE}",),
    )


def _judge_cost() -> JudgeCost:
    """25 W × 39.1 s + 8 W × 0.4 s = 980.7 J; ÷ 3,600,000 × 0.30 EUR."""
    cost = replace(_costs()[0], model_id="local", variant_id="", per="run", amount=0.0000817, formula="(25 W × 39.1 s busy + 8 W × 0.4 s idle) …")
    return JudgeCost(grader_id="local", cost=cost)


def judged_view() -> View:
    """The view of the run with every answer judged."""
    aspects = tuple(
        found if found.kind == "check" else replace(found, passed=1, graded=found.ungraded - 1, abstained=1, ungraded=0) for found in _aspects()
    )
    believed = AspectGrade(aspect_id="decision", kind="expect", state="graded", score=0.31, p=0.31, label_mass=0.84, method="logprobs")
    said = Grade(trial_id="t", grader_id="local", grader_digest="3" * 64, state="graded", score=0.31, aspects=(believed,))
    scoring = Scoring(counting=frozenset({"checks"}), judge="local")
    heard = tuple(replace(one, grades=(*one.grades, said), scoring=scoring) if one.grades else one for one in observations())
    found = replace(summary(), aspects=aspects, judges=(judge(),), judge_costs=(_judge_cost(),))
    return build_view(manifest=manifest(), summary=found, spec=spec(), resolved={"bench": 1, "name": "summarizer"}, observations=heard)

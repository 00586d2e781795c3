"""The candidates of a run: what is required of them, what counts, and how each figure would have been with other prompts."""

import numpy as np
import pytest
from harness.summarized import METRICS, served, spec_of, summary_of, the
from msgspec.structs import replace

from bench.records.comparison import Contender
from bench.records.cost import CostEstimate
from bench.records.grade import AspectGrade, Grade
from bench.records.judging import JudgeRecord, Qualification
from bench.records.sketch import observation
from bench.records.spec import Bounded, JudgeSpec, Limits, ModelSpec, Rubric, Selection, Slo, Weighed, metric_and_statistic
from bench.records.telemetry import Contention, MachineUse
from bench.selecting import selected
from bench.summarize.reading import read
from bench.summarize.redrawn import Redrawn
from bench.summarize.table import Cell

PROMPTS = 12


def grade(score):
    aspect = AspectGrade(aspect_id="a", kind="check", state="graded", score=score, weight=1.0)
    return Grade(trial_id="t", grader_id="checks", grader_digest="d", state="graded", score=score, aspects=(aspect,))


def answers(model, quality, ttft, *, prompts=PROMPTS, failing=(), rounds=2, **more):
    """A model that differs a little from prompt to prompt, in its own way."""
    own = np.random.default_rng(sum(map(ord, model)))
    for number in range(prompts):
        for round_ in range(1, rounds + 1):
            start, wait = 10.0 * (number * rounds + round_), ttft * float(own.uniform(0.8, 1.25))
            yield observation(
                model_id=model,
                prompt_id=f"p{number:02}",
                round=round_,
                scheduled_s=start,
                token_s=(start + wait, start + wait + 0.1, start + wait + 0.3),
                failure="timeout" if number in failing else None,
                grades=() if number in failing else (grade(float(np.clip(quality + own.normal(0, 0.05), 0, 1))),),
                **more,
            )


def chosen(seen, *, weights=None, models=(), planned=(), statuses=(), costs=(), judges=(), machine=(), client_saturated=False, **more):
    weighed = [(*metric_and_statistic(name), weight) for name, weight in (weights or {}).items()]
    require = {name: more.pop(name) for name in ("bounds", "licenses", "capabilities") if name in more}
    asked = Selection(weights=tuple(Weighed(metric=metric, at=at, weight=weight) for metric, at, weight in weighed), **require)
    spec = spec_of([*seen, *planned], selection=asked, **({"models": models} if models else {}), **more)
    summary = summary_of(seen, planned=planned, spec=spec, statuses=statuses, costs=costs)
    summary = replace(summary, judges=judges, machine=machine, client_saturated=client_saturated)
    return selected(spec, summary, read(spec, seen, METRICS).rows, METRICS)


def of(found, model):
    return next(one for one in found.candidates if one.who.model_id == model)


TWO = (*answers("a", 0.8, 1.0), *answers("b", 0.4, 0.9))


@pytest.mark.parametrize(
    ("weights", "verdict"), [({"quality": 3, "ttft": 1}, "likely"), ({"quality": 1}, "clear"), ({"quality": 3, "cost": 1}, "likely")]
)
def test_other_work_on_the_machine_leaves_what_it_may_have_spoilt_in_doubt(weights, verdict):
    beside = Contention(kind="cpu", value=0.6, limit=0.1, unit="share", text="others took 60 %", spoils=("ttft", "latency"))
    busy = MachineUse(model_id="b", variant_ids=("default",), window_s=9.0, read_s=9.0, cores=2, contention=(beside,))
    costs = tuple(
        CostEstimate(
            model_id=model, variant_id="default", cost_model="hourly", per="request", amount=0.1, currency="EUR", basis="declared", formula=""
        )
        for model in ("a", "b")
    )
    found = chosen(TWO, weights=weights, machine=(busy,), costs=costs)
    assert (found.verdict, found.selected.model_id) == (verdict, "a")
    notes = {one.name: one.note for one in found.criteria}
    if verdict == "likely":
        assert "since other work took part of the machine" in found.sentence
        more = "; a reading: the same in every resample" if "cost" in weights else ""
        assert notes[list(weights)[-1]] == f"other work took part of the machine while it was measured of b{more}"
    assert chosen(TWO, weights=weights, costs=costs).verdict == "clear"


@pytest.mark.parametrize(("metric", "verdict"), [("ttft", "likely"), ("error_rate", "clear")])
def test_client_that_could_not_keep_up_leaves_times_in_doubt(metric, verdict):
    found = chosen(TWO, weights={"quality": 3, metric: 1}, client_saturated=True)
    assert (found.verdict, found.doubts) == (verdict, ("the measuring client could not keep up",) if verdict == "likely" else ())


def test_a_percentile_without_an_interval_leaves_a_decision_that_weighs_it_likely():
    found = chosen(TWO, weights={"quality": 3, "ttft_p95": 1})
    assert (found.verdict, found.doubts) == ("likely", ("ttft_p95 has no interval",))
    assert chosen(TWO, weights={"quality": 3, "ttft_p50": 1}, bounds=(Bounded(metric="ttft", at="p95", max=9.0),)).doubts == ()


def test_no_selection_is_made_where_none_is_declared():
    spec = spec_of(TWO)
    assert selected(spec, summary_of(TWO, spec=spec), read(spec, TWO, METRICS).rows, METRICS) is None


def test_the_better_by_weight_is_chosen_with_its_values_and_how_sure_that_is():
    found = chosen(TWO, weights={"quality": 3, "ttft": 1})
    assert (found.verdict, found.selected) == ("clear", Contender(model_id="a", variant_id="default"))
    assert [(one.name, one.weight, one.unit, one.statistic) for one in found.criteria if one.weight] == [
        ("quality", 0.75, "score", "mean"),
        ("ttft", 0.25, "s", "p50"),
    ]
    assert of(found, "a").values[0].value == pytest.approx(0.8, abs=0.05)
    assert (found.n_prompts, found.resamples, found.nobody_share) == (12, 2000, 0.0)


def test_without_weights_quality_latency_memory_and_cost_make_the_front():
    costs = tuple(
        CostEstimate(model_id=model, variant_id="default", cost_model="e", per="request", amount=0.1, currency="EUR", basis="declared", formula="")
        for model in ("a", "b")
    )
    statuses = tuple(served(model, rss_peak_bytes=10**8) for model in ("a", "b"))
    found = chosen(TWO, licenses=(), costs=costs, statuses=statuses)
    assert [one.name for one in found.criteria] == ["quality", "latency_p50", "rss_bytes", "cost"]
    assert (found.basis, found.verdict) == ("front", "cannot_tell")
    found = chosen(TWO, weights={"ttft_p95": 1}, statuses=statuses)
    assert [(one.name, one.weight) for one in found.criteria] == [("ttft_p95", 1.0), ("quality", 0.0), ("rss_bytes", 0.0)]


def test_licences_and_capabilities_are_those_that_the_entry_declares():
    models = (
        ModelSpec(id="a", runtime="fake", license="mit", capabilities=("chat",)),
        ModelSpec(id="b", runtime="fake", license="Gemma", capabilities=("chat", "tools")),
    )
    found = chosen(TWO, weights={"quality": 1}, models=models, licenses=("MIT", "Apache-2.0"), capabilities=("chat",))
    assert [(one.name, one.outcome) for one in of(found, "a").requirements] == [
        ("license: MIT or Apache-2.0", "met"),
        ("capabilities: chat", "met"),
    ]
    assert of(found, "b").reason == "license: MIT or Apache-2.0 not met"
    silent = chosen(TWO, weights={"quality": 1}, licenses=("MIT",))
    assert [(one.state, one.requirements[0].outcome) for one in silent.candidates] == [("unknown", "unknown")] * 2
    assert (silent.verdict, silent.selected) == ("none", None)


@pytest.mark.parametrize(
    ("bound", "outcome", "states"),
    [
        (Bounded(metric="quality", min=0.6), "met", ["in", "out"]),
        (Bounded(metric="quality", min=0.79), "undecided", ["in", "out"]),
        (Bounded(metric="ttft", at="p50", max=5), "met", ["in", "in"]),
        (Bounded(metric="ttft", at="p95", max=5), "undecided", ["in", "in"]),  # 12 prompts give no interval
        (Bounded(metric="rss_bytes", max=1e9), "unknown", ["unknown", "unknown"]),
        (Bounded(metric="score", min=3.5), "met", ["in", "out"]),  # 0.8 of 1–5 is 4.2
    ],
    ids=lambda value: value.name if isinstance(value, Bounded) else "",
)
def test_bounds_are_decided_as_gates_are(bound, outcome, states):
    more = {"rubrics": (Rubric(id="r", scale=(1, 5)),)} if bound.metric == "score" else {}
    if bound.metric == "score":
        more["prompts"] = tuple(replace(prompt, rubric="r") for prompt in spec_of(TWO).prompts)
    found = chosen(TWO, weights={"quality": 1}, bounds=(bound,), **more)
    assert of(found, "a").requirements[0].outcome == outcome
    assert [one.state for one in found.candidates] == states


def test_a_bound_that_noise_leaves_open_holds_in_some_resamples():
    middle = of(chosen(TWO, weights={"quality": 1}), "a").values[0].value
    found = chosen(TWO, weights={"quality": 1}, bounds=(Bounded(metric="quality", min=middle),))
    assert 0.3 < of(found, "a").win_share < 0.7
    assert found.nobody_share == pytest.approx(1 - of(found, "a").win_share)
    assert "nobody meets the requirements in" in found.sentence


def test_whose_requests_failed_is_told_by_its_variant_where_there_are_several():
    seen = (*answers("a", 0.8, 1.0, failing=range(3), variant_id="cold"), *answers("a", 0.8, 1.0, failing=range(2), variant_id="hot"))
    told = "Requests failed (6 of 24 of a [cold], 4 of 24 of a [hot]): figures speak of those that were answered."
    assert chosen(seen, weights={"quality": 1}).notes == (told,)


def test_a_model_whose_requests_often_fail_is_out_unless_the_spec_allows_it():
    seen = (*answers("a", 0.8, 1.0, failing=range(3)), *answers("b", 0.4, 1.0))
    found = chosen(seen, weights={"quality": 1})
    implied = of(found, "a").requirements[0]
    assert (implied.name, implied.outcome, implied.is_implied, of(found, "a").state) == ("error_rate ≤ 5 %", "not_met", True, "out")
    assert found.notes == ("Requests failed (6 of 24 of a): figures speak of those that were answered.",)
    assert of(chosen(seen, weights={"quality": 1}, limits=Limits(max_error_rate=0.5)), "a").state == "in"
    allowed = chosen(seen, weights={"quality": 1}, bounds=(Bounded(metric="error_rate", max=0.6),))
    assert [one.is_implied for one in of(allowed, "a").requirements] == [False]


def test_a_model_that_answered_other_prompts_cannot_be_placed():
    seen = (*TWO, *answers("c", 0.9, 0.1, prompts=3))
    found = chosen(seen, weights={"quality": 1})
    assert (of(found, "c").state, of(found, "c").reason) == ("unknown", "asked only 3 of 12 prompts so far")
    assert found.verdict == "cannot_tell"


def test_a_model_without_answers_is_no_candidate_and_says_why():
    planned = [observation(model_id="c")]
    away = replace(served("c"), state="unavailable", endpoint=None, reason="no hub")
    found = chosen(TWO, weights={"quality": 1}, planned=planned, statuses=(away,))
    assert (of(found, "c").state, of(found, "c").reason, of(found, "c").values) == ("unknown", "unavailable: no hub", ())
    assert found.verdict == "clear"
    failed = tuple(answers("c", 0.9, 0.1, failing=range(PROMPTS)))
    assert of(chosen((*TWO, *failed), weights={"quality": 1}), "c").reason == "all 24 requests failed"


def test_costs_in_two_currencies_do_not_compare():
    costs = tuple(
        CostEstimate(model_id=model, variant_id="default", cost_model="e", per="request", amount=0.1, currency=currency, basis="declared", formula="")
        for model, currency in (("a", "EUR"), ("b", "USD"))
    )
    found = chosen(TWO, weights={"cost": 1}, costs=costs)
    assert found.verdict == "cannot_tell"
    assert "USD, where another candidate has EUR: they do not compare" in found.sentence


def test_whose_word_quality_is_stands_beside_it():
    judge = JudgeRecord(
        grader_id="j", grader_digest="d", judge_id="local", method="aspects", state="served", qualification=Qualification(verdict="unqualified")
    )
    asked = JudgeSpec(use="local")
    found = chosen(TWO, weights={"quality": 1}, judges=(judge,), judge=asked)
    assert found.criteria[0].note == "by checks alone: judge local is unqualified"
    assert found.verdict == "clear"
    sure = replace(judge, may_count=True, qualification=Qualification(verdict="qualified"))
    assert chosen(TWO, weights={"quality": 1}, judges=(sure,), judge=asked).criteria[0].note == (
        "by checks and judge local (qualified); how far people agree with it is not known"
    )


def test_what_only_an_unqualified_judge_says_is_unknown():
    judge = JudgeRecord(
        grader_id="j", grader_digest="d", judge_id="local", method="aspects", state="served", qualification=Qualification(verdict="unqualified")
    )
    found = chosen(TWO, weights={"judged": 1}, judges=(judge,), judge=JudgeSpec(use="local"))
    assert (found.verdict, found.selected) == ("cannot_tell", None)
    assert "judge local is unqualified, and its word is not taken" in found.sentence


def test_order_of_the_models_changes_no_share():
    first, second = chosen(TWO, weights={"quality": 1, "ttft": 3}), chosen(TWO[::-1], weights={"quality": 1, "ttft": 3})
    assert {one.who: one.win_share for one in first.candidates} == {one.who: one.win_share for one in second.candidates}


def test_one_prompt_alone_resamples_its_rounds():
    seen = (*answers("a", 0.8, 1.0, prompts=1, rounds=10), *answers("b", 0.4, 1.0, prompts=1, rounds=10))
    found = chosen(seen, weights={"quality": 1})
    assert (found.unit, found.n_prompts, found.verdict) == ("rounds", 10, "likely")
    assert "resamples of the 10 rounds" in found.sentence


@pytest.mark.parametrize(
    ("metric", "statistic"),
    [
        ("ttft", "p50"), ("ttft", "p95"), ("ttft", "mean"), ("latency", "p99"), ("quality", "mean"), ("decode_tps", "ratio"),
        ("error_rate", "share"), ("itl", "p95"), ("request_rate", "rate"), ("goodput", "rate"), ("output_tps", "rate"),
    ],
)  # fmt: skip
def test_a_resample_of_every_prompt_once_is_the_estimate(metric, statistic):
    seen = tuple(answers("a", 0.8, 1.0, failing=(2,)))
    spec = spec_of(seen, slo=Slo(ttft_s=1.0))
    redrawn = Redrawn(spec, read(spec, seen, METRICS).rows, METRICS)
    redrawn._drawn = np.ones((2, redrawn.k))
    found = redrawn.figure(Cell("a", "default"), metric, statistic)
    assert found == pytest.approx(np.full(2, the(summary_of(seen, spec=spec), metric, statistic).value))


def test_readings_are_the_same_in_every_resample():
    spec = spec_of(TWO)
    redrawn = Redrawn(spec, read(spec, TWO, METRICS).rows, METRICS)
    assert redrawn.figure(Cell("a", "default"), "rss_bytes", "value") is None
    assert redrawn.figure(Cell("nobody", "default"), "ttft", "p50") is None

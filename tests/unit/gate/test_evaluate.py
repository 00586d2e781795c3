"""What each gate looks at, and when what it sees decides nothing."""

import pytest
from harness.gated import aspect, cost, counts, estimate, judge, score, spec, status, summary
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bench.gate.evaluate import evaluate
from bench.records.gate import GateResult
from bench.records.source import Position
from bench.records.spec import GateSpec, JudgeSpec, Rubric
from bench.records.telemetry import Contention, MachineUse

JUDGED = JudgeSpec(use="j")


def one(gate, seen, **more) -> GateResult:
    (result,) = evaluate(spec(gate, **more), seen)
    return result


# --- numbers


@pytest.mark.parametrize(
    ("gate", "seen", "outcome", "name", "reason"),
    [
        (
            GateSpec(metric="ttft", max=0.8), summary(estimate(value=0.5, low=0.4, high=0.6)), "pass",
            "ttft p50 ≤ 800 ms", "500 [400–600] ms: the whole interval lies within",
        ),
        (
            GateSpec(metric="ttft", at="p95", max=0.8), summary(estimate(), estimate(value=1.0, low=0.9, high=1.5, statistic="p95")),
            "fail", "ttft p95 ≤ 800 ms", "1.00 [0.90–1.50] s: the whole interval lies outside",
        ),
        (
            GateSpec(metric="ttft", at="p99", max=0.8), summary(estimate(statistic="p99", note="20 of 368")), "undecided",
            "ttft p99 ≤ 800 ms", "500 ms: there is no interval (20 of 368)",
        ),
        (
            GateSpec(metric="error_rate", max=0.05), summary(estimate("error_rate", 0.1, 0.02, 0.3, statistic="share", unit="share")), "undecided",
            "error_rate ≤ 5 %", "10 [2–30] %: the interval lies on both sides of the bound: more prompts make it narrower",
        ),
        (
            GateSpec(metric="decode_tps", min=30),
            summary(estimate("decode_tps", 40, 38, 42, statistic="ratio", unit="tokens/s", better="higher")), "pass",
            "decode_tps ≥ 30 tokens/s", "40.0 [38.0–42.0] tokens/s: the whole interval lies within",
        ),
        (
            GateSpec(metric="goodput", min=2), summary(estimate("goodput", 1, 0.5, 1.5, statistic="rate", unit="1/s", better="higher")), "fail",
            "goodput ≥ 2 per s", "1.0 [0.5–1.5] per s: the whole interval lies outside",
        ),
        (
            GateSpec(metric="rss_bytes", max=2e9), summary(estimate("rss_peak_bytes", 2.5e9, statistic="value", unit="B", n=1)), "fail",
            "rss_bytes ≤ 2 GB", "2.5 GB, as read in this run",
        ),
        (
            GateSpec(metric="latency", at="max", max=5), summary(estimate("latency", 4.0, statistic="max")), "pass",
            "latency max ≤ 5 s", "4 s, as read in this run",
        ),
        (GateSpec(metric="cost", max=0.05), summary(costs=(cost(0.02),)), "pass", "cost ≤ 0.05 EUR", "0.02 EUR, as read in this run"),
        (
            GateSpec(metric="cost_per_accepted_answer", max=0.05), summary(costs=(cost(None, "accepted_answer"),)), "undecided",
            "cost_per_accepted_answer ≤ 0.05", "no accepted answer",
        ),
        (GateSpec(metric="tpot", max=0.05), summary(estimate()), "undecided", "tpot ≤ 0.05", "there is no such figure in this run"),
        (GateSpec(metric="ttft", at="p90", max=1), summary(estimate()), "undecided", "ttft p90 ≤ 1 s", "there is no p90 of it in this run, only p50"),
        (GateSpec(metric="quality", min=0.5), summary(score()), "pass", "quality ≥ 50 %", "70 [60–80] %: the whole interval lies within"),
    ],
)  # fmt: skip
def test_any_figure_of_a_run_can_be_demanded(gate, seen, outcome, name, reason):
    found = one(gate, seen)
    assert (found.outcome, found.name, found.reason) == (outcome, name, reason)


def test_a_score_is_quality_on_the_rubrics_scale():
    found = one(GateSpec(metric="score", min=3), summary(score(0.75, 0.5, 0.875)), rubric=Rubric(id="r", scale=(1, 5)))
    assert (found.value, found.low, found.high, found.outcome, found.name) == (4.0, 3.0, 4.5, "pass", "score ≥ 3")


def test_scales_that_differ_make_no_score():
    wanted = spec(GateSpec(metric="score", min=3), rubric=Rubric(id="r", scale=(1, 5)))
    other = wanted.prompts[0].__class__(id="q", messages=wanted.prompts[0].messages, aspects=wanted.prompts[0].aspects, rubric="s")
    wanted = wanted.__class__(**{name: getattr(wanted, name) for name in wanted.__struct_fields__} | {
        "prompts": (*wanted.prompts, other), "rubrics": (*wanted.rubrics, Rubric(id="s", scale=(0, 10))),
    })  # fmt: skip
    (found,) = evaluate(wanted, summary(score()))
    assert (found.outcome, found.reason) == ("undecided", "the rubrics of this run have different scales; look at `quality`")


def test_noise_can_be_let_pass_and_the_reason_says_so():
    found = one(GateSpec(metric="ttft", max=0.8, on_noise="pass"), summary(estimate(value=0.9, low=0.7, high=1.2)))
    assert (found.outcome, found.cause) == ("pass", "noise")
    assert found.reason.endswith("; passed by `on_noise: pass`")


# --- aspects


def test_an_aspect_is_looked_at_over_all_prompts_that_have_it():
    met = [aspect(passed=5 if number else 4, graded=5, prompt=f"p{number}") for number in range(20)]
    found = one(GateSpec(metric="aspect", aspect="short", min=0.8), summary(aspects=tuple(met)))
    assert (found.value, found.n, found.outcome, found.name, found.aspect_id) == (0.99, 100, "pass", "aspect short ≥ 80 %", "short")
    few = one(GateSpec(metric="aspect", aspect="short", min=0.8), summary(aspects=tuple(met[:2])))
    assert few.outcome == "undecided"  # 100 answers to 20 prompts say more than 10 answers to two


def test_an_aspect_of_one_prompt_is_about_its_answers():
    found = one(GateSpec(metric="aspect", aspect="short", min=0.5), summary(aspects=(aspect(passed=1, graded=20),)))
    assert (found.outcome, found.value) == ("fail", 0.05)
    assert found.high < 0.5


def test_an_aspect_nobody_graded_decides_nothing():
    found = one(GateSpec(metric="aspect", aspect="short", min=0.5), summary(aspects=(aspect(passed=0, graded=0, failed=3),)))
    assert (found.outcome, found.cause, found.reason) == ("undecided", "no_value", "no answer was graded for it")


# --- coverage and judges


def test_less_coverage_than_demanded_is_undecided_whatever_the_score():
    gate = GateSpec(metric="quality", min=0.1, coverage=0.9)
    found = one(gate, summary(score(n=8, not_applicable=2)))
    assert (found.outcome, found.cause) == ("undecided", "coverage")
    assert "80 % of the answers have a score, fewer than the 90 % that `coverage` asks for" in found.reason
    assert one(gate, summary(score(n=9, not_applicable=1))).outcome == "pass"


def test_coverage_that_the_judge_is_to_blame_for_says_so():
    found = one(GateSpec(metric="quality", min=0.1, coverage=0.9), summary(score(), judges=(judge(graded=8, abstained=2),)), judge=JUDGED)
    assert (found.outcome, found.cause) == ("undecided", "judge")
    assert "judge j: 2 abstained, 8 graded" in found.reason


@pytest.mark.parametrize(
    ("record", "cause", "words"),
    [
        ((), "judge", "no answer of this run was judged"),
        ((judge(state="unavailable", may_count=False, reason="nothing listens"),), "judge", "is unavailable: nothing listens"),
        (
            (judge("unqualified", may_count=False, graded=20),),
            "judge_weak",
            "is unqualified: negated_fact: right in 2 of 8; its word decides no gate",
        ),
        ((judge("untested", may_count=False, graded=20),), "judge_weak", "is untested; its word decides no gate"),
    ],
)
@pytest.mark.parametrize(
    "gate", [GateSpec(metric="score", min=0.1), GateSpec(metric="judged", min=0.1), GateSpec(metric="aspect", aspect="kind", min=0.1)]
)
def test_a_judge_whose_word_is_not_taken_decides_no_gate(gate, record, cause, words):
    seen = summary(score(), score(metric="judged"), aspects=(aspect("kind", kind="expect"),), judges=record)
    found = one(gate, seen, judge=JUDGED)
    assert (found.outcome, found.cause) == ("undecided", cause)
    assert words in found.reason


@pytest.mark.parametrize("verdict", ["qualified", "weak", "unqualified"])
def test_a_judge_that_may_count_decides(verdict):
    seen = summary(score(metric="judged"), judges=(judge(verdict, graded=20),))
    assert one(GateSpec(metric="judged", min=0.5), seen, judge=JUDGED).outcome == "pass"


def test_quality_rests_on_checks_where_the_judges_word_is_not_taken():
    seen = summary(score(), judges=(judge("unqualified", may_count=False, graded=20),))
    assert one(GateSpec(metric="quality", min=0.5), seen, judge=JUDGED).outcome == "pass"


def test_checks_and_times_need_no_judge():
    seen = summary(estimate(low=0.4, high=0.6), score(metric="checks_met"), aspects=(aspect(),), judges=(judge(state="failed", may_count=False),))
    gates = (GateSpec(metric="ttft", max=1), GateSpec(metric="checks_met", min=0.5), GateSpec(metric="aspect", aspect="short", min=0.5))
    assert [found.outcome for found in evaluate(spec(*gates, judge=JUDGED), seen)] == ["pass", "pass", "pass"]


def test_people_are_no_judge_that_must_qualify():
    assert one(GateSpec(metric="score", min=0.5), summary(score()), judge=JudgeSpec(use="", method="human")).outcome == "pass"


def test_a_saturated_client_proves_no_breach_but_a_pass_holds():
    slow, fast = (summary(estimate(value=v, low=v, high=v), client_saturated=True) for v in (1.0, 0.5))
    gate = GateSpec(metric="ttft", max=0.8)
    assert (one(gate, slow).outcome, one(gate, slow).cause) == ("undecided", "client")
    assert one(gate, fast).outcome == "pass"
    load = summary(estimate("load_s", 9.0, 9.0, 9.0, statistic="value"), client_saturated=True)
    assert one(GateSpec(metric="load_s", max=2), load).outcome == "fail"


@pytest.mark.parametrize(("metric", "unit", "better"), [("tpot", "s", "lower"), ("itl", "s", "lower"), ("decode_tps", "tokens/s", "higher")])
def test_a_saturated_client_may_also_make_gaps_shorter_so_it_proves_nothing_of_them(metric, unit, better):
    seen = summary(estimate(metric, 0.5, 0.5, 0.5, unit=unit, better=better), client_saturated=True)
    for bound in (0.1, 0.9):
        gate = GateSpec(metric=metric, max=bound) if better == "lower" else GateSpec(metric=metric, min=bound)
        assert (one(gate, seen).outcome, one(gate, seen).cause) == ("undecided", "client")
    passed = one(GateSpec(metric=metric, max=0.9) if better == "lower" else GateSpec(metric=metric, min=0.1), seen)
    assert passed.reason.endswith("the client was saturated, and what it read late lay ready together, without gaps: no proof that it holds")


def test_a_client_that_sent_less_than_it_was_asked_to_proves_no_pass():
    seen = summary(estimate(value=0.5, low=0.4, high=0.6), client_saturated=True, limited_by="client")
    assert one(GateSpec(metric="ttft", max=0.8), seen).reason.endswith(
        "and sent less than was asked for, which spared the server: no proof that it holds"
    )


def busy(kind="cpu", *spoils, model="m"):
    """A machine on which something else was at work while a model was measured."""
    beside = Contention(kind=kind, value=0.6, limit=0.1, unit="share", text="others took 60 %", spoils=spoils or ("ttft", "latency", "energy_j"))
    return (MachineUse(model_id=model, variant_ids=("default",), window_s=9.0, read_s=9.0, cores=2, contention=(beside,)),)


@pytest.mark.parametrize(
    ("metric", "unit", "better"), [("ttft", "s", "lower"), ("tpot", "s", "lower"), ("request_rate", "1/s", "higher"), ("energy_j", "J", "lower")]
)
def test_other_work_on_the_machine_proves_no_breach_of_what_it_may_have_spoilt(metric, unit, better):
    seen = [summary(estimate(metric, v, v, v, unit=unit, better=better), machine=busy()) for v in (0.5, 1.0)]
    if better == "higher":
        seen.reverse()
    gate = GateSpec(metric=metric, min=0.8) if better == "higher" else GateSpec(metric=metric, max=0.8)
    good, bad = (one(gate, each) for each in seen)
    assert (good.outcome, good.cause) == ("pass", "bound")
    assert (bad.outcome, bad.cause) == ("undecided", "contention")
    assert bad.reason.endswith("others took 60 % while this was measured, which may be why: no proof of a breach")


def test_other_work_leaves_what_it_cannot_have_spoilt_and_other_models_alone():
    for metric, unit, statistic in (("error_rate", "share", "share"), ("rss_peak_bytes", "B", "value"), ("load_s", "s", "value")):
        seen = summary(estimate(metric, 1.0, 1.0, 1.0, unit=unit, statistic=statistic), machine=busy())
        assert one(GateSpec(metric=metric.replace("peak_", ""), max=0.5), seen).outcome == "fail"
    elsewhere = summary(estimate(value=1.0, low=1.0, high=1.0), machine=busy(model="other"))
    assert one(GateSpec(metric="ttft", max=0.8), elsewhere).outcome == "fail"


def test_a_server_that_was_driven_out_of_memory_is_not_proven_small():
    seen = [
        summary(estimate("rss_peak_bytes", v, statistic="value", unit="B", n=1), machine=busy("swap", "latency", "rss_peak_bytes"))
        for v in (1e9, 3e9)
    ]
    small, large = (one(GateSpec(metric="rss_bytes", max=2e9), each) for each in seen)
    assert (small.outcome, small.cause, large.outcome) == ("undecided", "contention", "fail")


@pytest.mark.parametrize(("cost_model", "outcome"), [("hourly", "undecided"), ("energy", "undecided"), ("price_table", "fail")])
def test_what_time_costs_is_spoilt_with_the_time_and_tokens_are_not(cost_model, outcome):
    dear = replace(cost(0.5), cost_model=cost_model)
    gate = GateSpec(metric="cost", max=0.05)
    assert one(gate, summary(costs=(dear,), machine=busy())).outcome == outcome
    assert one(gate, summary(costs=(dear,), client_saturated=True)).outcome == outcome


# --- models


def test_a_gate_without_a_model_is_about_each():
    seen = summary(estimate(low=0.4, high=0.6), estimate(model="n", value=2.0, low=1.9, high=2.1), names=("m", "n"))
    found = evaluate(spec(GateSpec(metric="ttft", max=1), GateSpec(metric="ttft", max=1, model="m"), models=("m", "n")), seen)
    assert [(result.gate, result.model_id, result.outcome) for result in found] == [(0, "m", "pass"), (0, "n", "fail"), (1, "m", "pass")]


def test_an_optional_model_that_was_not_there_is_held_against_no_gate_that_does_not_name_it():
    away = {"counts": (counts(), counts("n", 0)), "models": (status(), status("n", "unavailable", optional=True))}
    seen = summary(estimate(low=0.4, high=0.6), **away)
    assert [found.model_id for found in evaluate(spec(GateSpec(metric="ttft", max=1), models=("m", "n")), seen)] == ["m"]
    named = one(GateSpec(metric="ttft", max=1, model="n"), seen, models=("m", "n"))
    assert (named.outcome, named.cause) == ("undecided", "no_value")


def test_a_required_model_without_answers_leaves_the_gate_undecided():
    seen = summary(counts=(counts("m", 0),), models=(status("m", "failed"),))
    assert one(GateSpec(metric="ttft", max=1), seen).outcome == "undecided"


@pytest.mark.parametrize("gate", [GateSpec(metric="ttft", max=1), GateSpec(metric="ttft", max=1, model="z")])
def test_a_gate_that_no_model_is_held_against_is_undecided_and_not_forgotten(gate):
    seen = summary(counts=() if gate.model is None else (counts(),))
    found = one(gate, seen)
    assert (found.outcome, found.model_id) == ("undecided", None)
    assert "took" in found.reason


def test_gates_know_where_they_stand():
    places = (Position(file="a.yaml", line=3, column=5), None)
    found = evaluate(spec(GateSpec(metric="ttft", max=1), GateSpec(metric="tpot", max=1)), summary(estimate()), places)
    assert [result.position for result in found] == list(places)


# --- whatever is measured


@st.composite
def runs(draw):
    """A gate, and a run in which anything may be wrong."""
    metric, statistic, unit = draw(st.sampled_from([("ttft", "p50", "s"), ("quality", "mean", "score"), ("error_rate", "share", "share")]))
    low, value, high = sorted(draw(st.tuples(*[st.floats(0, 1)] * 3)))
    has_interval = draw(st.booleans())
    figure = estimate(
        metric, value, low if has_interval else None, high if has_interval else None, statistic=statistic, unit=unit, n=draw(st.integers(1, 20)),
        not_applicable=draw(st.integers(0, 5)),
    )  # fmt: skip
    judges = draw(st.sampled_from([(), (judge(graded=20),), (judge(graded=5, failed=15),), (judge("unqualified", may_count=False, graded=20),)]))
    wanted = GateSpec(
        metric=metric, min=draw(st.none() | st.floats(0, 0.5)), max=draw(st.floats(0.5, 1)), coverage=draw(st.none() | st.floats(0, 1)),
        on_noise=draw(st.sampled_from(["undecided", "pass", "value"])),
    )  # fmt: skip
    return wanted, summary(figure, judges=judges, client_saturated=draw(st.booleans())), draw(st.sampled_from([None, JUDGED]))


@given(runs())
def test_no_outcome_contradicts_its_own_interval(run):
    wanted, seen, by = run
    found = one(wanted, seen, judge=by)
    least = found.least if found.least is not None else -1.0
    if found.low is None:
        assert found.outcome == "undecided" or wanted.on_noise != "undecided"
        return
    is_inside, is_outside = least <= found.low and found.high <= found.most, found.high < least or found.low > found.most
    if found.outcome == "pass":
        assert is_inside or (found.cause == "noise" and not is_outside)
    if found.outcome == "fail":
        assert is_outside or (found.cause == "noise" and wanted.on_noise == "value" and not is_inside)
    if found.outcome == "undecided" and found.cause == "noise":
        assert not is_inside
        assert not is_outside

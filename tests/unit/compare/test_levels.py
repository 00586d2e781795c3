"""Figures over all answers: percentiles and rates by two intervals, readings as they are, and nothing where the work was another."""

import numpy as np
import pytest
from harness.pool import run_of
from msgspec.structs import replace

from bench.compare.compare import Asked, Side, compare
from bench.records.baseline import Answered, Contestant, Level, Price

PROMPTS = tuple(f"p{n}" for n in range(8))


def side(*levels, n=3, facts=None, cost=None, request="", prompts=PROMPTS, tokens=(), **said):
    values = {"ttft": (0.1, n), "latency": (0.5, n)}
    each = dict(zip(prompts, tokens or (20,) * len(prompts), strict=True))
    answers = tuple(
        Answered(prompt_id=prompt, request=f"{request}{prompt}", n=n, values=values | {"completion_tokens": (each[prompt], n)}) for prompt in prompts
    )
    run = run_of(answers, prompts, [])
    model = replace(run.models[0], levels=levels, facts=facts or {}, cost=cost)
    return replace(run, models=(model,), **said)


def level(value, spread=0.1, metric="ttft", statistic="p95"):
    return Level(metric=metric, statistic=statistic, value=value, low=value * (1 - spread), high=value * (1 + spread), n=100)


def price(amount, **said):
    return Price(**{"cost_model": "price_table", "priced": "a", "currency": "EUR", "amounts": {"request": amount, "run": amount * 24}} | said)


def found(base, head, *metrics, **asked):
    return compare(Side(base, "base"), Side(head, "head"), Asked(metrics=metrics, **asked)).levels


@pytest.mark.parametrize(("factor", "spread", "verdict"), [(1.0, 0.02, "same"), (1.5, 0.1, "worse"), (0.6, 0.1, "better"), (1.1, 0.1, "cannot_tell")])
def test_verdict_of_a_percentile(factor, spread, verdict):
    (one,) = found(side(level(1.0, spread)), side(level(factor, spread)), "ttft:p95")
    assert (one.verdict, one.statistic, one.ratio) == (verdict, "p95", pytest.approx(factor))
    assert one.low < factor < one.high
    (turned,) = found(side(level(factor, spread)), side(level(1.0, spread)), "ttft:p95")
    assert turned.verdict == {"worse": "better", "better": "worse"}.get(verdict, verdict)


def test_all_of_them_are_one_family():
    base, head = side(level(1.0), level(1.0, metric="latency")), side(level(1.3), level(1.3, metric="latency"))
    (alone,) = found(base, head, "ttft:p95")
    both = found(base, head, "ttft:p95", "latency:p95")
    assert both[0].p == alone.p
    assert both[0].p_adjusted == pytest.approx(2 * alone.p_adjusted, rel=1e-4)
    assert both[0].mde > alone.mde
    mixed = compare(Side(base, "b"), Side(head, "h"), Asked(metrics=("ttft", "ttft:p95")))
    assert mixed.levels[0].p_adjusted == pytest.approx(2 * alone.p_adjusted, rel=1e-4)


def test_detectable_change_is_found_in_four_of_five_draws():
    rng, error = np.random.default_rng(5), 0.05
    (one,) = found(side(level(1.0, error * 1.96)), side(level(1.0, error * 1.96)), "ttft:p95")
    planted = np.log(one.mde)

    def drawn(effect):
        value = float(np.exp(effect + error * rng.standard_normal()))
        return Level(metric="ttft", statistic="p95", value=value, low=value * np.exp(-1.96 * error), high=value * np.exp(1.96 * error), n=100)

    verdicts = [found(side(drawn(0.0)), side(drawn(planted)), "ttft:p95")[0].verdict for _ in range(300)]
    assert 0.74 <= verdicts.count("worse") / 300 <= 0.86
    alike = [found(side(drawn(0.0)), side(drawn(0.0)), "ttft:p95")[0].verdict for _ in range(300)]
    assert sum(verdict in {"better", "worse"} for verdict in alike) <= 15


def test_readings_decide_as_they_are_read():
    base, head = side(facts={"rss_peak_bytes": 1e9, "load_s": 1.0}), side(facts={"rss_peak_bytes": 1.2e9, "load_s": 9.0})
    memory, load, none = found(base, head, "rss_bytes", "load_s", "gpu_bytes")
    assert (memory.verdict, memory.ratio, memory.reason) == ("worse", 1.2, "one reading on each side")
    assert (load.verdict, none.verdict, none.reason) == ("cannot_tell", "cannot_tell", "not both have this figure")
    assert found(base, head, "rss_bytes", tolerances={"rss_bytes": 0.25})[0].verdict == "same"
    elsewhere = replace(head, machine=replace(head.machine, cpu="another"))
    assert found(base, elsewhere, "rss_bytes")[0].verdict == "cannot_tell"
    late = replace(head, client_saturated=True)
    assert found(base, late, "rss_bytes")[0].verdict == "worse"
    assert found(side(level(1.0)), replace(side(level(2.0)), client_saturated=True), "ttft:p95")[0].reason.startswith(
        "a client that could not keep up in head"
    )


def test_costs_compare_where_they_are_priced_alike():
    base = side(cost=price(0.01))
    (dearer,) = found(base, side(cost=price(0.02)), "cost_per_request")
    assert (dearer.verdict, dearer.unit, dearer.head) == ("worse", "EUR", 0.02)
    (otherwise,) = found(base, side(cost=price(0.02, priced="b")), "cost_per_request")
    assert (otherwise.verdict, otherwise.reason) == ("cannot_tell", "priced otherwise")
    assert found(base, side(cost=price(0.02), n=6), "cost_per_request")[0].verdict == "worse"
    assert "not as many answers" in found(base, side(cost=price(0.02), n=6), "cost")[0].reason
    elsewhere = replace(side(cost=price(0.02)), machine=replace(base.machine, cpu="another"))
    assert found(base, elsewhere, "cost_per_request")[0].verdict == "worse"  # tokens cost the same everywhere
    by_time = {"cost_model": "hourly"}
    timed = replace(side(cost=price(0.02, **by_time)), machine=replace(base.machine, cpu="another"))
    assert found(side(cost=price(0.01, **by_time)), timed, "cost_per_request")[0].reason == "other machines (cpu)"


def test_costs_are_told_apart_as_surely_as_the_tokens_that_they_follow_from():
    before = (20, 30, 10, 20, 30, 10, 20, 20)
    after = (40, 10, 12, 19, 34, 25, 11, 29)
    (noisy,) = found(side(cost=price(0.160), tokens=before), side(cost=price(0.180), tokens=after), "cost_per_request")
    assert (noisy.verdict, noisy.ratio) == ("cannot_tell", 1.125)
    assert noisy.low < 1 < noisy.ratio < noisy.high
    assert noisy.mde > 1.4
    (sure,) = found(side(cost=price(0.160), tokens=before), side(cost=price(0.180), tokens=[n * 1.125 for n in before]), "cost_per_request")
    assert (sure.verdict, sure.low, sure.high) == ("worse", 1.125, 1.125)
    (accepted,) = found(
        *(side(cost=price(1.0, amounts={"request": of, "accepted_answer": of / 0.8})) for of in (1.0, 1.2)), "cost_per_accepted_answer"
    )
    assert accepted.verdict == "cannot_tell"  # one answer in five was refused, and eight prompts do not tell how many will be
    alone = [side(cost=price(amount), prompts=PROMPTS[:1]) for amount in (0.01, 0.02)]
    assert found(*alone, "cost_per_request")[0].reason == "too few prompts to tell how much it varies"


def test_other_work_is_not_compared():
    base = side(level(1.0))
    fewer = side(level(2.0), prompts=PROMPTS[:7])
    assert "not the same prompts" in found(base, fewer, "ttft:p95")[0].reason
    assert found(base, fewer, "ttft:p95")[0].ratio is None
    uneven = side(level(2.0))
    (model,) = uneven.models
    first, *rest = model.answers
    uneven = replace(uneven, models=(replace(model, answers=(replace(first, n=9), *rest)),))
    assert "not as many answers" in found(base, uneven, "ttft:p95")[0].reason
    slow, fast = (side(level(9.0, metric="goodput", statistic="rate"), slo=slo) for slo in ("ttft 3 s", "ttft 1 s"))
    assert found(slow, fast, "goodput")[0].reason == "another `slo`: ttft 3 s → ttft 1 s"
    assert found(slow, slow, "goodput")[0].better == "higher"


def test_a_model_of_one_side_alone_has_none():
    base = side(level(1.0))
    other = Contestant(model_id="n", variant_id="default", treatment_digest="t", answers=base.models[0].answers, levels=(level(9.0),))
    assert len(found(base, replace(base, models=(*base.models, other)), "ttft:p95")) == 1

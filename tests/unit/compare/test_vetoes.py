"""What other work on the machine and a late client leave of verdicts: those that they cannot have caused, and no others."""

import numpy as np
import pytest
from harness.pool import run_of
from msgspec.structs import replace

from bench.compare.compare import Asked, Side, compare
from bench.records.baseline import Answered, Level, Measure, Price
from bench.stats.quantile import Floats

PROMPTS = tuple(f"p{n}" for n in range(10))
METRICS = {
    "ttft": Measure(unit="s", better="lower"),
    "tpot": Measure(unit="s", better="lower"),
    "prefill_tps": Measure(unit="tokens/s", better="higher"),
    "joules": Measure(unit="J", better="lower"),
}
BUSY = {"times": "others took 60 %", "energy": "others took 60 %", "memory": "3 MB went to swap", "gpu_memory": "others held 1 GB"}
LATE = {"client_saturated": True}


def side(values: Floats, *, metric="ttft", busy=None, failed=0, level=None, memory=None, cost=None, **said):
    """A run of one metric, each prompt's value as given, on a machine that had other work to do where `busy`."""
    answers = tuple(
        Answered(prompt_id=prompt, request=prompt, n=3, failed=failed, values={metric: (float(value), 3), "latency": (float(value), 3)})
        for prompt, value in zip(PROMPTS, values, strict=True)
    )
    run = run_of(answers, PROMPTS, [], metrics={metric: METRICS.get(metric, METRICS["ttft"])}, **said)
    facts = {} if memory is None else {"rss_peak_bytes": memory, "gpu_bytes": memory}
    model = replace(run.models[0], contention=busy or {}, levels=(level,) if level else (), facts=facts, cost=cost)
    return replace(run, models=(model,))


def compared(base, head, metric="ttft", **asked):
    found = compare(Side(base, "base"), Side(head, "head"), Asked(metrics=(metric,), **asked))
    (change,) = (*found.changes, *found.levels)
    return change


TIMES = np.linspace(0.1, 0.4, 10)
NOISE = 1 + 0.01 * np.random.default_rng(1).standard_normal(10)


@pytest.mark.parametrize("metric", ["ttft", "prefill_tps"])
@pytest.mark.parametrize("by", ["contention", "client"])
@pytest.mark.parametrize(
    "case",
    [
        ("head", 1.3, "cannot_tell", "{by} in head, which may be why"),
        ("head", 1.0, "cannot_tell", "not worse, and maybe better: {by} in head"),
        ("head", 0.7, "better", "despite {by} in head"),
        ("base", 1.3, "worse", "despite {by} in base"),
        ("base", 1.0, "cannot_tell", "not better, and maybe worse: {by} in base"),
        ("base", 0.7, "cannot_tell", "{by} in base, which may be why"),
    ],
    ids=lambda case: f"{case[0]} {case[1]}",
)
def test_only_what_they_may_have_caused_is_left_open(metric, by, case):
    where, times_slower, verdict, words = case
    sides = {"base": TIMES, "head": TIMES * NOISE * (times_slower if metric == "ttft" else 1 / times_slower)}
    met = {"busy": BUSY} if by == "contention" else LATE
    found = compared(*(side(values, metric=metric, **(met if name == where else {})) for name, values in sides.items()), metric)
    name = {"contention": "other work on the machine", "client": "a client that could not keep up"}[by]
    assert (found.verdict, found.reason) == (verdict, words.format(by=name))
    assert (found.pushed, found.pushed_by, found.pushed_in) == ("worse" if where == "head" else "better", (by,), where)
    assert found.p_adjusted is not None  # it could have had a verdict, so it counts among those that are adjusted for


@pytest.mark.parametrize("met", [{"busy": BUSY}, LATE], ids=["contention", "client"])
def test_in_both_runs_they_leave_nothing(met):
    for factor in (0.7, 1.0, 1.3):
        found = compared(side(TIMES, **met), side(TIMES * factor * NOISE, **met))
        assert (found.verdict, found.p_adjusted, found.pushed) == ("cannot_tell", None, None)
        assert found.reason.endswith(" in base and head")


def test_one_in_each_run_leaves_nothing():
    found = compared(side(TIMES, **LATE), side(TIMES * 0.7, busy=BUSY))
    assert (found.verdict, found.pushed) == ("cannot_tell", None)
    assert found.reason == "a client that could not keep up in base; other work on the machine in head"
    both = compared(side(TIMES), side(TIMES * 0.7, busy=BUSY, **LATE))
    assert (both.verdict, both.pushed_by) == ("better", ("client", "contention"))
    assert both.reason == "despite a client that could not keep up and other work on the machine in head"


def test_another_machine_forbids_all_of_them_all_the_same():
    base = side(TIMES)
    head = side(TIMES * 0.7, busy=BUSY, machine=replace(base.machine, cpu="another"))
    assert compared(base, head).reason == "other machines (cpu); other work on the machine in head"
    assert compared(base, head, across_machines=True).verdict == "better"


@pytest.mark.parametrize("met", [{"busy": BUSY}, LATE], ids=["contention", "client"])
def test_where_requests_failed_the_slow_ones_may_be_missing(met):
    assert compared(side(TIMES), side(TIMES * 0.7 * NOISE, failed=1, **met)).verdict == "cannot_tell"
    assert compared(side(TIMES, failed=1), side(TIMES * 0.7 * NOISE, **met)).verdict == "better"  # failed on the side that nothing spoilt


def test_a_late_client_may_make_gaps_shorter_too():
    assert compared(side(TIMES, metric="tpot"), side(TIMES * 0.7, metric="tpot", **LATE), "tpot").verdict == "cannot_tell"
    assert compared(side(TIMES, metric="tpot"), side(TIMES * 0.7, metric="tpot", busy=BUSY), "tpot").verdict == "better"
    rates = [Level(metric="goodput", statistic="rate", value=v, low=v * 0.99, high=v * 1.01, n=30) for v in (9.0, 12.0)]
    for slo, verdict in (("ttft 3 s", "better"), ("ttft 3 s, tpot 0.1 s", "cannot_tell")):
        base, head = side(TIMES, level=rates[0], slo=slo), side(TIMES, level=rates[1], slo=slo, **LATE)
        assert compared(base, head, "goodput").verdict == verdict


def test_a_client_that_sent_less_than_it_was_asked_to_spared_the_server():
    assert compared(side(TIMES), side(TIMES * 0.7, limited_by="client", **LATE)).verdict == "cannot_tell"


def test_a_server_that_was_driven_out_of_memory_seems_small():
    small, large = side(TIMES, memory=1e9), side(TIMES, memory=2e9)
    of_small, of_large = side(TIMES, memory=1e9, busy=BUSY), side(TIMES, memory=2e9, busy=BUSY)
    assert compared(large, of_small, "rss_bytes").reason == "other work on the machine in head, which may be why"
    grown = compared(small, of_large, "rss_bytes")
    assert (grown.verdict, grown.pushed) == ("worse", "better")
    assert compared(of_small, large, "rss_bytes").verdict == "cannot_tell"
    assert compared(of_large, small, "rss_bytes").verdict == "better"
    assert compared(small, of_large, "gpu_bytes").reason == "other work on the machine in head"  # it may be in it, or have driven it out


def test_others_energy_is_counted_with_the_models():
    assert compared(side(TIMES, metric="joules"), side(TIMES * 0.7, metric="joules", busy=BUSY), "joules").verdict == "better"
    slowed = {"times": "cores were slowed for their temperature once"}  # which may need less energy for an answer, or more
    assert compared(side(TIMES, metric="joules"), side(TIMES * 0.7, metric="joules", busy=slowed), "joules").verdict == "cannot_tell"


@pytest.mark.parametrize(("cost_model", "verdicts"), [("hourly", ("better", "cannot_tell")), ("price_table", ("better", "worse"))])
def test_what_time_costs_is_pushed_with_the_time(cost_model, verdicts):
    def run(factor, busy=None):
        run = side(TIMES * factor, busy=busy, cost=Price(cost_model=cost_model, priced="a", currency="EUR", amounts={"request": factor}))
        answers = tuple(replace(each, values=each.values | {"completion_tokens": (20 * factor, 3)}) for each in run.models[0].answers)
        return replace(run, models=(replace(run.models[0], answers=answers),))

    assert tuple(compared(run(1.0), run(factor, BUSY), "cost_per_request").verdict for factor in (0.7, 1.3)) == verdicts


def drawn(rng, truth, slowed):
    """Two runs of which head takes `truth` times as long, while other work makes some of them longer: in `slowed`, by 0 to 60 % of each prompt."""
    base, head = (TIMES * np.exp(0.04 * rng.standard_normal(10)) for _ in range(2))
    other = 1 + 0.6 * rng.random() * rng.random(10)
    head = head * truth
    pushed = {"base": base, "head": head, slowed: {"base": base, "head": head}[slowed] * other}
    return compared(*(side(pushed[name], busy=BUSY if name == slowed else None) for name in ("base", "head")))


@pytest.mark.parametrize("slowed", ["base", "head"])
@pytest.mark.parametrize("truth", [0.8, 0.98, 1.25])
def test_simulated_other_work_makes_no_wrong_verdict(slowed, truth):
    rng = np.random.default_rng([20261123, round(truth * 100), slowed == "head"])
    verdicts = [drawn(rng, truth, slowed).verdict for _ in range(40)]
    allowed = {"head": "better", "base": "worse"}[slowed]
    assert set(verdicts) <= {allowed, "cannot_tell"}
    is_true = (truth < 0.95) if slowed == "head" else (truth > 1.05)
    if is_true:
        assert verdicts.count(allowed) > 8  # and what is so although it was pushed the other way is often found all the same
    else:
        assert verdicts.count(allowed) <= 2

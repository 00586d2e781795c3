import numpy as np
import pytest
from harness.pool import run_of
from harness.summarized import MACHINE
from msgspec.structs import replace

from bench.compare.align import align
from bench.compare.compare import Asked, Side, compare
from bench.errors import NotComparable, UsageError
from bench.records.baseline import Answered, Contestant, Grader, Grading, Measure

PROMPTS = [f"p{n:02}" for n in range(12)]
RNG = np.random.default_rng(3)


def answers(*, aspects=None, request="", **values):
    """Twelve prompts, with one value of each metric for each."""
    return tuple(
        Answered(
            prompt_id=prompt,
            request=f"{request}{prompt}",
            n=3,
            values={name: (float(each[n]), 3) for name, each in values.items()},
            aspects={name: each[n] for name, each in (aspects or {}).items()},
        )
        for n, prompt in enumerate(PROMPTS)
    )


def run(found, **said):
    return run_of(found, PROMPTS, ["a"], **said)


def changes(base, head, metric=None, **asked):
    found = compare(Side(base, "base"), Side(head, "head"), Asked(**asked))
    return found if metric is None else next(change for change in found.changes if change.metric == metric)


NOISE = 1 + 0.02 * RNG.standard_normal(12)
TTFT = np.linspace(0.1, 0.4, 12)


@pytest.mark.parametrize(
    ("factor", "verdict"),
    [
        (NOISE, "same"),
        (1.2 * NOISE, "worse"),
        (NOISE / 1.2, "better"),
        (1.04 * NOISE, "cannot_tell"),
        (1 + 0.4 * RNG.standard_normal(12).clip(-1), "cannot_tell"),
    ],
)
def test_verdict_of_a_time(factor, verdict):
    found = changes(run(answers(ttft=TTFT)), run(answers(ttft=TTFT * factor)), "ttft")
    assert found.verdict == verdict
    assert found.low <= found.ratio <= found.high
    assert found.typical_low <= found.typical <= found.typical_high
    assert (found.reason is None) == (verdict != "cannot_tell")


def test_difference_within_the_tolerance_that_may_be_beyond_it_is_not_called_worse():
    found = changes(run(answers(ttft=TTFT)), run(answers(ttft=TTFT * 1.04 * NOISE)), "ttft")
    assert found.p_adjusted < 0.05
    assert found.reason == "there is a difference, and it may be within the tolerance"
    assert changes(run(answers(ttft=TTFT)), run(answers(ttft=TTFT * 1.04 * NOISE)), "ttft", tolerances={"ttft": 0.01}).verdict == "worse"
    assert changes(run(answers(ttft=TTFT)), run(answers(ttft=TTFT * 1.04 * NOISE)), "ttft", tolerances={"ttft": 0.2}).verdict == "same"


def test_ratio_is_the_geometric_mean_and_turns_over_with_the_sides():
    there = changes(run(answers(ttft=TTFT)), run(answers(ttft=TTFT * 1.2 * NOISE)), "ttft")
    back = changes(run(answers(ttft=TTFT * 1.2 * NOISE)), run(answers(ttft=TTFT)), "ttft")
    assert there.ratio == pytest.approx(float(np.exp(np.log(1.2 * NOISE).mean())), rel=1e-5)
    assert there.ratio * back.ratio == pytest.approx(1.0, rel=1e-5)
    assert (there.low * back.high, there.p) == (pytest.approx(1.0, rel=1e-5), back.p)
    assert (there.wins, there.losses) == (back.losses, back.wins) == (0, 12)


def test_single_right_and_wrong_answers_are_tested_by_mcnemar():
    single = [replace(each, values={"quality": (float(n < 10), 1)}) for n, each in enumerate(answers())]
    other = [replace(each, values={"quality": (float(n < 2), 1)}) for n, each in enumerate(answers())]
    found = changes(run(single), run(other), "quality")
    assert (found.method, found.p, found.verdict) == ("McNemar, exact", 2 * 0.5**8, "worse")


def test_all_figures_are_one_family_and_aspects_another():
    base = run(answers(ttft=TTFT, latency=TTFT, aspects={"a": [(3, 3)] * 12}))
    head = run(answers(ttft=TTFT * 1.2 * NOISE, latency=TTFT * NOISE, aspects={"a": [(3, 3)] * 11 + [(2, 3)]}))
    found = changes(base, head)
    by_metric = {change.metric: change for change in found.changes}
    assert by_metric["ttft"].p_adjusted == pytest.approx(by_metric["ttft"].p * 2 * 2, rel=1e-5)  # the smaller of two figures, in one of two families
    assert {change.needed for change in found.changes} == {8}
    assert changes(base, head, "ttft", metrics=("ttft",)).p_adjusted == pytest.approx(by_metric["ttft"].p * 2, rel=1e-5)


def test_aspect_of_one_prompt_is_tested_over_its_rounds():
    def one(met):
        return run([replace(answers()[0], n=10, aspects={"a": (met, 10)})])

    (found,) = changes(one(10), one(2)).aspects
    assert (found.verdict, found.n_prompts, found.method) == ("worse", 1, "Fisher, exact, over the rounds of this prompt")
    (found,) = changes(one(10), one(8)).aspects
    assert found.verdict == "cannot_tell"


def test_step_of_a_load_is_compared_with_the_same_step():
    def stepped(first, second):
        return [
            replace(each, step=step, values={"ttft": (value, 3)})
            for each in answers()
            for step, value in ((1, first), (2, second))
            if step == 1 or value
        ]

    found = changes(run(stepped(0.1, 0.4)), run(stepped(0.2, 0.4)), "ttft")
    assert (found.n_prompts, found.ratio) == (12, pytest.approx(2**0.5, rel=1e-5))
    found = changes(run(stepped(0.1, 0.4)), run(stepped(0.2, None)), "ttft")  # the head's sweep ended earlier
    assert found.ratio == pytest.approx(2.0)


def test_other_server_is_named_at_every_verdict_that_speaks_of_it_too():
    base = run(answers(ttft=TTFT))
    (model,) = base.models
    head = replace(base, models=(replace(model, runtime_version="2.0", weights_digest="f" * 64, answers=answers(ttft=TTFT * 1.2)),))
    found = changes(base, head)
    assert [(one.what, one.base, one.head, one.limits) for one in found.unlike] == [
        ("runtime version", "–", "2.0", "nothing"),
        ("weights", "–", "ffffffff", "nothing"),
    ]
    assert found.changes[0].verdict == "worse"
    assert found.changes[0].reason == "served otherwise: runtime version – → 2.0; weights – → ffffffff"


def test_other_judge_is_named_and_its_scores_are_left_out():
    judges = [Grader(grader_id="j", digest=digest * 16, verdict="qualified", counts=True) for digest in "ab"]
    runs = [run(answers(quality=np.ones(12), ttft=TTFT), judges=(judge,)) for judge in judges]
    sides = [replace(each, prompts=dict.fromkeys(PROMPTS, Grading(quality=each.judges[0].digest))) for each in runs]
    found = changes(*sides)
    assert [change.metric for change in found.changes] == ["ttft"]
    assert [(one.what, one.base, one.limits) for one in found.unlike] == [("judge j", "aaaaaaaa, qualified", "scores")]
    assert [(one.what, one.count, one.of) for one in found.narrowed] == [("scores", 12, 12)]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"machine": replace(MACHINE, cpu="another")}, "other machines (cpu)"),
        ({"machine": replace(MACHINE, memory_bytes=2**34)}, "other machines (memory)"),
        ({"circumstances": {"load": "poisson"}}, "load: – → poisson"),
        ({"client_saturated": True}, "a client that could not keep up in head, which may be why"),
    ],
)
def test_what_is_unlike_forbids_verdicts_on_times_and_leaves_scores(said, reason):
    base, head = run(answers(ttft=TTFT, quality=np.ones(12))), run(answers(ttft=TTFT * 1.2, quality=np.zeros(12)), **said)
    assert (changes(base, head, "ttft").verdict, changes(base, head, "ttft").reason) == ("cannot_tell", reason)
    assert changes(base, head, "quality").verdict == "worse"
    assert changes(base, head, "ttft").ratio == pytest.approx(1.2)  # shown all the same
    with_machines = changes(base, head, "ttft", across_machines=True).verdict
    assert with_machines == ("worse" if "machine" in said else "cannot_tell")


@pytest.mark.parametrize("said", [{"timeout": "30 s"}, {"retries": "5"}])
def test_other_timeout_or_retries_forbid_verdicts_on_the_error_rate_and_of_times_where_a_request_failed(said):
    measures = {"ttft": Measure(unit="s", better="lower"), "error_rate": Measure(unit="share", better="lower")}
    base = run(answers(ttft=TTFT, error_rate=np.zeros(12)), metrics=measures, circumstances={"timeout": "60 s", "retries": "2"})
    head = run(answers(ttft=TTFT * 1.2, error_rate=np.ones(12)), metrics=measures, circumstances={"timeout": "60 s", "retries": "2"} | said)
    (what, value), *_ = said.items()
    before = {"timeout": "60 s", "retries": "2"}[what]
    found = changes(base, head)
    assert [(one.what, one.base, one.head, one.limits) for one in found.unlike] == [(what, before, value, "errors")]
    assert (changes(base, head, "error_rate").verdict, changes(base, head, "error_rate").reason) == ("cannot_tell", f"{what}: {before} → {value}")
    assert changes(base, head, "ttft").verdict == "worse"
    (model,) = head.models
    first, *rest = model.answers
    failed = replace(head, models=(replace(model, answers=(replace(first, failed=1), *rest)),))
    assert changes(base, failed).unlike[0].limits == "speed_and_errors"
    assert changes(base, failed, "ttft").reason == f"{what}: {before} → {value}"


def test_client_that_was_too_slow_in_both_forbids_them_too_unless_asked():
    base, head = (run(answers(ttft=TTFT * factor), client_saturated=True) for factor in (1.0, 1.2))
    assert changes(base, head, "ttft").reason == "a client that could not keep up in base and head"
    assert changes(base, head, "ttft", busy_client=True).verdict == "worse"
    assert any("as asked" in note for note in changes(base, head, busy_client=True).notes)


def test_other_work_on_the_machine_is_told_of_the_model_it_met_and_leaves_its_scores():
    ok, met = run(answers(ttft=TTFT, quality=np.ones(12))), run(answers(ttft=TTFT * 1.2, quality=np.zeros(12)))
    (model,) = met.models
    met = replace(met, models=(replace(model, contention={"times": "others took 60 %"}),))
    found = changes(ok, met)
    assert [(one.what, one.base, one.head, one.limits, one.pushed, one.model_id) for one in found.unlike] == [
        ("other work on the machine", "–", "others took 60 %", "speed", "worse", model.model_id)
    ]
    assert changes(met, ok).unlike[0].pushed == "better"
    assert changes(met, met).unlike[0].pushed == "any"
    assert (changes(ok, met, "ttft").verdict, changes(ok, met, "quality").verdict) == ("cannot_tell", "worse")
    assert changes(ok, met, "ttft", busy_machine=True).verdict == "worse"
    assert any("as asked" in note for note in changes(ok, met, busy_machine=True).notes)


def test_hardly_different_memory_and_another_python_are_the_same_machine():
    head = run(answers(ttft=TTFT * 1.2), machine=replace(MACHINE, memory_bytes=2**33 - 2**20, python="CPython 3.13"))
    assert changes(run(answers(ttft=TTFT)), head, "ttft").verdict == "worse"


def test_nothing_is_compared_that_has_no_value_on_one_side():
    found = changes(run(answers(ttft=TTFT)), run(answers(latency=TTFT)))
    assert found.changes == ()


def test_longer_answers_are_told_and_called_neither_better_nor_worse():
    measures = {"completion_tokens": Measure(unit="tokens", better="neither")}
    tokens = np.linspace(20, 90, 12)
    base, head = (
        run(answers(completion_tokens=tokens * factor), metrics=measures, machine=replace(MACHINE, cores=n)) for factor, n in ((1, 2), (1.5, 4))
    )
    found = changes(base, head, "completion_tokens", metrics=("completion_tokens",))
    assert (found.ratio, found.verdict, found.better, found.wins) == (pytest.approx(1.5), "cannot_tell", "neither", 12)
    assert found.reason == "there is more of it, which is neither better nor worse"  # and the machine has no part in it
    assert changes(base, base, "completion_tokens", metrics=("completion_tokens",)).verdict == "same"
    none = run(answers(completion_tokens=tokens * 0), metrics=measures)
    assert changes(base, none, metrics=("completion_tokens",)).changes == ()  # of nothing there is no ratio


def test_metric_that_one_side_does_not_have_is_refused():
    with pytest.raises(UsageError, match="'itl'"):
        changes(run(answers(ttft=TTFT)), run(answers(ttft=TTFT)), metrics=("itl",))


def test_models_in_one_run_alone_are_left_out():
    other = Contestant(model_id="n", variant_id="default", treatment_digest="t", answers=answers())
    base, head = run(answers(ttft=TTFT)), run(answers(ttft=TTFT))
    _, narrowed = align(base, replace(head, models=(*head.models, other)))
    assert [(each.what, each.count, each.of, each.reason, each.examples) for each in narrowed] == [("models", 1, 2, "only in head", ("n [default]",))]
    with pytest.raises(NotComparable, match=r"no model .* m \[default\] in base and n \[default\] in head"):
        align(base, replace(head, models=(other,)))
    with pytest.raises(NotComparable, match="neither run has an answer"):
        align(replace(base, models=()), replace(head, models=()))
    with pytest.raises(NotComparable, match="12 of 12 asked in other words"):
        align(base, run(answers(request="x", ttft=TTFT)))


def test_moved_prompts_are_named_with_the_aspects_that_moved():
    base = run(answers(quality=np.ones(12), aspects={"a": [(3, 3)] * 12}))
    head = run(answers(quality=[1.0] * 10 + [0.5, 0.25], aspects={"a": [(3, 3)] * 11 + [(1, 3)]}))
    assert [(each.prompt_id, each.head, each.lost) for each in changes(base, head).moved] == [("p11", 0.25, ("a (3/3 → 1/3)",)), ("p10", 0.5, ())]

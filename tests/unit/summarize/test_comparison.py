import msgspec
import numpy as np
import pytest
from harness.summarized import spec_of, summary_of
from scipy import stats

from bench.records.grade import AspectGrade, Grade
from bench.records.observation import Scoring
from bench.records.sketch import observation
from bench.summarize.comparison import pairs

NAMES = ("quality", "judged", "ttft", "latency", "decode_tps")


def answered(model, prompt, *, ttft=0.1, score=None, round_=1, decode_s=1.0, **said):
    start = float(hash_free(model, prompt, round_))
    return observation(
        model_id=model,
        prompt_id=f"p{prompt:02}",
        round=round_,
        sent_s=start,
        token_s=(start + ttft, start + ttft + decode_s),
        completion_tokens=2,
        finished_s=start + ttft + decode_s,
        grades=() if score is None else (graded("checks", score),),
        **said,
    )


def hash_free(model, prompt, round_):
    return sum(map(ord, model)) * 1000 + prompt * 10 + round_


def graded(grader, score):
    aspect = AspectGrade(aspect_id="a", kind="check" if grader == "checks" else "expect", state="graded", score=score)
    return Grade(trial_id="t", grader_id=grader, grader_digest="d", state="graded", score=score, aspects=(aspect,))


def compared(seen, order="interleaved", **more):
    spec = {"spec": spec_of(seen, order=order)} | more
    return {(c.metric, c.a.model_id, c.b.model_id): c for c in summary_of(seen, **spec).comparisons}


def two_models(values_a, values_b, **said):
    """Two models asked the same prompts once: `b` stands first in the spec."""
    return [
        answered(model, place, **{name: value}, **said)
        for model, name_values in (("b", values_b), ("a", values_a))
        for name, values in name_values.items()
        for place, value in enumerate(values)
    ]


def test_a_time_is_compared_as_a_ratio_of_the_same_prompts():
    rng = np.random.default_rng(1)
    base = rng.uniform(0.1, 5, 20)  # prompts that differ far more than the models do
    factors = np.exp(rng.normal(np.log(1.2), 0.05, 20))
    found = compared(two_models({"ttft": base * factors}, {"ttft": base}))["ttft", "a", "b"]
    assert (found.effect, found.n_prompts, found.verdict) == ("ratio", 20, "worse")
    assert found.ratio == pytest.approx(stats.gmean(factors))
    student = stats.ttest_1samp(np.log(factors), 0).confidence_interval()
    assert (found.low, found.high) == pytest.approx((np.exp(student.low), np.exp(student.high)), abs=0.01)
    assert found.difference == pytest.approx(np.mean(base * factors - base))
    assert found.wins == int((factors < 1).sum())
    assert found.losses == 20 - found.wins
    assert found.mde > 1


def test_intervals_of_the_two_alone_overlap_where_the_pairs_are_clear():
    rng = np.random.default_rng(2)
    base = rng.uniform(0.1, 5, 12)
    seen = two_models({"ttft": base * 0.8}, {"ttft": base})
    summary = summary_of(seen, spec=spec_of(seen, order="interleaved"))
    alone = {e.group.model_id: e for e in summary.estimates if (e.metric, e.statistic) == ("ttft", "mean") and e.group.prompt_id is None}
    assert alone["a"].high > alone["b"].low
    assert next(c for c in summary.comparisons if c.metric == "ttft").verdict == "better"


def test_scores_are_compared_by_their_difference():
    a, b = np.array([1.0, 0.75, 1, 0.5, 1, 1, 0.75, 1]), np.array([0.5, 0.5, 0.5, 0.5, 0.25, 0.5, 0.25, 0.5])
    found = compared(two_models({"score": a}, {"score": b}))["quality", "a", "b"]
    theirs = stats.permutation_test((a - b,), lambda x, axis: x.mean(axis=axis), permutation_type="samples", vectorized=True)
    assert (found.effect, found.ratio) == ("difference", None)
    assert found.difference == pytest.approx((a - b).mean())
    assert found.p == found.p_holm == pytest.approx(theirs.pvalue)
    assert (found.wins, found.ties, found.losses, found.verdict) == (7, 1, 0, "better")


def test_rights_and_wrongs_are_compared_by_mcnemar():
    a, b = [1.0] * 18 + [0.0] * 2, [0.0] * 9 + [1.0] * 11
    found = compared(two_models({"score": a}, {"score": b}))["quality", "a", "b"]
    assert found.method == "McNemar, exact"
    assert found.p == pytest.approx(stats.binomtest(2, 11).pvalue)


def test_rounds_of_one_prompt_are_one_prompt():
    rng = np.random.default_rng(3)
    a, b = rng.random(8), rng.random(8)
    once = compared(two_models({"score": a}, {"score": b}))["quality", "a", "b"]
    often = [answered(m, p, score=s, round_=r) for r in (1, 2, 3) for m, scores in (("b", b), ("a", a)) for p, s in enumerate(scores)]
    found = compared(often)["quality", "a", "b"]
    assert (found.n_prompts, found.low, found.high, found.p) == (8, once.low, once.high, once.p)


def test_rounds_become_the_median_of_a_time_and_the_ratio_of_sums_of_a_speed():
    seen = [answered("b", p, ttft=t, decode_s=d, round_=r) for p in range(6) for r, (t, d) in enumerate([(0.1, 1.0), (0.2, 2.0), (9.0, 1.0)], 1)]
    seen += [answered("a", p, ttft=0.1, decode_s=0.5) for p in range(6)]
    found = compared(seen)
    assert found["ttft", "a", "b"].ratio == pytest.approx(0.5)
    assert found["decode_tps", "a", "b"].ratio == pytest.approx(2 / (3 / 4))


def test_fewer_than_six_prompts_tell_nothing_however_clear_they_look():
    found = compared(two_models({"ttft": [1.0] * 5}, {"ttft": [0.1] * 5}))["ttft", "a", "b"]
    assert (found.verdict, found.low, found.high, found.mde) == ("cannot_tell", None, None, None)
    assert (found.n_prompts, found.needed) == (5, 6)
    assert found.ratio == pytest.approx(10)


def test_equal_on_every_prompt_is_the_same_and_not_merely_undecided():
    found = compared(two_models({"score": [0.5, 1.0] * 4}, {"score": [0.5, 1.0] * 4}))["quality", "a", "b"]
    assert (found.verdict, found.ties, found.difference, found.p, found.mde) == ("same", 8, 0.0, 1.0, None)
    assert compared(two_models({"score": [0.5] * 3}, {"score": [0.5] * 3}))["quality", "a", "b"].verdict == "cannot_tell"


def test_a_prompt_that_one_model_failed_is_left_out_and_counted():
    seen = two_models({"score": [1.0] * 7}, {"score": [0.5] * 7})
    seen += [answered("b", 90, score=1.0), observation(model_id="a", prompt_id="p90", failure="timeout", sent_s=7e6, finished_s=7e6 + 1)]
    found = compared(seen)["quality", "a", "b"]
    assert (found.n_prompts, found.left_out) == (7, 1)


def test_no_shared_prompt_is_no_comparison_and_says_so():
    seen = [answered("b", place, score=0.5) for place in range(6)] + [answered("a", 10 + place, score=0.5) for place in range(6)]
    found = compared(seen)["quality", "a", "b"]
    assert (found.n_prompts, found.left_out, found.difference, found.p, found.verdict) == (0, 12, None, None, "cannot_tell")


def test_p_values_of_one_figure_are_adjusted_together():
    rng = np.random.default_rng(4)
    base = rng.uniform(0.1, 1, 10)
    seen = [answered(m, p, ttft=t * f) for m, f in (("c", 1.0), ("b", 1.0), ("a", 1.3)) for p, t in enumerate(base * np.exp(rng.normal(0, 0.02, 10)))]
    found = [c for c in summary_of(seen, spec=spec_of(seen, order="interleaved")).comparisons if c.metric == "ttft"]
    assert [(c.a.model_id, c.b.model_id) for c in found] == [("b", "c"), ("a", "c"), ("a", "b")]
    assert all(c.needed == 7 for c in found)
    lowest = min(c.p for c in found)
    assert min(c.p_holm for c in found) == pytest.approx(3 * lowest)
    assert [c.verdict for c in found] == ["cannot_tell", "worse", "worse"]


def test_up_to_four_models_all_pairs_and_of_more_each_with_the_first():
    four, five = [("m", str(n)) for n in range(4)], [("m", str(n)) for n in range(5)]
    assert len(pairs(four)) == 6
    assert pairs(four)[0] == (("m", "1"), ("m", "0"))
    assert pairs(five) == [(place, five[0]) for place in five[1:]]
    assert pairs(four[:1]) == pairs([]) == []


def test_one_model_is_compared_with_nothing():
    assert summary_of([answered("a", place) for place in range(8)]).comparisons == ()


def test_a_model_without_an_answer_is_compared_with_nothing():
    seen = [answered("b", place) for place in range(8)]
    failed = [observation(model_id="a", prompt_id=f"p{place:02}", failure="server") for place in range(8)]
    assert summary_of([*seen, *failed]).comparisons == ()


def test_the_first_request_and_the_warm_up_are_in_no_time():
    seen = two_models({"ttft": [0.1] * 7}, {"ttft": [0.1] * 7})
    seen += [answered("a", 0, ttft=50.0, round_=9, is_warmup=True), answered("a", 0, ttft=50.0, round_=8, is_first=True)]
    assert compared(seen)["ttft", "a", "b"].ratio == pytest.approx(1)


def test_a_judge_is_compared_apart_only_where_it_says_something_else():
    def judged(model, place, checks, judge):
        seen = answered(model, place, score=checks)
        grades = (graded("checks", checks), graded("local", judge))
        return msgspec.structs.replace(seen, grades=grades, scoring=Scoring(counting=frozenset({"checks"}), judge="local"))

    seen = [judged(model, place, 1.0, score) for model, score in (("b", 0.2), ("a", 0.9)) for place in range(8)]
    found = compared(seen)
    assert found["judged", "a", "b"].difference == pytest.approx(0.7)
    assert found["quality", "a", "b"].verdict == "same"
    assert ("judged", "a", "b") not in compared(two_models({"score": [1.0] * 8}, {"score": [0.5] * 8}))


def test_a_load_in_steps_is_compared_step_by_step():
    """`a` was asked at the high load too, where everything is slow: that is no reason to call it slower."""
    seen = [answered(m, p, ttft=0.1, step=1) for m in "ba" for p in range(8)] + [answered("a", p, ttft=5.0, step=2, round_=2) for p in range(8)]
    assert compared(seen)["ttft", "a", "b"].ratio == pytest.approx(1)


def test_the_order_of_the_lines_changes_nothing():
    rng = np.random.default_rng(5)
    seen = two_models({"score": rng.random(30)}, {"score": rng.random(30)})
    spec = spec_of(seen)
    assert summary_of(seen, spec=spec).comparisons == summary_of(seen[::-1], spec=spec).comparisons


def test_an_answer_that_took_no_time_is_in_no_ratio():
    seen = two_models({"ttft": [0.0] + [0.1] * 7}, {"ttft": [0.1] * 8})
    assert compared(seen)["ttft", "a", "b"].n_prompts == 7

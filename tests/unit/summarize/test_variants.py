"""Variants of a model against the first of them."""

import numpy as np
import pytest
from harness.summarized import served, summary_of
from scipy import stats

from bench.records.sketch import observation
from bench.records.spec import ModelSpec, Prompt, Spec, Variant

VARIANTS = ("one", "two")


def spec_of(prompts, variants=VARIANTS, models=("m",), order="interleaved"):
    return Spec(
        order=order,
        bench=1,
        name="s",
        version="1",
        digest="d",
        models=tuple(ModelSpec(id=model, runtime="external") for model in models),
        prompts=tuple(Prompt(id=f"p{number}", messages=()) for number in range(prompts)),
        variants=tuple(Variant(id=name) for name in variants),
    )


def answered(variant, prompt, round_, ttft, *, decode_s=1.0, model="m"):
    start = prompt * 1000.0 + round_ * 10 + VARIANTS.index(variant) * 5
    return observation(
        model_id=model,
        prompt_id=f"p{prompt}",
        variant_id=variant,
        round=round_,
        sent_s=start,
        token_s=(start + ttft, start + ttft + decode_s),
        completion_tokens=2,
        finished_s=start + ttft + decode_s,
    )


def matrix(factors, *, base=None):
    """Both variants; `factors[prompt, round]` is the TTFT of the second over that of the first."""
    base = np.ones_like(factors) if base is None else base
    return [
        answered(variant, prompt, round_ + 1, float(base[prompt, round_] * (factors[prompt, round_] if variant == "two" else 1.0)))
        for (prompt, round_), _ in np.ndenumerate(factors)
        for variant in VARIANTS
    ]


def ratios_of(seen, prompts, **more):
    return {(one.metric, one.variant_id): one for one in summary_of(seen, spec=spec_of(prompts), **more).ratios}


def test_few_prompts_are_paired_round_by_round():
    rng = np.random.default_rng(2)
    factors = np.exp(rng.normal(np.log(1.5), 0.05, (2, 8)))
    base = np.stack([rng.uniform(0.1, 0.2, 8), rng.uniform(5, 9, 8)])  # prompts and rounds that differ far more than the variants
    found = ratios_of(matrix(factors, base=base), 2)["ttft", "two"]
    assert found.ratio == pytest.approx(np.exp(np.log(factors).mean(axis=1).mean()))
    assert found.low < 1.5 < found.high < 1.6
    assert (found.over, found.n_pairs, found.n_prompts, found.baseline_id) == ("rounds", 16, 2, "one")
    assert (found.verdict, found.better) == ("worse", "lower")
    assert found.p_holm == pytest.approx(found.p)


def test_enough_prompts_are_the_unit_themselves():
    rng = np.random.default_rng(3)
    factors = np.exp(rng.normal(np.log(0.5), 0.1, (12, 1)))
    found = ratios_of(matrix(factors), 12)["ttft", "two"]
    student = stats.ttest_1samp(np.log(factors[:, 0]), 0).confidence_interval()
    assert (found.over, found.n_prompts, found.verdict) == ("prompts", 12, "better")
    assert found.low == pytest.approx(np.exp(student.low), rel=0.05)


def test_variants_that_are_alike_are_not_told_apart():
    rng = np.random.default_rng(5)
    found = ratios_of(matrix(np.exp(rng.normal(0, 0.1, (2, 6)))), 2)["ttft", "two"]
    assert found.verdict == "cannot_tell"
    assert found.low < 1 < found.high


def test_a_single_round_of_few_prompts_has_no_interval():
    found = ratios_of(matrix(np.full((2, 1), 2.0)), 2)["ttft", "two"]
    assert found.ratio == pytest.approx(2.0)
    assert (found.low, found.p, found.verdict) == (None, None, None)
    assert found.method == "too few rounds of a prompt for an interval"


def test_only_what_both_answered_is_paired():
    seen = matrix(np.full((2, 4), 1.25))
    lone = answered("two", 0, 9, 500.0)
    assert ratios_of([*seen, lone], 2)["ttft", "two"].n_pairs == 8


def test_the_first_declared_variant_that_was_measured_is_the_base():
    seen = matrix(np.full((1, 3), 1.25))
    assert summary_of(seen, spec=spec_of(1, ("zero", "one", "two"))).ratios[0].baseline_id == "one"
    assert summary_of(seen, spec=spec_of(1, ("two", "one"))).ratios[0].ratio == pytest.approx(0.8)
    alone = [one for one in seen if one.trial.variant_id == "one"]
    assert summary_of(alone, spec=spec_of(1)).ratios == ()


def test_what_is_measured_once_is_a_ratio_and_no_more():
    statuses = (served("m", "one", load_s=2.0, rss_peak_bytes=100), served("m", "two", load_s=3.0, rss_peak_bytes=50, pid=2))
    found = ratios_of(matrix(np.full((1, 3), 1.25)), 1, statuses=statuses)
    assert found["load_s", "two"].ratio == 1.5
    memory = found["rss_peak_bytes", "two"]
    assert (memory.ratio, memory.low, memory.verdict, memory.method) == (0.5, None, None, "one value each")

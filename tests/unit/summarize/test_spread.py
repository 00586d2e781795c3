"""The range and the p95 of each prompt, and outliers that are too many to list."""

import numpy as np
import pytest
from harness.summarized import summary_of

from bench.records.sketch import observation
from bench.summarize import far
from bench.summarize.spread import within


def test_quantiles_of_runs_are_those_of_numpy():
    rng = np.random.default_rng(2)
    runs = [np.sort(rng.lognormal(size=n)) for n in (1, 2, 3, 4, 72, 100, 999)]
    counts = np.array([run.size for run in runs])
    for p in (0.5, 0.95):
        assert within(np.concatenate(runs), np.cumsum(counts) - counts, counts, p).tolist() == [np.quantile(run, p) for run in runs]


def answers(n, prompt="p", **more):
    return [observation(prompt_id=prompt, round=r, sent_s=10.0 * r, token_s=(10.0 * r + 0.001 * r, 10.0 * r + 1), **more) for r in range(1, n + 1)]


def test_each_prompt_has_its_range_and_a_p95_from_72_trials_on():
    seen = [*answers(72), *answers(71, "q"), observation(prompt_id="q", round=99, failure="timeout"), observation(prompt_id="r", is_warmup=True)]
    found = {(one.metric, one.group.prompt_id): one for one in summary_of(seen).spreads}
    assert {prompt for metric, prompt in found if metric == "ttft"} == {"p", "q"}
    p, q = found["ttft", "p"], found["ttft", "q"]
    assert (p.n, p.unit) == (72, "s")
    assert (p.least, p.p50, p.most) == pytest.approx((0.001, 0.0365, 0.072), abs=1e-9)
    assert p.p95 == pytest.approx(np.quantile(np.arange(1, 73) / 1000, 0.95), abs=1e-9)
    assert (q.n, q.p95) == (71, None)


def test_a_first_request_after_a_load_has_no_latency_in_it():
    seen = [*answers(3), observation(prompt_id="p", round=50, is_first=True, first_token_s=9.0)]
    found = {one.metric: one for one in summary_of(seen).spreads}
    assert (found["ttft"].n, found["completion_tokens"].n) == (3, 4)


def test_of_very_many_outliers_the_farthest_are_listed(monkeypatch):
    seen = answers(40) + [observation(prompt_id="p", round=100 + k, sent_s=5000.0 + 100 * k, first_token_s=5000.0 + 101 * k + 2) for k in range(9)]
    whole = summary_of(seen)
    assert len(whole.outliers) > 8
    assert whole.outliers_more == 0
    monkeypatch.setattr(far, "MOST", 3)
    some = summary_of(seen)
    assert len(some.outliers) == 3
    assert some.outliers_more == len(whole.outliers) - 3
    ranked = sorted(whole.outliers, key=lambda one: -abs(one.value - one.median) / one.mad)
    assert {one.trial_id for one in some.outliers} <= {one.trial_id for one in ranked[:4]}

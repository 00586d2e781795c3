"""What is put away and what is put into bins when there is much of it says the same as when it is held."""

import math
import random

import msgspec
import numpy as np
import pytest
from harness.summarized import METRICS, summary_of, the

from bench.records.sketch import observation
from bench.summarize import columns, many, table
from bench.summarize.many import Many
from bench.summarize.rows import read_rows


def answers(prompts=8, rounds=12):
    chance = random.Random(3)
    return [
        observation(
            prompt_id=f"p{p}", round=r, sent_s=10.0 * (r * prompts + p), is_warmup=r == 0,
            token_s=tuple(10.0 * (r * prompts + p) + 0.1 + (1 + 0.1 * p) * sum(chance.lognormvariate(-4, 0.3) for _ in range(k)) for k in range(20)),
            completion_tokens=20, failure="server" if (p, r) == (3, 3) else None, text=f"{p} {r}",
        )
        for p in range(prompts) for r in range(rounds)
    ]  # fmt: skip


def test_columns_that_are_put_away_change_no_byte(monkeypatch):
    seen = answers()
    held = msgspec.json.encode(summary_of(seen))
    monkeypatch.setattr(columns, "_HELD", 7)
    monkeypatch.setattr(table, "TOGETHER", 5)
    assert msgspec.json.encode(summary_of(seen)) == held


def binned(monkeypatch, seen):
    monkeypatch.setattr(table, "Many", lambda: Many(held=50))
    return summary_of(seen)


@pytest.mark.parametrize("prompts", [8, 1])
def test_bins_give_the_same_figures_within_their_width(monkeypatch, prompts):
    seen = answers(prompts, 96 // prompts)
    exact, coarse = summary_of(seen), binned(monkeypatch, seen)
    for statistic in ("p50", "p95", "p99", "mean"):
        one, other = the(exact, "itl", statistic), the(coarse, "itl", statistic)
        assert other.n == one.n
        assert other.value == pytest.approx(one.value, rel=1e-9 if statistic == "mean" else 0.0101)
        assert (other.low is None) == (one.low is None)
        if one.low is not None:
            assert (other.low, other.high) == pytest.approx((one.low, one.high), rel=0.15)
        if statistic == "p50":
            assert "bins of 1 %" in other.method


def test_bins_hold_what_is_far_out_and_keep_the_sum():
    held = Many(held=4)
    held.add([0.0, 1e-9, 1e-3, 500.0], row=0, cell=0, prompt=1)
    held.add([2e-3], row=1, cell=0, prompt=1)
    pooled = held.binned(0)
    assert float((pooled.values * pooled.weights).sum()) == pytest.approx(500.003 + 1e-9)
    assert int(pooled.weights.sum()) == 5
    assert held.binned(7).values.size == 0


def test_a_bin_is_one_per_cent_wide():
    for at in np.geomspace(2e-6, 90.0, 500):
        place = many._bins(np.array([at, at * 1.0101]))
        assert place[1] - place[0] in {1, 2}


def test_a_row_is_what_was_observed():
    seen = answers(2, 3)
    found = read_rows(seen, METRICS)
    by_id = {each.trial.id: each for each in seen}
    assert {row.trial_id for row in found} == set(by_id)
    for place, row in enumerate(found):
        was = by_id[row.trial_id]
        assert found.trial_id(place) == row.trial_id
        assert (row.prompt_id, row.round, row.is_warmup, row.sent_s) == (
            was.trial.prompt_id,
            was.trial.round,
            was.trial.is_warmup,
            was.sample.timing.sent_s,
        )
        assert math.isclose(row.values["latency"][0], was.sample.timing.finished_s - was.sample.timing.scheduled_s)
    assert [row.trial_id for row in found[1:3]] == [found[1].trial_id, found[2].trial_id]

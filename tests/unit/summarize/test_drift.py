"""Verdicts on what was measured one after the other: they take a ratio beyond what the machine alone may have made of it."""

import numpy as np
import pytest
from harness.summarized import spec_of, summary_of
from msgspec.structs import replace

from bench.records.sketch import observation
from bench.stats.drift import Stretch, random_walk, reach
from bench.summarize import drift

PROMPTS, ROUNDS, EACH_S = 8, 4, 10.0


def answered(model, prompt, round_, start, ttft, **said):
    return observation(
        model_id=model,
        prompt_id=f"p{prompt}",
        round=round_,
        sent_s=start,
        token_s=(start + ttft, start + ttft + 1.0),
        completion_tokens=2,
        finished_s=start + EACH_S,
        **said,
    )


def one_after_the_other(machine, *, ratio=1.0, rounds=ROUNDS, second_session=False, seed=1, variants=False):
    """`a` and then `b`, on a machine whose slowness at each request is `machine(share of the whole run)`."""
    rng = np.random.default_rng(seed)
    hard, n = rng.uniform(0.1, 2.0, PROMPTS), 2 * PROMPTS * rounds
    for place, model in enumerate("ab"):
        for round_ in range(1, rounds + 1):
            for prompt in range(PROMPTS):
                turn = (place * rounds + round_ - 1) * PROMPTS + prompt
                ttft = hard[prompt] * machine(turn / n) * float(np.exp(rng.normal(0, 0.02))) * (ratio if model == "b" else 1.0)
                who = {"variant_id": model} if variants else {}
                worker = "w2" if second_session and model == "b" else "w1"
                start = (turn - (n // 2 if worker == "w2" else 0)) * EACH_S
                yield answered("m" if variants else model, prompt, round_, start, ttft, worker=worker, **who)


def told(seen, order="blocked"):
    seen = list(seen)
    (found,) = [one for one in summary_of(seen, spec=spec_of(seen, order=order)).comparisons if one.metric == "ttft"]
    return found


def rising(share):
    return float(np.exp(0.2 * share))


def test_what_a_drifting_machine_makes_of_two_equal_models_is_no_verdict():
    found = told(one_after_the_other(rising))
    assert found.p_holm <= 0.01  # prompt by prompt one is surely slower: that it was asked later is in no p
    assert (found.verdict, found.is_apart) == ("cannot_tell", True)
    assert found.ratio < found.drift < 2


def test_a_difference_beyond_all_drift_is_told_all_the_same():
    found = told(one_after_the_other(rising, ratio=3.0))
    assert (found.verdict, found.a.model_id) == ("worse", "b")
    assert found.drift < 3


def test_on_a_steady_machine_little_is_taken_from_what_can_be_seen():
    found = told(one_after_the_other(lambda _share: 1.0, ratio=1.2))
    assert (found.verdict, found.is_apart) == ("worse", True)
    assert found.drift < 1.1


def test_who_took_turns_needs_no_allowance():
    found = told(one_after_the_other(rising), order="interleaved")
    assert (found.verdict, found.is_apart, found.drift) == ("worse", False, None)


@pytest.mark.parametrize("how", [{"rounds": 1}, {"second_session": True}])
def test_where_nothing_shows_the_drift_there_is_no_verdict(how):
    found = told(one_after_the_other(lambda _share: 1.0, ratio=3.0, **how))
    assert (found.verdict, found.is_apart, found.drift) == ("cannot_tell", True, None)


def test_each_block_is_read_once_for_all_of_its_pairs(monkeypatch):
    read = []
    monkeypatch.setattr(drift, "stretches", lambda name, _rows: read.append(name) or iter(()))
    seen = [
        answered(f"m{model}", prompt, 1, (model * PROMPTS + prompt) * EACH_S, 0.1 * (1 + model)) for model in range(12) for prompt in range(PROMPTS)
    ]
    assert len([one for one in summary_of(seen, spec=spec_of(seen)).comparisons if one.metric == "ttft"]) == 11
    assert read.count("ttft") == 12


def test_variants_are_held_to_the_same():
    seen = list(one_after_the_other(rising, variants=True))
    ratio = next(one for one in summary_of(seen, spec=spec_of(seen)).ratios if one.metric == "ttft")
    assert (ratio.verdict, ratio.is_apart) == ("cannot_tell", True)
    assert 1 < ratio.ratio < ratio.drift
    far = list(one_after_the_other(rising, variants=True, ratio=3.0))
    assert next(one for one in summary_of(far, spec=spec_of(far)).ratios if one.metric == "ttft").verdict == "worse"


def test_variants_that_share_a_block_took_turns():
    seen = list(one_after_the_other(rising, variants=True))
    alike = [replace(one, trial=replace(one.trial, treatment_digest="the same")) for one in seen]
    ratio = next(one for one in summary_of(alike, spec=spec_of(alike)).ratios if one.metric == "ttft")
    assert (ratio.is_apart, ratio.drift) == (False, None)


def test_a_prompt_that_was_cached_the_second_time_is_no_drift():
    tokens = {1: {"cached_tokens": 0, "prompt_tokens": 100}, 2: {"cached_tokens": 90, "prompt_tokens": 100}}
    seen = [
        answered(model, prompt, round_, start + (round_ * PROMPTS + prompt) * EACH_S, 1.0 / round_**3, **tokens[round_])
        for model, start in (("a", 0.0), ("b", 500.0))
        for round_ in tokens
        for prompt in range(PROMPTS)
    ]
    assert told(seen).drift is None


# --- the statistics


def test_halves_of_a_random_walk_say_how_far_its_blocks_lie_apart():
    rng = np.random.default_rng(4)
    missed, n = 0, 100
    for _ in range(400):
        walk = np.cumsum(rng.normal(0, 1, 2 * n))
        blocks = walk[:n], walk[n:]
        halves = [Stretch(float(block[n // 2 :].mean() - block[: n // 2].mean()), n / 2, n / 2) for block in blocks]
        missed += abs(blocks[1].mean() - blocks[0].mean()) > reach(halves, n, n)
    assert missed / 400 <= 0.05 + 0.02  # nominal 5 % for halves that know nothing of each other


def test_farther_blocks_drift_farther():
    assert random_walk(3.0, 1.0) > random_walk(2.0, 1.0) > random_walk(1.0, 1.0)
    assert reach([], 1.0, 1.0) is None
    assert reach([Stretch(0.1, 0.0, 0.0)], 1.0, 1.0) is None

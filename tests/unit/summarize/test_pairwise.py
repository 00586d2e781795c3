import builtins

import numpy as np
import pytest
from harness.summarized import plan_of, summary_of
from scipy import stats

from bench.records.grade import PairGrade
from bench.records.sketch import observation
from bench.summarize.pairwise import with_preferences

PROMPTS = 12


def answers(*models, prompts=PROMPTS, rounds=1):
    return [
        observation(model_id=model, prompt_id=f"p{p:02}", round=r, sent_s=float(100 * p + r), finished_s=100 * p + r + 0.5)
        for model in models
        for p in range(prompts)
        for r in range(1, rounds + 1)
    ]


def asked(seen, first, second, preferred, *, round_=1, grader="local-pairwise"):
    """A judge's line for each prompt; `preferred` says of the prompt's number who is better, None: undecided."""
    ids = {(one.trial.model_id, one.trial.prompt_id, one.trial.round): one.trial.id for one in seen}
    return [
        PairGrade(
            first_trial_id=ids[first, f"p{p:02}", round_],
            second_trial_id=ids[second, f"p{p:02}", round_],
            grader_id=grader,
            grader_digest="d",
            state="graded" if preferred(p) is not None else "abstained",
            preferred=preferred(p),
        )
        for p in range(len({one.trial.prompt_id for one in seen}))
    ]


def with_pairs(seen, lines):
    return with_preferences(summary_of(seen), lines, plan_of(seen), 7)


def preferences(summary):
    return {(one.a.model_id, one.b.model_id): one for one in summary.comparisons if one.metric == "preferred"}


def test_what_the_judge_preferred_is_compared_prompt_by_prompt():
    seen = answers("a", "b")
    found = preferences(with_pairs(seen, asked(seen, "a", "b", lambda p: "second" if p < 10 else "tie" if p == 10 else "first")))["b", "a"]
    assert found.difference == pytest.approx(9 / 12)
    assert (found.wins, found.ties, found.losses, found.verdict) == (10, 1, 1, "better")
    assert found.p == pytest.approx(stats.binomtest(1, 11).pvalue)
    assert found.grader_id == "local-pairwise"


def test_it_does_not_matter_which_answer_was_called_the_first():
    seen = answers("a", "b")
    one = with_pairs(seen, asked(seen, "a", "b", lambda p: "second" if p < 9 else "first"))
    other = with_pairs(seen, asked(seen, "b", "a", lambda p: "first" if p < 9 else "second"))
    assert one.comparisons == other.comparisons


def test_rounds_of_a_prompt_are_one_prompt():
    seen = answers("a", "b", rounds=2)
    lines = asked(seen, "a", "b", lambda _: "second") + asked(seen, "a", "b", lambda p: "first" if p < 3 else "second", round_=2)
    found = preferences(with_pairs(seen, lines))["b", "a"]
    assert (found.n_prompts, found.wins, found.ties, found.losses) == (PROMPTS, 9, 3, 0)


def test_what_was_not_decided_is_left_out_and_counted():
    seen = answers("a", "b")
    found = preferences(with_pairs(seen, asked(seen, "a", "b", lambda p: None if p < 4 else "second")))["b", "a"]
    assert (found.n_prompts, found.left_out, found.losses) == (8, 4, 0)


def test_a_judge_that_never_decides_for_one_does_not_call_them_equal():
    """Its orders disagree whenever the position decides: that is no sign that the answers are alike."""
    seen = answers("a", "b")
    found = preferences(with_pairs(seen, asked(seen, "a", "b", lambda _: "tie")))["b", "a"]
    assert (found.verdict, found.ties, found.p) == ("cannot_tell", PROMPTS, 1.0)


def test_nobody_asked_changes_nothing():
    seen = answers("a", "b")
    summary = summary_of(seen)
    assert with_preferences(summary, (), plan_of(seen), 7) is summary


def test_lines_about_other_trials_are_left_out_and_the_last_line_holds():
    seen = answers("a", "b")
    other = PairGrade(first_trial_id="x", second_trial_id="y", grader_id="local-pairwise", grader_digest="d", state="graded", preferred="first")
    lines = [other, *asked(seen, "a", "b", lambda _: "first"), *asked(seen, "a", "b", lambda _: "second")]
    assert preferences(with_pairs(seen, lines))["b", "a"].wins == PROMPTS


def three(wins_ab, wins_ac, wins_bc):
    seen = answers("a", "b", "c")
    lines = [
        *asked(seen, "a", "b", lambda p: "first" if p < wins_ab else "second"),
        *asked(seen, "a", "c", lambda p: "first" if p < wins_ac else "second"),
        *asked(seen, "b", "c", lambda p: "first" if p < wins_bc else "second"),
    ]
    return with_pairs(seen, lines)


def test_three_models_have_strengths_that_fit_their_wins():
    summary = three(8, 9, 7)
    found = {one.who.model_id: one for one in summary.strengths}
    assert found["a"].log_strength > found["b"].log_strength > found["c"].log_strength
    assert sum(one.log_strength for one in found.values()) == pytest.approx(0, abs=1e-9)
    expected = sum(1 / (1 + np.exp(found[other].log_strength - found["a"].log_strength)) for other in "bc")
    assert expected == pytest.approx((8 + 9) / PROMPTS, abs=1e-6)  # the model's wins are the wins seen (Bradley and Terry)
    assert found["a"].low < found["a"].log_strength < found["a"].high
    assert found["a"].beats_mean > 0.5


def test_a_model_that_never_lost_has_no_finite_strength():
    assert {one.log_strength for one in three(PROMPTS, PROMPTS, 7).strengths} == {None}


def test_two_models_need_no_strengths():
    seen = answers("a", "b")
    assert with_pairs(seen, asked(seen, "a", "b", lambda p: "first" if p < 9 else "second")).strengths == ()


def test_two_judges_stand_side_by_side():
    seen = answers("a", "b")
    lines = asked(seen, "a", "b", lambda _: "first") + asked(seen, "a", "b", lambda _: "second", grader="hub-pairwise")
    found = [(one.grader_id, one.verdict) for one in with_pairs(seen, lines).comparisons if one.metric == "preferred"]
    assert found == [("hub-pairwise", "better"), ("local-pairwise", "worse")]


def test_without_the_extra_the_comparison_stands_and_the_note_says_what_is_missing(monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "choix":
            raise ModuleNotFoundError("No module named 'choix'", name="choix")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    summary = three(8, 9, 7)
    assert len(preferences(summary)) == 3
    assert summary.strengths == ()
    assert "Strengths of models are left out" in summary.notes[-1]
    assert "pip install 'bench-spec[judge]'" in summary.notes[-1]


def test_the_order_of_the_lines_changes_nothing():
    seen = answers("a", "b", "c")
    lines = [
        *asked(seen, "a", "b", lambda p: "first" if p % 3 else "second"),
        *asked(seen, "a", "c", lambda p: "first" if p % 4 else "tie"),
        *asked(seen, "b", "c", lambda p: "second" if p % 5 else "first"),
    ]
    assert with_pairs(seen, lines).comparisons == with_pairs(seen, lines[::-1]).comparisons

"""The decision of a contest: who wins, how sure that is, and that nothing wins by what is not known."""

import numpy as np
import pytest
from harness.contests import RESAMPLES, contest, demand, entrant, who

from bench.select.decide import decide


def candidate(found, name):
    return next(one for one in found.candidates if one.who.model_id == name)


def test_weighted_score_is_the_product_of_ratios_to_the_powers_of_the_weights():
    found = decide(contest(entrant("a", quality=0.8, ttft=1.0), entrant("b", quality=0.4, ttft=0.25), quality=3, ttft=1))
    # b against a: quality a half, first token four times as fast: 0.5^0.75 · 4^0.25
    assert candidate(found, "b").score == pytest.approx(0.5**0.75 * 4**0.25)
    assert candidate(found, "a").score == 1.0
    assert [value.factor for value in candidate(found, "b").values] == [pytest.approx(0.5**0.75), 1.0]
    assert [value.ratio for value in candidate(found, "a").values] == [1.0, 0.25]
    assert found.leader == who("a")
    assert found.runner_up == who("b")


def test_of_failures_the_answers_count():
    found = decide(contest(entrant("a", error_rate=0.0), entrant("b", error_rate=0.1), error_rate=1))
    assert candidate(found, "b").score == pytest.approx(0.9)


def test_clear_winner_is_selected_and_the_sentence_says_why_how_sure_and_what_would_change_it():
    found = decide(
        contest(entrant("a", quality=(0.8, 0.05), ttft=(1.0, 0.05)), entrant("b", quality=(0.4, 0.05), ttft=(0.5, 0.05)), quality=3, ttft=1)
    )
    assert (found.verdict, found.selected, found.basis) == ("clear", who("a"), "weights")
    assert found.sentence == (
        "Choose a: of the 2 that were measured it has the best weighted score (b reaches 71 % of it), in all of 500 resamples of the 12 prompts; "
        "b would win with a weight of quality below 0.5 (it is 0.75), or if quality of a came to 50.4 %."
    )


def test_equal_candidates_cannot_be_told_apart_and_win_half_each():
    found = decide(contest(entrant("a", quality=(0.5, 0.1)), entrant("b", quality=(0.49, 0.1)), quality=1))
    assert (found.verdict, found.selected, found.leader) == ("cannot_tell", None, who("a"))
    assert candidate(found, "a").win_share == pytest.approx(0.5, abs=0.1)
    assert candidate(found, "a").win_share + candidate(found, "b").win_share == pytest.approx(1)
    assert found.sentence.startswith("No model is chosen yet: a leads, but wins in only ")


def test_the_very_same_values_have_no_leader_and_share_every_resample():
    found = decide(contest(entrant("a", quality=0.5), entrant("b", quality=0.5), entrant("c", quality=0.2), quality=1))
    assert (found.verdict, found.leader, found.selected) == ("cannot_tell", None, None)
    assert found.sentence == "No model is chosen yet: nothing that counts tells a, b apart."


def test_between_clear_and_open_a_winner_is_called_likely():
    found = decide(contest(entrant("a", quality=(0.6, 0.1)), entrant("b", quality=(0.45, 0.1)), quality=1))
    assert 0.8 <= candidate(found, "a").win_share < 0.95
    assert (found.verdict, found.selected) == ("likely", who("a"))
    assert "likely, not certain: it wins in 8" in found.sentence


def test_what_resamples_know_nothing_of_leaves_a_clear_winner_likely_and_the_sentence_says_why():
    a, b = entrant("a", quality=(0.8, 0.02), ttft=(1.0, 0.05)), entrant("b", quality=(0.4, 0.02), ttft=(2.0, 0.05))
    assert decide(contest(a, b, quality=3, ttft=1)).verdict == "clear"
    found = decide(contest(a, b._replace(doubt="others were at work"), quality=3, ttft=1))
    assert (found.verdict, found.selected, found.doubts) == ("likely", who("a"), ("others were at work",))
    assert "; likely, not certain, since others were at work: it wins in 100 % of" in found.sentence
    alone = decide(contest(a._replace(doubt="others were at work"), entrant("b", (demand(outcome="not_met"),), quality=0.9, ttft=1.0), quality=1))
    assert (alone.verdict, alone.basis, alone.doubts) == ("clear", "requirements", ())


def test_rounds_of_a_single_prompt_make_nobody_a_clear_winner():
    rivals = entrant("a", quality=(0.8, 0.02)), entrant("b", quality=(0.4, 0.02))
    found = decide(contest(*rivals, quality=1)._replace(unit="rounds"))
    assert found.verdict == "likely"
    assert "; likely, not certain, since a single prompt was asked: it wins in 100 % of 500 resamples of the 12 rounds" in found.sentence


def test_the_best_of_nothing_is_not_called_clear():
    found = decide(contest(entrant("a", quality=0.0, ttft=(0.1, 0.001)), entrant("b", quality=0.0, ttft=(0.9, 0.001)), quality=1, ttft=1))
    assert (found.verdict, found.selected, found.doubts) == ("likely", who("a"), ("its quality is 0",))


def test_what_is_not_known_is_not_called_unmet():
    found = decide(
        contest(entrant("a", (demand(outcome="unknown"),), quality=0.9), entrant("b", (demand(outcome="not_met"),), quality=0.9), quality=1)
    )
    assert found.sentence.startswith(
        "No model can be chosen: none that was measured is known to meet all requirements (a: rss_bytes ≤ 2 GB unknown; b: "
    )


def test_too_few_prompts_say_nothing_of_how_sure():
    found = decide(contest(entrant("a", quality=(0.9, 0.01)), entrant("b", quality=(0.1, 0.01)), n_prompts=5, quality=1))
    assert (found.verdict, found.resamples, candidate(found, "a").win_share) == ("cannot_tell", 0, None)
    assert found.sentence == "No model is chosen yet: a leads, but 5 prompts are too few to say how sure that is (6 needed)."


# --- requirements


def test_a_candidate_that_misses_a_requirement_is_out_however_good_and_the_sentence_says_what_it_would_take():
    found = decide(
        contest(
            entrant("a", (demand("license: MIT"),), quality=(0.5, 0.01)),
            entrant("b", (demand("license: MIT", "not_met"),), quality=(0.9, 0.01)),
            quality=1,
        )
    )
    assert (found.verdict, found.selected, found.basis) == ("clear", who("a"), "requirements")
    assert (candidate(found, "b").state, candidate(found, "b").win_share) == ("out", 0.0)
    assert candidate(found, "b").score == pytest.approx(1.8)
    assert found.sentence == (
        "Choose a: it alone meets all requirements (b: license: MIT not met), in all of 500 resamples of the 12 prompts; "
        "b would win without the requirement license: MIT."
    )


def test_nobody_is_chosen_where_nobody_meets_what_is_required():
    found = decide(contest(entrant("a", (demand(outcome="not_met"),), quality=0.9), entrant("b", absent="failed: broke"), quality=1))
    assert (found.verdict, found.selected, found.leader) == ("none", None, None)
    assert found.sentence == "No model can be chosen: none that was measured meets all requirements (a: rss_bytes ≤ 2 GB not met)."


def test_requirement_that_noise_leaves_open_counts_in_every_resample():
    held = np.arange(RESAMPLES) % 10 < 7  # a meets it in 7 of 10
    shaky = demand("quality ≥ 60 %", "undecided", held=held, holds=True)
    found = decide(contest(entrant("a", (shaky,), quality=0.61), entrant("b", (demand("quality ≥ 60 %"),), quality=0.6), quality=1))
    assert found.leader == who("a")
    assert candidate(found, "a").win_share == pytest.approx(0.7)
    assert candidate(found, "b").win_share == pytest.approx(0.3)
    assert found.verdict == "cannot_tell"


def test_requirement_that_only_the_interval_leaves_open_is_no_certainty():
    rare = demand("error_rate ≤ 5 %", "undecided", held=np.ones(RESAMPLES, dtype=bool), holds=True)
    found = decide(contest(entrant("a", (rare,), quality=(0.9, 0.01)), entrant("b", (rare,), quality=(0.2, 0.01)), quality=1))
    assert (found.verdict, candidate(found, "a").win_share) == ("likely", 1.0)
    assert "likely, not certain, since error_rate ≤ 5 % is undecided" in found.sentence


def test_value_flip_stops_at_what_the_requirement_allows():
    limited = demand("rss_bytes ≤ 2 GB", criterion="rss_bytes", most=2e9)
    found = decide(contest(entrant("a", (limited,), rss_bytes=1e9), entrant("b", (limited,), rss_bytes=1.9e9), rss_bytes=1))
    assert [(flip.kind, flip.at) for flip in found.flips] == [("value", pytest.approx(1.9e9))]
    found = decide(contest(entrant("a", (limited,), rss_bytes=1e9), entrant("b", rss_bytes=4e9), rss_bytes=1))
    assert [(flip.kind, flip.at) for flip in found.flips] == [("value", pytest.approx(2e9))]


# --- what is not known


def test_nobody_wins_while_a_measured_candidate_lacks_what_weighs():
    found = decide(contest(entrant("a", quality=0.5, ttft=1.0), entrant("b", quality=None, ttft=0.1), quality=1, ttft=1))
    assert (found.verdict, found.selected) == ("cannot_tell", None)
    assert (candidate(found, "b").state, candidate(found, "b").win_share) == ("unknown", None)
    assert found.sentence == ("No model is chosen yet: not every candidate can be placed (b: no value of quality (nobody could grade it)).")


def test_what_is_unknown_of_everybody_leaves_the_decision_open():
    found = decide(contest(entrant("a", quality=None), entrant("b", quality=None), quality=1))
    assert (found.verdict, found.leader) == ("cannot_tell", None)


def test_a_model_that_was_not_measured_neither_wins_nor_blocks():
    found = decide(contest(entrant("a", quality=0.5), entrant("b", absent="unavailable: no hub"), quality=1))
    assert (found.verdict, found.selected) == ("clear", who("a"))
    assert candidate(found, "b").reason == "unavailable: no hub"
    assert found.sentence == "Choose a: it is the only model that was measured."


def test_figures_of_other_prompts_compare_with_nothing():
    found = decide(contest(entrant("a", quality=0.5), entrant("b", partial="asked only 3 of 12 prompts so far", quality=0.9), quality=1))
    assert found.verdict == "cannot_tell"
    assert "b: asked only 3 of 12 prompts so far" in found.sentence


def test_an_unknown_requirement_keeps_out_and_blocks_nobody():
    found = decide(contest(entrant("a", (demand(),), quality=0.5), entrant("b", (demand("license: MIT", "unknown"),), quality=0.9), quality=1))
    assert (found.verdict, found.selected) == ("clear", who("a"))
    assert (candidate(found, "b").state, candidate(found, "b").reason) == ("unknown", "license: MIT unknown")


def test_nothing_measured_says_so():
    found = decide(contest(entrant("a", absent="failed: broke"), quality=1))
    assert (found.verdict, found.sentence) == ("none", "No model can be chosen: none was measured.")


# --- the Pareto front


def test_without_weights_the_front_is_shown_and_decides_only_where_it_has_one():
    found = decide(contest(entrant("a", quality=0.8, ttft=1.0), entrant("b", quality=0.4, ttft=0.5), quality=0, ttft=0))
    assert (found.verdict, found.basis, found.flips) == ("cannot_tell", "front", ())
    assert [one.is_on_front for one in found.candidates] == [True, True]
    assert found.sentence == (
        "No model is chosen yet: each of a, b is better than the others in something, and without `weights` nothing says what counts more."
    )
    found = decide(
        contest(entrant("a", quality=(0.8, 0.01), ttft=(0.4, 0.01)), entrant("b", quality=(0.4, 0.01), ttft=(0.5, 0.01)), quality=0, ttft=0)
    )
    assert (found.verdict, found.selected) == ("clear", who("a"))
    assert candidate(found, "b").dominated_by == (who("a"),)
    assert candidate(found, "b").dominated_share == 1.0


def test_front_leaves_out_who_does_not_meet_the_requirements():
    found = decide(contest(entrant("a", (demand(outcome="not_met"),), quality=0.9), entrant("b", quality=0.5), entrant("c", quality=0.4), quality=1))
    assert [one.is_on_front for one in found.candidates] == [None, True, False]


def test_variants_are_named_where_there_are_several():
    found = decide(contest(entrant("a", variant="cpu", quality=0.9), entrant("a", variant="gpu", quality=0.5), quality=1))
    assert found.sentence.startswith("Choose a [cpu]: ")

"""Laws of a selection: whatever the values, improving helps, order is nothing, and who cannot win changes nothing between the others."""

import numpy as np
import pytest
from harness.contests import contest, entrant, who
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bench.select.contest import Figure
from bench.select.decide import decide

NAMES = ("a", "b", "c", "d")
VALUES = st.fixed_dictionaries({
    "quality": st.floats(0.05, 1.0),
    "ttft": st.floats(0.01, 20.0),
    "rss_bytes": st.floats(1e7, 1e11),
    "error_rate": st.floats(0.0, 0.5),
})  # fmt: skip
WEIGHTS = st.fixed_dictionaries({name: st.integers(1, 9) for name in ("quality", "ttft", "rss_bytes", "error_rate")})
FIELDS = st.lists(VALUES, min_size=2, max_size=4)


def entrants(field):
    return [entrant(name, **{metric: (value, value / 10) for metric, value in values.items()}) for name, values in zip(NAMES, field, strict=False)]


def told(found):
    return {one.who: (one.state, one.score, one.win_share, one.is_on_front, frozenset(one.dominated_by)) for one in found.candidates}


@settings(max_examples=40, deadline=None)
@given(FIELDS, WEIGHTS, st.randoms(use_true_random=False))
def test_order_of_the_candidates_changes_nothing(field, weights, chance):
    some = entrants(field)
    shuffled = list(some)
    chance.shuffle(shuffled)
    first, second = decide(contest(*some, **weights)), decide(contest(*shuffled, **weights))
    assert told(first) == told(second)
    assert (first.verdict, first.selected, first.leader) == (second.verdict, second.selected, second.leader)
    assert {(flip.kind, flip.criterion, flip.wins, flip.at) for flip in first.flips} == {
        (flip.kind, flip.criterion, flip.wins, flip.at) for flip in second.flips
    }


@settings(max_examples=40, deadline=None)
@given(FIELDS, WEIGHTS, st.sampled_from(["quality", "ttft", "rss_bytes", "error_rate"]), st.floats(0.2, 0.99))
def test_improving_a_value_never_lowers_score_or_wins(field, weights, metric, by):
    some = entrants(field)
    factor = 1 / by if metric == "quality" else by
    figure = some[0].figures[metric]
    better = some[0]._replace(figures={**some[0].figures, metric: Figure(figure.value * factor, drawn=figure.drawn * factor)})
    before, after = decide(contest(*some, **weights)), decide(contest(better, *some[1:], **weights))
    share = [found.candidates[0].win_share for found in (before, after)]
    assert share[1] >= share[0]
    if before.leader == who("a"):
        assert after.leader == who("a")
    lead = [np.log(found.candidates[0].score / found.candidates[1].score) for found in (before, after)]
    assert lead[1] >= lead[0] - 1e-9


@settings(max_examples=40, deadline=None)
@given(FIELDS, WEIGHTS, st.floats(0.1, 0.95))
def test_a_dominated_newcomer_turns_no_order_and_wins_nothing(field, weights, by):
    some = entrants(field)
    worse = some[0]._replace(
        who=who("z"),
        figures={
            name: Figure(min(figure.value * factor, most), drawn=np.minimum(figure.drawn * factor, most))
            for name, figure in some[0].figures.items()
            for factor, most in [(by if name == "quality" else 1 / by, 1.0 if name == "error_rate" else np.inf)]
        },
    )
    before, after = decide(contest(*some, **weights)), decide(contest(*some, worse, **weights))
    assert after.leader == before.leader
    assert after.verdict == before.verdict
    assert after.candidates[-1].win_share == 0
    assert who("a") in after.candidates[-1].dominated_by
    for old, new in zip(before.candidates, after.candidates, strict=False):
        assert (new.score, new.win_share) == (pytest.approx(old.score), old.win_share)


@settings(max_examples=40, deadline=None)
@given(FIELDS, WEIGHTS, VALUES)
def test_a_third_candidate_never_turns_the_order_of_two(field, weights, newcomer):
    """Ratios to the best move for all alike, as ranges from least to most would not."""
    before = decide(contest(*entrants(field), **weights))
    after = decide(contest(*entrants(field), entrant("z", **{name: (value, value / 10) for name, value in newcomer.items()}), **weights))
    old, new = ([one.score for one in found.candidates[: len(field)]] for found in (before, after))
    assert [score / new[0] for score in new] == pytest.approx([score / old[0] for score in old])


@settings(max_examples=40, deadline=None)
@given(FIELDS, WEIGHTS, st.floats(0.001, 1000))
def test_units_are_nothing(field, weights, factor):
    some = entrants(field)
    scaled = [
        one._replace(figures={**one.figures, "ttft": Figure(one.figures["ttft"].value * factor, drawn=one.figures["ttft"].drawn * factor)})
        for one in some
    ]
    first, second = decide(contest(*some, **weights)), decide(contest(*scaled, **weights))
    assert [one.score for one in second.candidates] == pytest.approx([one.score for one in first.candidates])
    assert [one.win_share for one in second.candidates] == pytest.approx([one.win_share for one in first.candidates], abs=0.01)


@settings(max_examples=40, deadline=None)
@given(FIELDS, WEIGHTS)
def test_flips_are_where_the_two_are_equal(field, weights):
    some = entrants(field)
    found = decide(contest(*some, **weights))
    total = sum(weights.values())
    for flip in found.flips:
        if flip.kind == "weight":
            rest = {name: weight for name, weight in weights.items() if name != flip.criterion}
            scale = (1 - flip.at) / sum(rest.values())
            moved = {name: weight * scale for name, weight in rest.items()} | {flip.criterion: flip.at}
            again = decide(contest(*some, **{name: moved[name] for name in weights}))
            assert (flip.at < weights[flip.criterion] / total) is (flip.side == "below")
        else:
            changed = [
                one._replace(figures={**one.figures, flip.criterion: one.figures[flip.criterion]._replace(value=flip.at)})
                if one.who == found.leader
                else one
                for one in some
            ]
            again = decide(contest(*changed, **weights))
        score = {one.who: one.score for one in again.candidates}
        assert score[flip.wins] == pytest.approx(score[found.leader], rel=1e-6)
        assert max(score.values()) == pytest.approx(score[found.leader], rel=1e-6)


def test_a_zero_leaves_the_others_a_say():
    free = decide(contest(entrant("a", cost=0.0, quality=0.1), entrant("b", cost=0.001, quality=0.9), quality=1, cost=1))
    assert free.candidates[0].score == pytest.approx(1.0)  # a tenth of the other's cost against a ninth of its quality
    nothing = decide(contest(entrant("a", quality=0.0, cost=0.001), entrant("b", quality=0.5, cost=1.0), quality=1, cost=1))
    assert nothing.leader == who("a")  # 500 times worse and 1,000 times cheaper
    assert replace(nothing, sentence="").verdict == "likely"

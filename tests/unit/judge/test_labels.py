import doctest
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.judge import labels
from bench.judge.labels import expected_share, read_labels, share_of, spelled
from bench.records.judging import TokenChoice


def chosen(token, logprob, *others):
    return TokenChoice(token=token, logprob=logprob, alternatives=others)


def listing(pairs):
    logs = [(token, math.log(p)) for token, p in pairs]
    return chosen(*logs[0], *logs)


def test_examples_in_the_docstrings_hold():
    assert doctest.testmod(labels).failed == 0


@pytest.mark.parametrize("token", ["Yes", " Yes", "yes", "YES", "▁Yes", "Ġyes", "▁ YES", "\nYes", " yes\n"])
def test_every_spelling_is_the_label(token):
    assert spelled(token) == "yes"


@pytest.mark.parametrize(("token", "label"), [("<0x35>", "5"), ("▁5", "5"), ("<0xE6><0x97><0xA5>", "日"), ("<0xFF>", "\ufffd"), ("<0x3", "<0x3")])
def test_byte_tokens_are_what_they_say(token, label):
    assert spelled(token) == label


@pytest.mark.parametrize("token", ["Yesterday", "Y", "yes.", "None", "Not", "**Yes", ""])
def test_what_only_begins_like_a_label_is_none(token):
    assert read_labels(listing([(token, 0.9)]), ("Yes", "No")).label_mass == 0


def test_probabilities_of_spellings_are_summed_and_renormalised():
    belief = read_labels(listing([(" Yes", 0.4), ("yes", 0.1), ("▁YES", 0.1), (" No", 0.15), ("no", 0.05), ("The", 0.2)]), ("Yes", "No"))
    assert belief.label_mass == pytest.approx(0.8)
    assert belief.shares == pytest.approx({"Yes": 0.75, "No": 0.25})


def test_a_token_that_is_listed_twice_counts_once():
    assert read_labels(listing([("Yes", 0.4), ("Yes", 0.4), ("No", 0.1)]), ("Yes", "No")).label_mass == pytest.approx(0.5)


def test_the_chosen_token_counts_where_it_is_not_among_the_alternatives():
    found = read_labels(chosen("No", math.log(0.3), (" Yes", math.log(0.5))), ("Yes", "No"))
    assert found.shares["No"] == pytest.approx(0.375)


def test_a_label_that_is_not_listed_gets_the_most_it_can_have_had():
    one = read_labels(listing([("Yes", 0.55)]), ("Yes", "No"))
    assert share_of(one, "Yes", "No") == pytest.approx(0.55)
    two = read_labels(listing([("No", 0.6), ("The", 0.1)]), ("Yes", "No"))
    assert share_of(two, "Yes", "No") == pytest.approx(0.1 / 0.7)
    many = read_labels(listing([("Yes", 0.9), ("The", 0.05), ("It", 0.0001)]), ("Yes", "No"))
    assert share_of(many, "Yes", "No") > 0.999


@pytest.mark.parametrize("logprob", [math.nan, -math.inf, math.inf, 1e308, -1e308])
def test_what_a_server_may_never_send_gives_no_wild_number(logprob):
    belief = read_labels(chosen("Yes", logprob, ("No", math.log(0.2))), ("Yes", "No"))
    assert 0 <= belief.label_mass <= 1
    assert 0 <= share_of(belief, "Yes", "No") <= 1


PAIRS = st.lists(st.tuples(st.sampled_from([" Yes", "yes", "No", "▁no", "The", "3", " 5", "1"]), st.floats(allow_nan=True)), min_size=1, max_size=8)


@given(PAIRS)
def test_every_belief_is_within_its_bounds(pairs):
    told = chosen(*pairs[0], *pairs[1:])
    belief = read_labels(told, ("Yes", "No"))
    assert 0 <= belief.label_mass <= 1
    if belief.label_mass:
        assert 0 <= share_of(belief, "Yes", "No") <= 1
    grades = read_labels(told, ("1", "2", "3", "4", "5"))
    if grades.label_mass:
        assert 0 <= expected_share({int(label): p for label, p in grades.shares.items()}, 1, 5) <= 1


def test_the_expected_place_is_the_mean_of_the_distribution():
    assert expected_share({1: 0.1, 2: 0.2, 3: 0.4, 4: 0.2, 5: 0.1}, 1, 5) == pytest.approx(0.5)
    assert expected_share({0: 0.5, 10: 0.5}, 0, 10) == pytest.approx(0.5)

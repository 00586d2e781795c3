import doctest
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.judge import statements
from bench.judge.statements import affirmed_and_denied, cut_to, holding_sentence, is_free_of, sentences, share, shuffled, statement_of


def test_examples_hold():
    assert doctest.testmod(statements).failed == 0


@pytest.mark.parametrize(
    ("wording", "statement"),
    [
        ("Says that the demo stays on Friday", "the demo stays on Friday"),
        ("The summary clearly states that rent rises.", None),  # an adverb before the verb: not a form whose rest is sure to be the statement
        ("States clearly that rent rises.", "rent rises"),
        ("Mentions the budget of 4,000 euros", "the budget of 4,000 euros"),
        ("Claims that Blitz was chosen", "Blitz was chosen"),
        ('Says this: "Parking is free."', "Parking is free"),
        ("Gives the lost days as the reason", None),
        ("Is written in a friendly tone", None),
        ("Says that " + "x " * 200, None),
    ],
)
def test_statement_is_taken_from_an_aspect_only_where_its_wording_tells_it(wording, statement):
    assert statement_of(wording) == statement


def test_sentences_end_where_people_end_them():
    text = "Mr. Hale pays 3.50 euros. Does he? \u201cYes.\u201d He left!\nNew line without a dot"
    assert sentences(text) == ("Mr. Hale pays 3.50 euros.", "Does he?", "\u201cYes.", "He left!", "New line without a dot")
    assert sentences("会议改到周五。大家同意。") == ("会议改到周五。", "大家同意。")
    assert sentences(" \n ... ") == ()


def test_affirmation_and_denial_have_as_many_words():
    for statement in (
        "the status meeting is cancelled",
        "the demo stays on Friday",
        "Tom cannot run it",
        "the rule that was cut is back",
        "it will rain",
    ):
        affirmed, denied = affirmed_and_denied(statement, Random(0))
        assert len(affirmed.split()) == len(denied.split())
        assert affirmed != denied


def test_a_negated_statement_is_denied_as_a_whole():
    assert affirmed_and_denied("the offer is not accepted", Random(0))[1].endswith("that the offer is not accepted.")


def test_no_english_frame_is_put_around_another_language():
    assert affirmed_and_denied("die Sitzung wurde auf Freitag verschoben", Random(0)) is None


def test_holding_sentence_is_the_only_one_with_nearly_all_words_and_as_many_negations():
    text = ("The demo stays on Friday at two.", "Lena calls them.")
    assert holding_sentence("the demo stays on Friday", text) == text[0]
    assert holding_sentence("the demo stays on Friday", ("The demo never stays on Friday.",)) is None
    assert holding_sentence("the demo stays on Friday", (text[0], "On Friday the demo stays.")) is None
    assert holding_sentence("Friday", text) is None


def test_inflected_words_count_as_the_same_and_numbers_do_not():
    assert share("the meeting is cancelled", "They cancel all meetings") == 1.0
    assert share("it costs 1,200 euros", "it costs 1,201 euros") == pytest.approx(2 / 3)
    assert not is_free_of("Rosa cancels the retreat.", "the retreat is cancelled")
    assert is_free_of("Rosa bakes bread.", "the retreat is cancelled")


WORDS = st.lists(st.sampled_from(["red", "tram", "waits", "in", "Bergen", "for", "nobody", "else", "tonight", "again"]), min_size=8, max_size=40)


@given(words=WORDS, seed=st.integers(0, 99))
def test_shuffling_keeps_the_words(words, seed):
    assert sorted(shuffled(" ".join(words), "no such thing here", Random(seed)).split()) == sorted(words)


def test_shuffling_leaves_no_run_of_the_statement():
    text = "The bakery of Arles is closed on Mondays."
    for seed in range(30):
        assert "is closed on" not in shuffled(text, "the bakery of Arles is closed on Mondays", Random(seed))


def test_cut_text_ends_like_a_sentence():
    assert cut_to("One, two, three", 2) == "One, two."
    assert cut_to("", 3) == ""

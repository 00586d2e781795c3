"""Two texts, word by word."""

from hypothesis import given
from hypothesis import strategies as st

from bench.diff.words import pieces


def joined(found, without):
    return "".join(one.text for one in found if one.kind != without)


@given(st.text(alphabet="ab \n.", max_size=60), st.text(alphabet="ab \n.", max_size=60))
def test_pieces_make_both_texts(before, after):
    found = pieces(before, after)
    assert joined(found, "added") == before
    assert joined(found, "removed") == after
    assert all(one.text for one in found)


def test_words_are_whole_and_neighbours_go_together():
    found = [(one.kind, one.text) for one in pieces("Say it in three short words.", "Say it in four long words.")]
    assert found == [("same", "Say it in "), ("removed", "three short"), ("added", "four long"), ("same", " words.")]


def test_long_texts_without_much_in_common_are_not_matched_word_by_word():
    before, after = "start " + "a b " * 1500 + "end", "start " + "c d " * 1500 + "end"
    assert [one.kind for one in pieces(before, after)] == ["same", "removed", "added", "same"]


def test_in_a_long_text_only_the_sentences_that_changed_are_matched_by_words():
    text = "".join(f"Sentence number {number} says something else. " for number in range(300))
    changed = text.replace("number 3 says", "number 3 repeats").replace("number 297 says", "number 297 repeats")
    found = [(one.kind, one.text) for one in pieces(text, changed) if one.kind != "same"]
    assert found == [("removed", "says"), ("added", "repeats")] * 2


def test_another_space_is_a_change_and_the_words_around_it_are_not():
    assert [(one.kind, one.text) for one in pieces("One two three.", "One\ntwo three.")] == [
        ("same", "One"),
        ("removed", " "),
        ("added", "\n"),
        ("same", "two three."),
    ]

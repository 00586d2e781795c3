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
    before, after = "start " + "a b " * 3000 + "end", "start " + "c d " * 3000 + "end"
    assert [one.kind for one in pieces(before, after)] == ["same", "removed", "added", "same"]

"""Edits at places of a text: what is not meant stays as it is, byte for byte."""

import pytest
import yaml

from bench.spec.migrate.places import Edit, Places

TEXT = """# A spec.
bench: 0   # the version
"name": x  # quoted
list:
  # before the first
  - a: 1   # one
    b: {c: 2, d: 'two, too', e: [3]}  # two

  - b: {only: 1}
    a: |
      some
      text

    # behind the text
last: [x,
  y]
"""


def edited(edits, text=TEXT):
    return Places(text.encode(), "x.yaml").edited(edits)


@pytest.fixture
def places():
    return Places(TEXT.encode(), "x.yaml")


@pytest.mark.parametrize(
    ("edits", "old", "new"),
    [
        (lambda at: at.rename(("name",), "title"), '"name": x', "title: x"),
        (lambda at: at.rename(("list", 0, "b", "d"), "f"), "d: 'two", "f: 'two"),
        (lambda at: at.replace(("bench",), "1"), "bench: 0 ", "bench: 1 "),
        (lambda at: at.replace(("list", 1, "a"), "some"), "a: |\n      some\n      text\n", "a: some\n"),
        (lambda at: at.replace(("last",), "[]"), "[x,\n  y]", "[]"),
        (lambda at: at.remove(("bench",)), "bench: 0   # the version\n", ""),
        (lambda at: at.remove(("list", 0, "a")), "a: 1   # one\n    b", "b"),
        (lambda at: at.remove(("list", 0, "b")), "    b: {c: 2, d: 'two, too', e: [3]}  # two\n", ""),
        (lambda at: at.remove(("list", 0, "b", "c")), "{c: 2, d", "{d"),
        (lambda at: at.remove(("list", 0, "b", "e")), "too', e: [3]}", "too'}"),
        (lambda at: at.remove(("list", 1, "b", "only")), "{only: 1}", "{}"),
        (lambda at: at.remove(("list", 1, "a")), "    a: |\n      some\n      text\n", ""),
        (lambda at: at.remove(("last",)), "last: [x,\n  y]\n", ""),
        (lambda at: at.add(("new",), "1", after="name"), "# quoted\n", "# quoted\nnew: 1\n"),
        (lambda at: at.add(("list", 0, "z"), "1", after="a"), "# one\n", "# one\n    z: 1\n"),
        (lambda at: at.add(("list", 0, "b", "z"), "1", after="c"), "c: 2,", "c: 2, z: 1,"),
        (lambda at: at.add(("new",), "1", after="last"), "  y]\n", "  y]\nnew: 1\n"),
    ],
)
def test_only_what_is_meant_changes(places, edits, old, new):
    assert TEXT.count(old) == 1
    assert places.edited(edits(places)) == TEXT.replace(old, new)
    yaml.safe_load(places.edited(edits(places)))


@pytest.mark.parametrize("path", [("nothing",), ("list", 7, "a"), ("bench", "a"), ("last", 0, "a"), ()])
def test_what_is_not_there_has_no_edits(places, path):
    assert places.remove(path) == []
    assert places.rename(path, "x") == []
    assert places.written(("nothing",)) is None


def test_a_key_that_is_there_is_not_added(places):
    assert places.add(("name",), "1", after="bench") == []
    assert places.add(("new",), "1", after="nothing") == []


def test_line_breaks_marks_and_wide_letters_stay():
    text = "# ümläut 😀\r\nbench: 0\r\nname: 'naïve 😀' # so\r\n"
    places = Places(b"\xef\xbb\xbf" + text.encode(), "x.yaml")
    assert places.edited([*places.rename(("name",), "title"), *places.add(("new",), "1", after="bench")]) == text.replace("name:", "title:").replace(
        "0\r\n", "0\r\nnew: 1\r\n"
    )


def test_a_text_without_a_last_line_break_gets_one_where_a_line_comes_behind():
    assert edited(Places(b"a: 1", "x.yaml").add(("b",), "2", after="a"), "a: 1") == "a: 1\nb: 2\n"
    assert edited(Places(b"a: 1\nb: 2", "x.yaml").remove(("b",)), "a: 1\nb: 2") == "a: 1\n"


def test_what_an_alias_names_is_edited_once():
    text = "one: &x {a: 1}\ntwo: *x\n"
    places = Places(text.encode(), "x.yaml")
    assert places.edited([*places.rename(("one", "a"), "b"), *places.rename(("two", "a"), "b")]) == text.replace("a:", "b:")


def test_edits_that_overlap_are_a_mistake_of_the_step(places):
    with pytest.raises(ValueError, match="overlap"):
        places.edited([Edit(start=0, end=5, text=""), Edit(start=4, end=6, text="")])


def test_what_stands_somewhere_can_be_put_elsewhere(places):
    assert places.written(("list", 0, "b", "e")) == "[3]"
    assert list(places.below(("list",))) == [("list", 0), ("list", 1)]
    assert list(places.below(("list", 0))) == [("list", 0, "a"), ("list", 0, "b")]
    assert list(places.below(("nothing",))) == []

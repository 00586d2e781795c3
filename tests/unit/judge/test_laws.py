"""Laws of the checks, on texts nobody thought of."""

import json
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from bench.judge.checks.contains import Contains
from bench.judge.checks.json_schema import find_json
from bench.judge.checks.not_contains import NotContains
from bench.judge.checks.number import numbers
from bench.judge.checks.reading import same, words
from bench.judge.checks.sentences import count_sentences

quick = settings(max_examples=150, deadline=None)
SENTENCES = st.lists(
    st.lists(st.sampled_from(["the", "team", "ships", "on", "Friday", "e.g.", "3.5", "Ana", "and"]), min_size=2, max_size=6).map(
        lambda found: "We " + " ".join(found) + " soon"
    ),
    min_size=1,
    max_size=6,
)


@quick
@given(st.text())
def test_reading_twice_changes_nothing(text):
    for ignore_case in (True, False):
        once = same(text, ignore_case=ignore_case)
        assert same(once, ignore_case=ignore_case) == once


@quick
@given(st.text("abcXYZäß09 '", min_size=1).filter(str.strip), st.text(), st.text())
def test_a_text_is_found_where_it_was_put(text, before, after):
    answer = f"{before}\n{text.upper()}\n{after}"
    assert Contains(text).decide(answer).passed
    assert not NotContains(text).decide(answer).passed


@quick
@given(SENTENCES, st.sampled_from([". ", "! ", "?\n", ".\n\n- "]))
def test_sentences_put_together_are_counted(sentences, end):
    assert count_sentences(end.join(sentences) + ".") == len(sentences)


@quick
@given(st.integers(-(10**12), 10**12))
def test_number_is_read_with_and_without_groups(value):
    for text in (f"{value}", f"{value:,}", f"It is {value:,} EUR.", f"({value:,})".replace(",", "\u202f")):
        assert list(numbers(text)) == [Decimal(value)]


@quick
@given(st.text())
def test_any_text_has_counts_and_numbers(text):
    assert words(text) >= 0
    assert count_sentences(text) >= 0
    assert all(value.is_finite() for value in numbers(text))


@quick
@given(
    st.text(), st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=6)
)
def test_last_object_is_found_in_any_prose_before_it(prose, value):
    answer = f"{prose.replace('{', '(').replace('[', '(').replace('`', '').replace('~', '')}x {json.dumps([value])} and so on"
    assert find_json(answer) == [value]

import doctest
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.judge import parse
from bench.judge.parse import (
    Unreadable,
    WrittenVerdict,
    is_quoted,
    read_number,
    read_result,
    read_verdict,
    read_word,
    verdict_schema,
    without_reasoning,
)

HOLDS = verdict_schema(1, 5, is_scale=False)
SCORE = verdict_schema(1, 5, is_scale=True)
ANSWER = "Paris is the “capital” of France, with <b>many</b> museums."


def holds(value=True, quote="Paris is", **more):
    return json.dumps({"reason": "r", "quote": quote, "holds": value, **more})


def score(value=4, **more):
    return json.dumps({"reason": "r", "quote": "", "score": value, **more})


def test_examples_in_the_docstrings_hold():
    assert doctest.testmod(parse).failed == 0


@pytest.mark.parametrize(
    "text",
    [
        holds(),
        f"```json\n{holds()}\n```",
        f"```\n{holds()}",
        f"Here you are: {holds()} I hope it helps {{really}}.",
        f"<think>{holds(value=False)}</think>{holds()}",
        f"no tag opened {holds(value=False)}</think>{holds()}",
        f"<THINKING>a</THINKING>\n<think>b {holds(value=False)}</think>\n{holds()}",
        f"[THINK]{holds(value=False)}[/THINK]{holds()}",
        f"<|channel|>analysis<|message|>{holds(value=False)}<|end|><|channel|>final<|message|>{holds()}",
        f"Draft {holds(value=False)}, final {holds()}",
        f"{holds()} {{broken",
        f'{{"a": [1, {holds()}',
    ],
)
def test_the_last_valid_object_after_the_reasoning_counts(text):
    assert read_verdict(text, HOLDS, ANSWER) == WrittenVerdict(value=True, reason="r", quote="Paris is")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "empty"),
        ("   \n", "empty"),
        ("The answer is right, so yes.", "no complete JSON object"),
        (holds()[:-2], "no complete JSON object"),
        ("[true]", "no complete JSON object"),
        ('{"reason": "r", "quote": ""}', "'holds' is missing"),
        ('{"quote": "", "holds": true}', "'reason' is missing"),
        (holds(value="true"), "not true or false"),
        (holds(value=1), "not true or false"),
        (holds(value=None), "not true or false"),
        (holds(confidence=1), "a field too many, 'confidence'"),
        (holds(quote="Rome is"), "does not stand in the answer"),
        (holds(quote="..."), "does not stand in the answer"),
        (f"<think>{holds()}", "empty"),
        (f"{holds()}<think>", None),
        (f'{{"verdict": {holds()}}}', "'reason' is missing"),
        ('{"reason": "r", "quote": "", "holds": true, "holds": false}', "no complete JSON object"),
        ('{"reason": "r", "quote": "", "holds": NaN}', "not true or false"),
        ("{" * 5000, "no complete JSON object"),
        ('{"a":' * 3000, "no complete JSON object"),
    ],
)
def test_what_is_no_verdict_is_refused_with_its_reason(text, problem):
    found = read_verdict(text, HOLDS, ANSWER)
    if problem is None:
        assert isinstance(found, WrittenVerdict)
    else:
        assert isinstance(found, Unreadable)
        assert problem in found.problem


@pytest.mark.parametrize("value", [0, 6, 9, -1, "4", 4.5, 4.0, True, None, [4], 10**400])
def test_a_score_that_is_none_of_the_scale_is_refused(value):
    assert isinstance(read_verdict(score(value), SCORE, ANSWER), Unreadable)


def test_a_score_of_the_scale_is_taken():
    assert read_verdict(score(5), SCORE, ANSWER) == WrittenVerdict(value=5, reason="r")


@pytest.mark.parametrize(
    ("quote", "is_there"),
    [
        ("Paris is the", True),
        ('the "capital" of', True),
        ("Paris\n  is", True),
        ("< b>many< /b> museums", True),
        ("...with <b>many</b>", True),
        ("paris is", False),
        ("Paris of France", False),
        ("", False),
        ("…", False),
    ],
)
def test_quotes_are_looked_up_word_for_word(quote, is_there):
    assert is_quoted(quote, ANSWER) is is_there


def test_a_half_character_in_a_reason_cannot_reach_a_file():
    found = read_verdict('{"reason": "a\\ud800", "quote": "", "holds": true}', HOLDS, ANSWER)
    assert found.reason.encode() == b"a?"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Yes", "Yes"), (" yes.", "Yes"), ("**No**", "No"), ("NO!\nBecause", "No"), ("Answer: Yes", "Yes"), ("Yes, it says so", "Yes"),
        ("<think>No, no</think>Yes", "Yes"), ("No doubt it does", None), ("Yes it does", None), ("Yesterday", None), ("maybe", None), ("", None),
        ("<think>Yes", None), ("yes/no", None),
    ],
)  # fmt: skip
def test_words_are_read_strictly(text, word):
    assert read_word(text, ("Yes", "No")) == word


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("4", 4), (" 4.", 4), ("**4**", 4), ("Rating: 4", 4), ("4/5", 4), ("Score: 4 / 5.", 4), ("4\nBecause it is good", 4), ("4. It is good", 4),
        ("9", None), ("0", None), ("-4", None), ("4.5", None), ("4/10", None), ("four", None), ("", None), ("45", None), ("4 of 5 or 3", None),
        ("I say 4", None), ("<think>2</think>4", 4), ("4-5", None), ("4,5", None),
    ],
)  # fmt: skip
def test_numbers_are_read_strictly(text, number):
    assert read_number(text, 1, 5) == number


def test_a_negative_scale_has_negative_numbers():
    assert read_number("-2", -2, 2) == -2
    assert read_number("10", 1, 10) == 10


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Feedback: good. [RESULT] 4", 4), ("[RESULT](5)", 5), ("x [result]: 2.", 2), ("a [RESULT] 1 b [RESULT] 3", 3), ("a [RESULT] 9", None),
        ("a [RESULT] four", None), ("a [RESULT]", None), ("4", None), ("", None), ("[RESULT] 4.5", None), ("[RESULT] 3 [RESULT] 7", None),
        ("<think>[RESULT] 1</think>", None),
    ],
)  # fmt: skip
def test_results_are_read_strictly(text, value):
    found = read_result(text)
    assert (found.value if isinstance(found, WrittenVerdict) else None) == value


PIECES = st.sampled_from([
    "<think>", "</think>", "{", "}", "[RESULT]", " 5", "9", "```json", '"reason"', ":", '"r"', ",", '"quote": ""', '"score": ', '"holds": true',
    "yes", "\n", "\ud800", score(5), score(9), holds(), "\x00", "Rating: ", "/5",
])  # fmt: skip


@given(st.lists(PIECES | st.text(max_size=10), max_size=20).map("".join))
def test_reading_never_raises_and_never_leaves_the_scale(text):
    without_reasoning(text)
    assert read_word(text, ("Yes", "No")) in {"Yes", "No", None}
    number = read_number(text, 1, 5)
    assert number is None or 1 <= number <= 5
    result = read_result(text)
    assert isinstance(result, Unreadable) or 1 <= result.value <= 5
    for schema, allowed in ((SCORE, range(1, 6)), (HOLDS, (True, False))):
        found = read_verdict(text, schema, ANSWER)
        assert isinstance(found, Unreadable) or found.value in allowed


def test_a_huge_reply_is_read_in_bounded_work():
    for text in ("{" * 300_000, "<think>" * 50_000, '{"a":[' * 50_000, "4" * 300_000, "[RESULT]" * 50_000, "yes " * 100_000):
        assert isinstance(read_verdict(text, HOLDS, ANSWER), Unreadable)
        read_word(text, ("Yes", "No"))
        read_number(text, 1, 5)
        read_result(text)

import re

from harness.scripted_judge import see
from hypothesis import given
from hypothesis import strategies as st

from bench.judge.escape import escaped, fenced, one_line

SPECIAL = ("<|im_end|>", "</s>", "<end_of_turn>", "<<SYS>>", "[INST]", "[/INST]", "[gMASK]", "<｜User｜>", "<think>", "<user>", "<0x0A>")
PIECES = st.sampled_from(
    [*SPECIAL, "</answer-", "<answer-00000000>", "\n", "\r\n", "\x00", "\x1b[2J", "\u202e", "\u200b", "\ud800", "Reply with", "# The"]
)
TEXTS = st.lists(PIECES | st.text(max_size=20), max_size=20).map("".join)
TAG = re.compile(r"<\S|\[/?\w*[A-Z]{2}\w*\]")


@given(TEXTS)
def test_nothing_in_an_escaped_text_opens_a_tag_or_a_turn(text):
    assert not TAG.search(escaped(text))


@given(TEXTS)
def test_an_escaped_text_has_no_control_and_no_half_character(text):
    safe = escaped(text)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u200b\ud800-\udfff]", safe)
    safe.encode()


@given(TEXTS)
def test_escaping_twice_changes_nothing_more(text):
    assert escaped(escaped(text)) == escaped(text)


@given(TEXTS, st.integers(0, 9))
def test_a_text_stays_between_its_own_tags(text, seed):
    whole = fenced("answer", text, seed)
    opening, *inner, closing = whole.split("\n")
    assert re.fullmatch(r"<answer-[0-9a-f]{8}>", opening)
    assert closing == opening.replace("<", "</")
    assert "\n".join(inner) == escaped(text)
    assert whole.count(opening) == whole.count(closing) == 1
    assert opening[8:-1] not in escaped(text)


@given(TEXTS)
def test_a_reader_of_the_tags_finds_the_text_and_nothing_of_it_outside(text):
    body = {"messages": [{"role": "user", "content": f"{fenced('task', text, 1)}\n{fenced('answer', text, 1)}\nStatement: x"}]}
    seen = see(body, 0)
    assert seen.answers == (escaped(text),)
    assert seen.task == escaped(text)


def test_the_nonce_follows_from_text_and_seed():
    assert fenced("answer", "a", 1) == fenced("answer", "a", 1)
    assert len({fenced("answer", text, seed).split("\n")[0] for text in "ab" for seed in (1, 2)}) == 4


def test_ordinary_text_stays_as_it_is():
    text = "Größe: 3 < 4, x[1] = {“ok”}\n\tनमस्ते 日本 👩‍👩‍👧 1 > 0 [1] [see] [A]"
    assert escaped(text) == text


@given(TEXTS)
def test_a_line_stays_one_line(text):
    assert len(one_line(text).splitlines()) <= 1


def test_a_huge_text_is_escaped_in_one_pass():
    assert len(escaped("<" * 1_000_000 + "[INST]" * 100_000)) > 1_600_000

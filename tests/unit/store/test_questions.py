import hypothesis.strategies as st
from hypothesis import given

from bench.records.judging import Asked, Question, Reply
from bench.records.spec import Message
from bench.store.questions import folded, unfolded


def asked(*texts, system="You judge."):
    messages = [Message(role="system", content=system)] if system else []
    return tuple(
        Asked(about=f"a{n}", question=Question(messages=(*messages, Message(role="user", content=text))), reply=Reply(text="Yes"))
        for n, text in enumerate(texts)
    )


HEAD = "The task and the answer. " * 10


def test_what_all_questions_begin_with_stands_once():
    every = asked(f"{HEAD}Is it blue?", f"{HEAD}Is it old?")
    line = folded(("t",), "d", every)
    assert [message.content for message in line.head] == ["You judge.", f"{HEAD}Is it "]
    assert [each.question.messages[0].content for each in line.asked] == ["blue?", "old?"]
    assert unfolded(line) == every


def test_one_question_or_little_in_common_is_kept_as_it_is():
    for every in (asked(f"{HEAD}Is it blue?"), asked("Is it blue?", "Is it old?"), asked("x", "y", system=""), ()):
        line = folded(("t", "u"), "d", every)
        assert (line.head, line.asked, line.other_trial_id) == ((), every, "u")
        assert unfolded(line) == every


def test_a_question_that_goes_on_is_kept_whole():
    (first, second) = asked(f"{HEAD}?", f"{HEAD}!")
    more = (Message(role="assistant", content="Hm."), Message(role="user", content="Again, please."))
    longer = Asked(about="a2", question=Question(messages=(*first.question.messages, *more)), reply=Reply(text="No"))
    every = (first, second, longer)
    assert unfolded(folded(("t",), "d", every)) == every


ROLES = st.sampled_from(["system", "user", "assistant"])
MESSAGES = st.lists(st.builds(Message, role=ROLES, content=st.text("ab", max_size=4).map(lambda tail: HEAD + tail)), min_size=1, max_size=3)


@given(st.lists(MESSAGES, max_size=4))
def test_folding_loses_nothing(every):
    given_ = tuple(Asked(about="x", question=Question(messages=tuple(messages)), reply=Reply()) for messages in every)
    assert unfolded(folded(("t",), "d", given_)) == given_

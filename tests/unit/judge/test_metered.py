"""What a judge is asked in all: tokens, and the time with a question open."""

import asyncio

import pytest

from bench.judge.metered import Work, together
from bench.records.exchange import Failure, ServerTimings, Usage
from bench.records.judging import JudgeWork, Question, Reply
from bench.records.spec import Message

QUESTION = Question(messages=(Message(role="user", content="?"),))


class Scripted:
    """Replies one after the other, each when its time has come."""

    def __init__(self, *replies):
        self.replies = list(replies)
        self.is_closed = False

    async def ask(self, _question):
        return self.replies.pop(0)

    async def close(self):
        self.is_closed = True


def reply(prompt=100, said=1, cached=None, **more):
    return Reply(text="Yes", usage=Usage(prompt_tokens=prompt, completion_tokens=said, cached_tokens=cached), **more)


def asked(*replies, clock=lambda: 0.0):
    heard = []
    work = Work("j", clock, heard.append)
    questioner = Scripted(*replies)

    async def ask():
        counted = work.over(questioner)
        for _ in replies:
            await counted.ask(QUESTION)
        await counted.close()

    asyncio.run(ask())
    assert questioner.is_closed
    return work.so_far, heard


def test_tokens_add_up_and_each_reply_is_told():
    found, heard = asked(reply(100, 1, cached=60), reply(50, 7, server_timings=ServerTimings(prompt_n=10, cache_n=40)))
    assert (found.requests, found.prompt_tokens, found.cached_tokens, found.completion_tokens, found.uncounted) == (2, 150, 100, 8, 0)
    assert [each.requests for each in heard] == [1, 2]


def test_a_reply_without_counts_is_counted_as_one_and_a_failure_is_none():
    found, _ = asked(Reply(text="Yes"), Reply(failure=Failure(kind="timeout", message="late")), reply(5, 1))
    assert (found.requests, found.uncounted, found.prompt_tokens) == (2, 1, 5)


def test_time_with_several_questions_open_is_counted_once():
    now = iter((1.0, 2.0, 4.0, 5.0, 9.0, 10.0))  # began, began, ended, ended, a pause, began, ended
    work = Work("j", lambda: next(now))
    for step in (work.began, work.began, lambda: work.ended(reply()), lambda: work.ended(None), work.began, lambda: work.ended(reply())):
        step()
    assert (work.so_far.busy_s, work.so_far.wall_s, work.so_far.requests) == (4.0 + 1.0, 9.0, 2)


def test_an_interrupted_question_is_not_open_for_ever():
    class Cut(Scripted):
        async def ask(self, _question):
            raise asyncio.CancelledError

    work = Work("j", lambda: 3.0)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(work.over(Cut()).ask(QUESTION))
    work.began()
    work.ended(reply())
    assert (work.so_far.requests, work.so_far.busy_s) == (1, 0.0)


def test_sessions_are_added_judge_by_judge():
    one, other = JudgeWork(judge_id="a", requests=2, prompt_tokens=10, busy_s=1.5, wall_s=2.0), JudgeWork(judge_id="b", requests=1)
    more = JudgeWork(judge_id="a", requests=3, prompt_tokens=5, busy_s=1.0, wall_s=1.0)
    assert together((one,), (more, other)) == (JudgeWork(judge_id="a", requests=5, prompt_tokens=15, busy_s=2.5, wall_s=3.0), other)
    assert together((), (JudgeWork(judge_id="c"),)) == ()

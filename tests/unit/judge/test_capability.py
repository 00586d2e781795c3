import asyncio
from itertools import pairwise

import pytest
from harness.mock_llm import refusing_endpoint
from harness.scripted_judge import constant, scripted_judge

from bench.judge.capability import MOST, is_better, is_full, probe, without_system
from bench.protocols import Questioner
from bench.providers.questioner import ChatQuestioner
from bench.records.exchange import Failure
from bench.records.judging import Capabilities, Question, Reply, TokenChoice
from bench.records.spec import Message


def found_of(endpoint, context=None):
    async def ask():
        questioner = ChatQuestioner(endpoint, None, timeout_s=5.0)
        try:
            return await probe(questioner, context=context)
        finally:
            await questioner.close()

    return asyncio.run(ask())


def test_an_able_judge_is_found_to_be_one():
    with scripted_judge(constant(), logprobs=20) as judge:
        able = found_of(judge.endpoint(), context=4096).capabilities
    assert (able.top_logprobs, able.prefix, able.json_schema, able.context) == (20, True, True, 4096)
    assert is_full(able)
    assert len(able.notes) == 3


@pytest.mark.parametrize(
    ("abilities", "expected", "note"),
    [
        ({"logprobs": 0}, (0, True, True), "no log-probabilities: the server does not tell them"),
        ({"prefix": False}, (20, False, True), "no begun answers: after '28 29 30' came 'OK', not '31'"),
        ({"json_schema": False}, (20, True, False), "no JSON by schema: the reply did not follow it"),
    ],
)
def test_what_it_lacks_is_found_and_said(abilities, expected, note):
    with scripted_judge(constant(), **abilities) as judge:
        able = found_of(judge.endpoint()).capabilities
    assert (able.top_logprobs, able.prefix, able.json_schema) == expected
    assert note in able.notes


def test_without_begun_answers_the_first_token_is_the_label():
    with scripted_judge(constant(), prefix=False) as judge:
        assert "no begun answers: a label is read from the first token of the answer" in found_of(judge.endpoint()).capabilities.notes


@pytest.mark.parametrize("fault", ["500", "401", "garbage", "disconnect"])
def test_a_judge_that_never_replies_is_no_judge(fault):
    with scripted_judge(constant(), fault=fault) as judge:
        assert found_of(judge.endpoint()).failure is not None


def test_nobody_there_is_no_judge():
    assert found_of(refusing_endpoint()).failure.kind == "unreachable"


class Picky(Questioner):
    """Refuses more than so many alternatives."""

    def __init__(self, most, refusal="bad_request"):
        self.most, self.refusal = most, refusal
        self.asked = []

    async def ask(self, question: Question) -> Reply:
        self.asked.append(question)
        if question.top_logprobs is not None and question.top_logprobs > self.most:
            return Reply(failure=Failure(kind=self.refusal, message=f"top_logprobs must be at most {self.most}", status=400))
        if not question.top_logprobs:
            return Reply(text="x")
        tops = tuple((str(n), -1.0 - n) for n in range(question.top_logprobs))
        return Reply(text="x", tokens=(TokenChoice(token=tops[0][0], logprob=-1.0, alternatives=tops),))

    async def close(self):
        pass


@pytest.mark.parametrize(("most", "expected"), [(1000, MOST), (20, 20), (5, 5), (0, 0)])
def test_the_most_that_is_not_refused_is_taken(most, expected):
    able = asyncio.run(probe(Picky(most))).capabilities
    assert able.top_logprobs == expected


def test_a_model_that_reasons_first_gives_no_label():
    class Reasoning(Picky):
        async def ask(self, question):
            reply = await super().ask(question)
            return reply if reply.failure else Reply(text="", reasoning="Let me see", tokens=reply.tokens)

    able = asyncio.run(probe(Reasoning(20))).capabilities
    assert able.top_logprobs == 0
    assert "no log-probabilities of an answer: the model reasons first" in able.notes


def test_log_probabilities_are_worth_more_than_begun_answers_and_those_more_than_schemas():
    nothing, schema, prefix, labels = Capabilities(), Capabilities(json_schema=True), Capabilities(prefix=True), Capabilities(top_logprobs=5)
    ranked = [nothing, schema, prefix, labels, Capabilities(top_logprobs=20), Capabilities(top_logprobs=5, prefix=True)]
    assert all(is_better(better, worse) for worse, better in pairwise(ranked))
    assert not is_better(labels, labels)


@pytest.mark.parametrize("status", [400, 500])
def test_a_judge_that_refuses_a_system_turn_is_told_in_the_users(status):
    with scripted_judge(constant(), refuses_system=status) as judge:
        able = found_of(judge.endpoint()).capabilities
        refused = [seen for seen in judge.log if seen.body["messages"][0]["role"] == "system"]
    assert (able.system_role, able.top_logprobs, able.prefix) == (False, 20, True)
    assert len(refused) == 3  # in turns with the same text in the user's turn, and never again
    assert f"no system turns, their text begins the user's turn: HTTP {status}: System role not supported" in able.notes[1]


@pytest.mark.parametrize("failing", [(0,), (0, 1), (0, 2), (2,)])
def test_a_server_that_fails_now_and_then_takes_a_system_turn(failing):
    class Flaky(Picky):
        system_turns = 0

        async def ask(self, question: Question) -> Reply:
            if question.messages[0].role != "system":
                return await super().ask(question)
            self.system_turns += 1
            return Reply(failure=Failure(kind="server", message="HTTP 500")) if self.system_turns - 1 in failing else Reply(text="yes")

    able = asyncio.run(probe(Flaky(20))).capabilities
    assert able.system_role
    assert not [note for note in able.notes if "system" in note]


def test_what_refuses_the_question_itself_is_not_the_system_turn():
    class Broken(Picky):
        async def ask(self, question: Question) -> Reply:
            is_asked = question.messages[-1].content.endswith("Is ice cold?")
            return Reply(failure=Failure(kind="server", message="overloaded")) if is_asked else await super().ask(question)

    assert asyncio.run(probe(Broken(20))).capabilities.system_role


def test_a_system_turn_goes_in_front_of_the_users():
    said = (Message(role="system", content="Be brief."), Message(role="user", content="Why?"), Message(role="assistant", content="So."))
    assert without_system(said) == (Message(role="user", content="Be brief.\n\nWhy?"), said[2])
    assert without_system(said[1:]) == said[1:]

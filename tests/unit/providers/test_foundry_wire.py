"""The traps of Foundry Local's wire, in its two generations, through the clients that a run and a judge use."""

import asyncio
from contextlib import contextmanager

import pytest
from harness.calls import ask, request
from harness.foundry_web import CONTEXT, WORDS, Service

from bench.judge.capability import is_better, probe
from bench.providers.openai_chat import OpenAIChat
from bench.providers.openai_sdk import OpenAISdk
from bench.providers.questioner import DIALECTS, GRAMMATICAL, ChatQuestioner
from bench.records.exchange import Completion, Failure
from bench.records.judging import Question
from bench.records.serving import Endpoint
from bench.records.spec import Message

EXACT, OTHER = "smol-int4-generic-cpu:2", "smol-fp32-generic-cpu:1"
BOTH = pytest.mark.parametrize("make", [OpenAIChat, OpenAISdk])
GENERATIONS = pytest.mark.parametrize("generation", [1, 2])


@contextmanager
def service(generation=2, **settings):
    running = Service([EXACT, OTHER], generation=generation, **settings)
    running.loaded.append(EXACT)
    try:
        yield running
    finally:
        running.close()


def endpoint(running, name=EXACT):
    return Endpoint(base_url=f"{running.url}/v1", served_model=name, owned=True)


@BOTH
@GENERATIONS
def test_text_times_and_counts_are_the_same_in_both_generations(generation, make):
    with service(generation) as running:
        (exchange,) = ask(endpoint(running), request(max_tokens=9), make=make)
    answer, timing = exchange.outcome, exchange.timing
    assert isinstance(answer, Completion)
    assert answer.text == "".join(WORDS)  # a `message` beside each delta is not said twice
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.counted_by) == (8, len(WORDS), "server")  # the last one counts
    assert timing.chunks == len(WORDS)  # the first chunk, with an empty text, is none
    assert timing.first_token_s >= timing.first_byte_s
    assert answer.finish_reason == "stop"


@BOTH
@GENERATIONS
def test_an_error_in_a_stream_that_began_well_is_a_failure(generation, make):
    with service(generation) as running:
        (exchange,) = ask(endpoint(running), request("BREAK", max_tokens=9), make=make)
    assert isinstance(exchange.outcome, Failure)
    assert exchange.outcome.kind == "server"
    assert "the generator failed" in exchange.outcome.message


@BOTH
def test_a_context_that_is_too_small_is_told_from_other_bad_requests(make):
    with service() as running:
        too_long, hot = ask(endpoint(running), request(max_tokens=CONTEXT), request(temperature=2.5), make=make)
        (unloaded,) = ask(endpoint(running, OTHER), request(max_tokens=9), make=make)
    assert (too_long.outcome.kind, too_long.outcome.status) == ("context_length", 400)
    assert hot.outcome.kind == "bad_request"
    assert "must be loaded before inference" in unloaded.outcome.message


@pytest.mark.parametrize(
    ("generation", "name", "is_known"), [(2, EXACT, True), (2, "smol", False), (2, EXACT[:-2], False), (1, "smol", True), (1, EXACT, True)]
)
def test_only_exact_names_are_known_to_2x(generation, name, is_known):
    with service(generation) as running:
        (exchange,) = ask(endpoint(running, name), request(max_tokens=9))
    assert isinstance(exchange.outcome, Completion) == is_known
    if not is_known:
        assert (exchange.outcome.status, exchange.outcome.kind) == (404, "bad_request")


def test_a_service_in_a_bad_state_says_500_each_time():
    with service(breaks_after=1) as running:
        found = ask(endpoint(running), *[request(max_tokens=9)] * 3)
    assert [type(exchange.outcome) for exchange in found] == [Completion, Failure, Failure]
    assert (found[1].outcome.kind, found[1].outcome.status) == ("server", 500)


def questions(running, dialect, *asked):
    async def all_of_them():
        questioner = ChatQuestioner(endpoint(running), None, timeout_s=5.0, dialect=dialect)
        try:
            return [await questioner.ask(question) for question in asked]
        finally:
            await questioner.close()

    return asyncio.run(all_of_them())


def able(running, dialect):
    async def found():
        questioner = ChatQuestioner(endpoint(running), None, timeout_s=5.0, dialect=dialect)
        try:
            return (await probe(questioner, may_have_grammar=dialect == GRAMMATICAL)).capabilities
        finally:
            await questioner.close()

    return asyncio.run(found())


@GENERATIONS
def test_a_judge_is_asked_in_the_manner_that_holds_it_to_a_form(generation):
    with service(generation) as running:
        found = {dialect: able(running, dialect) for dialect in DIALECTS}
        asked = list(running.asked)
    assert {dialect: (each.json_schema, each.grammar) for dialect, each in found.items()} == {
        "plain": (False, False), "no_thinking": (False, False), "continued": (False, False), "foundry": (generation == 2, generation == 2),
    }  # fmt: skip
    assert all(each.top_logprobs == 0 and not each.prefix for each in found.values())
    assert all(is_better(found["foundry"], found[dialect]) == (generation == 2) for dialect in DIALECTS if dialect != "foundry")
    assert ("JSON by schema is kept to" in found["foundry"].notes) == (generation == 2)
    wrapped = [body["response_format"]["json_schema"] for body in asked if body.get("response_format", {}).get("type") == "json_schema"]
    assert {"schema" in each for each in wrapped} == {True, False}  # OpenAI's shape was tried, and was taken for a schema that allows anything


def test_a_reply_is_held_to_its_choices():
    said = (Message(role="user", content="Is ice cold?"),)
    with service() as running:
        held, free = questions(
            running, GRAMMATICAL, Question(messages=said, choices=("Yes", "No"), max_tokens=8), Question(messages=said, max_tokens=8)
        )
        (plain,) = questions(running, "plain", Question(messages=said, choices=("Yes", "No"), max_tokens=8))
        grammars = [body.get("response_format") for body in running.asked]
    assert grammars == [{"type": "lark_grammar", "lark_grammar": 'start: "Yes" | "No"'}, None, None]
    assert (held.text, free.text, plain.text) == ("Yes", "".join(WORDS), "".join(WORDS))
    assert held.usage.completion_tokens == 1

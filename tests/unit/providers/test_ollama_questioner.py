"""A judge on Ollama by its own chat API: what it is asked, and what its replies say."""

import asyncio
import json

import pytest
from harness.ollama_server import DURATIONS, ollama
from harness.raw_server import plain

from bench.judge.capability import probe
from bench.providers.ollama_questioner import MANNERS, OllamaQuestioner
from bench.records.judging import Question
from bench.records.spec import Message

ASKED = Question(messages=(Message(role="user", content="Good?"),), max_tokens=9)
LOGPROBS = [{"token": "Yes", "logprob": -0.1, "top_logprobs": [{"token": "Yes", "logprob": -0.1}, {"token": "No", "logprob": -2.5}]}]


def reply_to(question, server, *, credential=None, **settings):
    async def run():
        questioner = OllamaQuestioner(server.endpoint(options={"num_ctx": 4096}, keep_alive="30m"), credential, **{"timeout_s": 5.0} | settings)
        try:
            return await questioner.ask(question)
        finally:
            await questioner.close()

    return asyncio.run(run())


def whole(content="Yes", **more):
    return plain(
        json.dumps({"model": "m", "message": {"role": "assistant", "content": content}, "done": True, "done_reason": "stop", **more}).encode()
    )


def saying(*answers):
    """A server that gives these answers to chats, one after the other."""
    left = list(answers)
    return ollama(chat=lambda _body, send: send(left.pop(0)) or True)


def test_a_question_carries_its_settings_its_schema_and_a_begun_answer():
    schema = {"type": "object", "properties": {"a": {"type": "boolean"}}}
    with saying(whole('{"a": true}')) as server:
        question = Question(messages=ASKED.messages, max_tokens=9, seed=4, json_schema=schema, prefix='{"a":', top_logprobs=3)
        reply_to(question, server, dialect="no_thinking")
        (body,) = server.bodies("/api/chat")
    assert body == {
        "model": "m",
        "truncate": False,
        "shift": False,
        "keep_alive": "30m",
        "think": False,
        "messages": [{"role": "user", "content": "Good?"}, {"role": "assistant", "content": '{"a":'}],
        "stream": False,
        "options": {"num_ctx": 4096, "temperature": 0.0, "num_predict": 9, "seed": 4},
        "format": schema,
        "logprobs": True,
        "top_logprobs": 3,
    }


def test_a_reply_has_its_text_its_thoughts_its_tokens_and_its_counts():
    with saying(whole("Yes", message={"content": "Yes", "thinking": "Hm."}, logprobs=LOGPROBS, **DURATIONS)) as server:
        reply = reply_to(Question(messages=ASKED.messages, max_tokens=9, top_logprobs=2), server)
    assert (reply.text, reply.reasoning, reply.finish_reason, reply.failure) == ("Yes", "Hm.", "stop", None)
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (26, 5)
    assert (reply.server_timings.predicted_ms, reply.server_timings.load_ms) == (400.0, 2.154458)
    assert [(one.token, [other[0] for other in one.alternatives]) for one in reply.tokens] == [("Yes", ["Yes", "No"])]


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (plain(b'{"error":"model not found"}', status="404 No"), "bad_request", "HTTP 404: model not found"),
        (plain(b'{"error":"out of memory"}'), "out_of_memory", "out of memory"),
        (plain(b"<html>"), "protocol", "no answer of Ollama's chat API"),
        (plain(b"[1]"), "protocol", "it is no object"),
        (plain(b'{"done":true}'), "protocol", "it has no `message`"),
        (plain(b'{"message":{"content":5}}'), "protocol", "no answer"),
        (plain(b"{" + b'"a":[' * 50_000), "protocol", "no answer"),
        (whole(""), "empty", "without any text"),
        (b"garbage\r\n\r\n", "protocol", "garbage"),
    ],
)
def test_what_is_no_reply_is_a_failure(answer, kind, words):
    with saying(answer) as server:
        failure = reply_to(ASKED, server).failure
    assert failure.kind == kind
    assert words in failure.message


def test_a_key_is_in_no_message():
    with saying(plain(b'{"error":"bad key sk-do-not-store-me-91c2"}', status="401 No")) as server:
        assert "sk-do" not in repr(reply_to(ASKED, server, credential="sk-do-not-store-me-91c2"))


def test_a_server_that_is_busy_is_asked_again(monkeypatch):
    monkeypatch.setattr("bench.providers.patience._FIRST_WAIT_S", 0.01)
    with saying(plain(b'{"error":"server busy"}', status="503 No"), whole()) as server:
        assert reply_to(ASKED, server, retries=1).text == "Yes"
        assert len(server.asked) == 2


def test_the_probe_of_what_a_judge_can_do_works_on_it():
    with ollama(answer="Yes") as server:

        async def run():
            questioner = OllamaQuestioner(server.endpoint(), None, timeout_s=5.0, dialect=next(iter(MANNERS)))
            try:
                return await probe(questioner, context=4096)
            finally:
                await questioner.close()

        found = asyncio.run(run())
    assert found.failure is None
    assert any("format" in body for body in server.bodies("/api/chat"))

import asyncio
import json

import pytest
from harness.mock_llm import refusing_endpoint
from harness.raw_server import plain, raw_server
from harness.scripted_judge import constant, good, scripted_judge

from bench.providers.questioner import ChatQuestioner, body_of, read_reply
from bench.records.judging import Question
from bench.records.serving import Endpoint
from bench.records.spec import Message

KEY = "sk-a-rather-long-secret-0123456789"
YES_NO = Question(
    messages=(Message(role="user", content="<answer-ab>\nIce is cold.\n</answer-ab>\nStatement: ice\nReply with one word: Yes or No."),),
    prefix="Answer:", top_logprobs=20, seed=3,
)  # fmt: skip


def ask(endpoint, *questions, credential=None, **settings):
    async def all_of_them():
        questioner = ChatQuestioner(endpoint, credential, **{"timeout_s": 5.0} | settings)
        try:
            return [await questioner.ask(question) for question in questions]
        finally:
            await questioner.close()

    return asyncio.run(all_of_them())


def test_a_label_comes_with_its_alternatives_usage_and_the_servers_own_clock():
    with scripted_judge(good({"ice": ["cold"]})) as judge:
        (reply,) = ask(judge.endpoint(), YES_NO)
        (seen,) = judge.log
    assert (reply.text, reply.failure) == (" Yes", None)
    assert [each.token for each in reply.tokens] == [" Yes"]
    assert dict(reply.tokens[0].alternatives)["yes"] < dict(reply.tokens[0].alternatives)[" Yes"] < 0
    assert reply.usage.counted_by == "server"
    assert reply.server_timings.prompt_n + reply.server_timings.cache_n == reply.usage.prompt_tokens
    assert seen.prefix == "Answer:"
    assert (seen.body["top_logprobs"], seen.body["temperature"], seen.body["seed"], seen.body["max_tokens"]) == (20, 0.0, 3, 1)


def test_the_same_connection_is_used_again():
    with scripted_judge() as judge:
        replies = ask(judge.endpoint(), *[YES_NO] * 3)
    assert [reply.failure for reply in replies] == [None] * 3


def message(text, **more):
    return {"choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop", **more}]}


def read(value, question=YES_NO, credential=None):
    return read_reply(json.dumps(value).encode(), question, credential)


def test_a_server_that_repeats_the_beginning_is_told_without_it():
    assert read(message("Answer: no")).text == " no"
    assert read(message(" no")).text == " no"


def test_a_token_that_ends_the_answer_is_an_answer():
    content = [{"token": "<|im_end|>", "logprob": -0.1, "top_logprobs": [{"token": "<|im_end|>", "logprob": -0.1}]}]
    reply = read(message("", logprobs={"content": content}))
    assert (reply.text, reply.failure, reply.tokens[0].token) == ("", None, "<|im_end|>")
    assert read(message("")).failure.kind == "empty"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"token": "a", "logprob": None}, None),
        ({"token": 5, "logprob": -1.0}, None),
        ("a", None),
        ({"token": "a", "logprob": float("-inf")}, -1e4),
        ({"token": "a", "logprob": 0.7}, 0.0),
        ({"token": "a", "logprob": -1}, -1.0),
        ({"token": "a", "logprob": True}, None),
    ],
)
def test_log_probabilities_that_make_no_sense_are_left_out(given, kept):
    found = read(message("a", logprobs={"content": [{"token": "a", "logprob": -1.0, "top_logprobs": [given]}]}))
    assert dict(found.tokens[0].alternatives).get("a") == kept


@pytest.mark.parametrize("logprobs", [None, [], {"content": None}, {"content": "x"}, {"content": [{"token": "a"}]}, {"content": [3]}])
def test_without_log_probabilities_there_are_no_tokens(logprobs):
    assert read(message("a", logprobs=logprobs)).tokens == ()


def test_no_more_alternatives_are_kept_than_were_asked_for():
    many = [{"token": str(n), "logprob": -1.0} for n in range(50)]
    found = read(message("a", logprobs={"content": [{"token": "a", "logprob": -1.0, "top_logprobs": many}] * 200}))
    assert (len(found.tokens), len(found.tokens[0].alternatives)) == (64, 20)


def test_a_secret_that_a_server_repeats_is_not_kept():
    content = [{"token": KEY, "logprob": -0.1, "top_logprobs": [{"token": f" {KEY}", "logprob": -0.1}]}]
    told = read(message(f"your key is {KEY}", logprobs={"content": content}), credential=KEY)
    assert KEY not in repr(told)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [("500", "server"), ("503", "server"), ("401", "authentication"), ("404", "bad_request"), ("429", "rate_limit"), ("garbage", "protocol"),
     ("disconnect", "protocol"), ("empty", "empty"), ("null_content", "empty")],
)  # fmt: skip
def test_every_fault_is_a_failure_and_never_an_exception(fault, kind):
    with scripted_judge(constant(), fault=fault, logprobs=0) as judge:
        (reply,) = ask(judge.endpoint(), YES_NO)
    assert reply.failure.kind == kind


def test_what_passes_is_tried_again_and_what_does_not_is_not():
    with scripted_judge(constant(), fault="500", fault_first=1) as judge:
        (reply,) = ask(judge.endpoint(), YES_NO, retries=1)
        assert (reply.failure, len(judge.log)) == (None, 2)
    with scripted_judge(constant(), fault="401") as judge:
        ask(judge.endpoint(), YES_NO, retries=3)
        assert len(judge.log) == 1


def test_a_question_that_does_not_fit_is_told_apart():
    with scripted_judge(constant(), context=8) as judge:
        (reply,) = ask(judge.endpoint(), YES_NO)
    assert reply.failure.kind == "context_length"


def test_silence_ends():
    with scripted_judge(constant(), delay_s=30.0) as judge:
        (reply,) = ask(judge.endpoint(), YES_NO, timeout_s=0.2)
    assert reply.failure.kind == "timeout"


def test_nobody_there_is_unreachable():
    (reply,) = ask(refusing_endpoint(), YES_NO, credential=KEY)
    assert reply.failure.kind == "unreachable"
    assert KEY not in reply.failure.message


def test_a_redirect_is_not_followed_with_the_key():
    requests = []

    def redirect(send, request, _n):
        requests.append(request)
        send(plain(b"", f"Location: {base_url}/elsewhere", status="307 Elsewhere"))

    with raw_server(redirect) as base_url:
        (reply,) = ask(Endpoint(base_url=base_url, served_model="m", owned=False), YES_NO, credential=KEY)
    assert (reply.failure.status, len(requests)) == (307, 1)


def test_a_proxy_of_the_environment_is_not_used(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    with scripted_judge(constant()) as judge:
        (reply,) = ask(judge.endpoint(), YES_NO)
    assert reply.failure is None


def test_dialects_ask_for_a_begun_answer_only_where_there_is_one():
    plain = Question(messages=(Message(role="user", content="?"),))
    body, foreign = body_of(YES_NO, {"continue_final_message": True, "chat_template_kwargs": {"enable_thinking": False}})
    assert body["messages"][-1] == {"role": "assistant", "content": "Answer:"}
    assert foreign["continue_final_message"] is True
    _, foreign = body_of(plain, {"continue_final_message": True, "chat_template_kwargs": {"enable_thinking": False}})
    assert foreign == {"chat_template_kwargs": {"enable_thinking": False}}


def test_a_schema_is_sent_as_one():
    body, _ = body_of(Question(messages=(), json_schema={"type": "object"}, max_tokens=9), {})
    assert body["response_format"]["json_schema"]["schema"] == {"type": "object"}
    assert "logprobs" not in body
    assert "seed" not in body

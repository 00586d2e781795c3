"""Servers whose JSON is not as it should be: a model is never blamed for its server's bookkeeping, and no secret or endless text is kept."""

import json

import pytest
from harness.calls import ask
from harness.raw_server import STREAM, chunk, event, plain, raw_server

from bench.providers import chat_chunks
from bench.providers.wire import sse
from bench.records.exchange import Completion, Failure
from bench.records.serving import Endpoint

LAST = chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n"
SECRET = "sk-do-not-store-me-91c2"  # noqa: S105 - made up, to look for it afterwards


def outcome_of(*events, whole=None, credential=None):
    def say(send, request, _n):
        body = whole(request) if callable(whole) else whole
        send(body or STREAM + b"".join(chunk(one) for one in events) + LAST)

    with raw_server(say) as base_url:
        return ask(Endpoint(base_url=base_url, served_model="m", owned=False), credential=credential)[0].outcome


def streamed(value):
    return b"data: " + (value if isinstance(value, bytes) else json.dumps(value).encode()) + b"\n\n"


@pytest.mark.parametrize(
    ("usage", "prompt_tokens", "completion_tokens", "counted_by"),
    [
        (b'{"prompt_tokens": 5.0, "completion_tokens": 7.0}', 5, 7, "server"),
        (b'{"prompt_tokens": "5", "completion_tokens": 7}', None, 7, "server"),
        (b'{"prompt_tokens": 1e308, "completion_tokens": 7}', None, 7, "server"),
        (b'{"prompt_tokens": NaN, "completion_tokens": 7}', None, 7, "server"),
        (b'{"prompt_tokens": 5, "completion_tokens": 7, "prompt_tokens_details": "none"}', 5, 7, "server"),
        (b'{"prompt_tokens": -5, "completion_tokens": -7}', None, 2, "estimate"),
        (b'{"prompt_tokens": 5, "completion_tokens": %b}' % (b"9" * 400), 5, 2, "estimate"),
        (b'{"prompt_tokens": true, "completion_tokens": false}', None, 2, "estimate"),
        (b"[1, 2]", None, 2, "estimate"),
    ],
)
def test_counts_that_cannot_be_are_unknown(usage, prompt_tokens, completion_tokens, counted_by):
    outcome = outcome_of(event("hi"), event(" you"), b'data: {"choices": [], "usage": %b}\n\n' % usage)
    assert isinstance(outcome, Completion)
    assert outcome.text == "hi you"
    found = outcome.usage
    assert (found.prompt_tokens, found.completion_tokens, found.counted_by) == (prompt_tokens, completion_tokens, counted_by)


def test_clocks_that_cannot_be_are_unknown():
    timings = b'{"prompt_n": -4, "prompt_ms": 1e308, "predicted_n": 2, "predicted_ms": "fast", "cache_n": 1e400}'
    outcome = outcome_of(event("hi"), b'data: {"choices": [], "timings": %b}\n\n' % timings)
    assert isinstance(outcome, Completion)
    assert outcome.server_timings is not None
    assert (outcome.server_timings.prompt_n, outcome.server_timings.prompt_ms, outcome.server_timings.predicted_ms) == (None, None, None)
    assert outcome.usage.completion_tokens == 2


def test_halves_of_a_character_are_put_together():
    outcome = outcome_of(event("a \\ud83d"), event("\\ude00 b \\ud83d c"))
    assert isinstance(outcome, Completion)
    assert outcome.text == "a \U0001f600 b \ufffd c"


def test_names_are_bounded():
    outcome = outcome_of(streamed({"model": "m" * 1_000_000, "choices": [{"delta": {"content": "a"}, "finish_reason": "f" * 100_000}]}))
    assert isinstance(outcome, Completion)
    assert len(outcome.served_model or "") <= 200
    assert len(outcome.finish_reason or "") <= 200
    numbered = outcome_of(streamed({"model": 5, "choices": [{"delta": {"content": "a"}}]}))
    assert isinstance(numbered, Completion)


def test_text_and_events_are_bounded(monkeypatch):
    monkeypatch.setattr(chat_chunks, "MOST_TEXT", 1000)
    long = outcome_of(event("y" * 600), event("y" * 600))
    assert isinstance(long, Failure)
    assert (long.kind, long.message) == ("protocol", "the answer's text has 1200 characters, more than 1000")
    monkeypatch.setattr(sse, "MOST_EVENTS", 10)
    for separator in (b"\n\n", b"\r\n\r\n"):
        many = outcome_of(*[b"data: {}" + separator] * 11)
        assert isinstance(many, Failure)
        assert (many.kind, many.message) == ("protocol", "the answer has more than 10 events")


@pytest.mark.parametrize(
    "body",
    [
        b"<html>Please log in</html>",
        b"\x1f\x8b\x08" * 90,
        b'{"error":' + b"[" * 100_000,
        b"data: " + b"[" * 100_000,
        b'data: {"choices": {"0": 1}}\n\n',
    ],
    ids=["a page", "compressed", "deep object", "deep event", "other shape"],
)
def test_what_is_no_chat_answer_is_a_protocol_failure(body):
    outcome = outcome_of(whole=plain(body, kind="text/html"))
    assert isinstance(outcome, Failure)
    assert outcome.kind == "protocol"
    assert len(outcome.message) < 600


@pytest.mark.parametrize("body", [b'{"error":' + b"[" * 900 + b"]" * 900 + b"}", b'{"error":{"message":"x","code":' + b"9" * 5000 + b"}}"])
def test_absurd_error_objects_are_still_the_servers_failure(body):
    outcome = outcome_of(whole=plain(body, status="500 Oh"))
    assert isinstance(outcome, Failure)
    assert (outcome.kind, len(outcome.message) < 600) == ("server", True)


def authorization(request):
    return next(line for line in request.split(b"\r\n") if line.startswith(b"Authorization"))


@pytest.mark.parametrize(
    "answer",
    [
        lambda request: STREAM + chunk(event(authorization(request).decode())) + LAST,
        lambda _request: STREAM + chunk(streamed({"model": SECRET, "choices": [{"delta": {"content": "a", "reasoning": SECRET}}]})) + LAST,
        lambda request: plain(request, status="500 Oh"),
        lambda request: plain(request, kind="text/html"),
        lambda request: plain(b"<p>" + authorization(request)[:30] + b"</p>", status="403 No"),
        authorization,
        lambda request: b"HTTP/1.1 200 OK\r\n" + authorization(request).replace(b":", b"") + b"\r\n\r\n",
    ],
)
def test_a_key_that_a_server_sends_back_is_kept_nowhere(answer):
    outcome = outcome_of(whole=answer, credential=SECRET)
    assert "sk-do-no" not in repr(outcome)


def test_a_placeholder_for_a_key_stays_a_word():
    outcome = outcome_of(event("ask ollama"), credential="ollama")
    assert isinstance(outcome, Completion)
    assert outcome.text == "ask ollama"

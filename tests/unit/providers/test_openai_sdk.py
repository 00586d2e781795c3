import gzip

import pytest
from harness.calls import ask, request
from harness.mock_llm import mock_llm, refusing_endpoint
from harness.raw_server import STREAM, chunk, event, raw_server

from bench.providers import openai_sdk
from bench.providers.mock_behaviour import words
from bench.providers.openai_sdk import OpenAISdk
from bench.records.exchange import Completion, Failure
from bench.records.serving import Endpoint


def answer_to(fault, *, timeout_s=5.0, stream=True, **settings):
    with mock_llm(fault=fault, **settings) as server:
        return ask(server.endpoint(), request(stream=stream), timeout_s=timeout_s, make=OpenAISdk)[0]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("429", "rate_limit"), ("500", "server"), ("400", "bad_request"), ("401", "authentication"), ("context", "context_length"),
        ("hang", "timeout"), ("hang-mid", "timeout"), ("disconnect", "protocol"), ("disconnect-mid", "protocol"), ("badjson", "protocol"),
        ("error-event", "server"), ("empty-choices", "empty"),
    ],
)  # fmt: skip
def test_the_sdks_exceptions_become_failure_kinds(fault, kind):
    assert answer_to(fault, timeout_s=0.2 if kind == "timeout" else 5.0).outcome.kind == kind


def test_a_refused_connection_is_unreachable():
    assert ask(refusing_endpoint(), make=OpenAISdk)[0].outcome.kind == "unreachable"


@pytest.mark.parametrize("stream", [True, False])
def test_the_sdk_reads_the_same_answer_as_the_wire(stream):
    exchange = answer_to("reasoning", stream=stream, timings=True)
    assert exchange.outcome.reasoning + exchange.outcome.text == "".join(words(8))
    assert exchange.outcome.usage.cached_tokens == 4
    assert exchange.outcome.server_timings.predicted_n == 8
    assert len(exchange.timing.token_s) == (8 if stream else 0)
    assert exchange.timing.stamped_by == "process"


def test_fields_that_the_sdk_does_not_know_are_sent_all_the_same():
    with mock_llm() as server:
        ask(server.endpoint(owned=True), request(ignore_eos=True, cache="bypass"), make=OpenAISdk)
        body = server.log[0].body
    assert body["ignore_eos"] is True
    assert body["cache_prompt"] is False


def test_an_oddly_counting_server_is_not_the_models_fault_and_an_endless_one_is_left(monkeypatch):
    odd = b'data: {"choices": [], "usage": {"prompt_tokens": "x", "completion_tokens": -3}}\n\n'
    with raw_server(lambda send, *_: send(STREAM + chunk(event("hi") + odd + b"data: [DONE]\n\n") + chunk(b""))) as base_url:
        (exchange,) = ask(Endpoint(base_url=base_url, served_model="m", owned=False), make=OpenAISdk)
    assert isinstance(exchange.outcome, Completion)
    assert (exchange.outcome.text, exchange.outcome.usage.prompt_tokens) == ("hi", None)

    def endless(send, *_):
        send(STREAM)
        while True:
            send(chunk(event("hi")))

    monkeypatch.setattr(openai_sdk, "MOST_EVENTS", 100)
    with raw_server(endless) as base_url:
        (exchange,) = ask(Endpoint(base_url=base_url, served_model="m", owned=False), make=OpenAISdk)
    assert isinstance(exchange.outcome, Failure)
    assert (exchange.outcome.kind, "100 events" in exchange.outcome.message) == ("protocol", True)


@pytest.mark.parametrize("kind", ["one event", "plain", "packed"])
def test_an_answer_without_end_is_left_where_the_wire_leaves_it(monkeypatch, kind):
    monkeypatch.setattr(openai_sdk, "BODY_LIMIT_BYTES", 100_000)
    part = b"x" * 50_000

    def endless(send, *_):
        if kind == "packed":
            body = gzip.compress(b"data: " + b"x" * 1_000_000)
            send(STREAM.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n") + chunk(body) + chunk(b""))
            return
        send(STREAM if kind == "one event" else STREAM.replace(b"text/event-stream", b"application/json"))
        while True:
            send(chunk(part))

    with raw_server(endless) as base_url:
        (exchange,) = ask(Endpoint(base_url=base_url, served_model="m", owned=False), request(stream=kind != "plain"), make=OpenAISdk)
    assert isinstance(exchange.outcome, Failure)
    assert (exchange.outcome.kind, "larger than 100000 bytes" in exchange.outcome.message) == ("protocol", True), exchange.outcome

import time

import msgspec
import pytest
from harness.calls import ask, request
from harness.mock_llm import mock_llm, refusing_endpoint

from bench.clock import Clock
from bench.providers.dialects import unmet, with_unmet
from bench.providers.mock_behaviour import words
from bench.providers.openai_chat import OpenAIChat
from bench.records.exchange import Completion, Failure
from bench.records.serving import Endpoint, ModelStatus, Server
from bench.records.spec import Generation, ModelSpec, Spec, Variant

TEXT = "".join(words(8))


def answer_to(fault, *, timeout_s=5.0, stream=True, **settings):
    with mock_llm(fault=fault, **settings) as server:
        return ask(server.endpoint(), request(stream=stream), timeout_s=timeout_s)[0]


@pytest.mark.parametrize(
    ("fault", "kind", "status", "words_of_it"),
    [
        ("429", "rate_limit", 429, "Rate limit reached"),
        ("500", "server", 500, "something broke"),
        ("503", "server", 503, "overloaded"),
        ("400", "bad_request", 400, "must be a number"),
        ("401", "authentication", 401, "Incorrect API key"),
        ("context", "context_length", 400, "context size"),
        ("memory", "out_of_memory", 500, "out of memory"),
        ("disconnect", "protocol", None, "before it answered"),
        ("disconnect-mid", "protocol", 200, "in the middle"),
        ("rst", "protocol", None, "before it answered"),
        ("garbage", "protocol", None, "220 mail"),
        ("badjson", "protocol", 200, "event 6"),
        ("empty-choices", "empty", 200, "without any text"),
        ("empty-delta", "empty", 200, "'stop'"),
        ("error-event", "server", 200, "the slot was lost"),
        ("cut", "protocol", 200, "cut off"),
        ("length", "protocol", 200, "in the middle"),
        ("gzip", "protocol", None, "compressed"),
    ],
)
def test_each_fault_ends_in_its_failure_kind(fault, kind, status, words_of_it):
    exchange = answer_to(fault)
    assert isinstance(exchange.outcome, Failure)
    assert (exchange.outcome.kind, exchange.outcome.status) == (kind, status)
    assert words_of_it in exchange.outcome.message
    assert exchange.timing.sent_s <= exchange.timing.finished_s


@pytest.mark.parametrize("fault", ["hang", "hang-mid"])
def test_a_server_that_falls_silent_is_a_timeout_of_the_whole_answer(fault):
    started = time.perf_counter()
    exchange = answer_to(fault, timeout_s=0.1)
    assert exchange.outcome.kind == "timeout"
    assert 0.1 <= exchange.timing.finished_s - exchange.timing.sent_s < 30  # where no time were kept, it would never end
    assert time.perf_counter() - started < 60


@pytest.mark.parametrize(
    "fault", ["none", "slow-headers", "no-done", "split", "comment", "crlf", "no-chunked", "message", "usage-every", "not-streamed"]
)
def test_odd_but_whole_answers_are_read_alike(fault):
    exchange = answer_to(fault)
    assert isinstance(exchange.outcome, Completion)
    assert exchange.outcome.text == TEXT
    assert exchange.outcome.finish_reason == "stop"
    assert exchange.outcome.served_model == "mock"
    usage = exchange.outcome.usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.counted_by) == (11, 8, "server")
    assert len(exchange.timing.token_s) == (0 if fault == "not-streamed" else 8)


def test_reasoning_counts_as_first_token_and_stands_apart():
    exchange = answer_to("reasoning")
    assert exchange.outcome.reasoning == "".join(words(4))
    assert exchange.outcome.text == TEXT[len(exchange.outcome.reasoning) :]
    assert len(exchange.timing.token_s) == 8


def test_missing_usage_is_an_estimate_and_marked_so():
    streamed, whole = answer_to("no-usage"), answer_to("no-usage", stream=False)
    assert (streamed.outcome.usage.completion_tokens, streamed.outcome.usage.counted_by) == (8, "estimate")
    assert (whole.outcome.usage.completion_tokens, whole.outcome.usage.counted_by) == ((len(TEXT) + 3) // 4, "estimate")


def test_an_answer_that_is_not_streamed_has_no_token_times():
    exchange = answer_to("none", stream=False)
    assert exchange.outcome.text == TEXT
    assert exchange.timing.token_s == ()
    assert exchange.timing.first_token_s is None
    assert exchange.timing.first_byte_s is not None


def test_the_servers_own_timings_and_cached_tokens_are_kept():
    outcome = answer_to("none", timings=True).outcome
    assert outcome.server_timings.predicted_n == 8
    assert outcome.usage.cached_tokens == 4


def test_retry_after_is_read_as_seconds_or_as_a_date_without_a_date_to_compare():
    assert answer_to("429", retry_after="7").outcome.retry_after_s == 7
    assert answer_to("429", retry_after="Wed, 21 Oct 2026 07:28:00 GMT").outcome.retry_after_s is None


def test_a_refused_connection_is_unreachable_at_once():
    started = time.perf_counter()
    exchange = ask(refusing_endpoint(), timeout_s=60.0)[0]
    assert exchange.outcome.kind == "unreachable"
    assert "nothing listens" in exchange.outcome.message
    assert time.perf_counter() - started < 50


def test_a_name_that_does_not_resolve_is_unreachable():
    exchange = ask(Endpoint(base_url="http://no-such-host.invalid:9/v1", served_model="m", owned=False))[0]
    assert exchange.outcome.kind == "unreachable"
    assert "no-such-host.invalid" in exchange.outcome.message


def test_one_connection_serves_streamed_answers_and_its_setup_is_timed_apart():
    with mock_llm() as server:
        exchanges = ask(server.endpoint(), *[request() for _ in range(4)])
        assert server.n_connections == 1
    assert [exchange.timing.connect_s is None for exchange in exchanges] == [False, True, True, True]


def test_a_kept_connection_that_the_server_has_closed_is_replaced_silently():
    with mock_llm() as server:
        first, second, third = ask(server.endpoint(), request(), request("[[fault=no-chunked]]"), request())
        assert server.n_connections == 2
    assert all(isinstance(one.outcome, Completion) for one in (first, second, third))


def test_an_error_answer_keeps_the_connection():
    with mock_llm(fault="500", fault_first=2) as server:
        *failed, last = ask(server.endpoint(), request(), request(), request())
        assert server.n_connections == 1
    assert [one.outcome.kind for one in failed] == ["server", "server"]
    assert isinstance(last.outcome, Completion)


def test_stamps_keep_the_order_of_the_servers_sends():
    with mock_llm(ttft_ms=10, itl_ms=2, role_at_once=True) as server:
        clock = Clock()
        timing = ask(server.endpoint(), make=lambda endpoint, credential, _: OpenAIChat(endpoint, credential, clock))[0].timing
        truth = server.log[0]
    sends = [(stamp - clock.zero_ns) * 1e-9 for stamp in truth.sends_ns]
    slack = 2e-4  # the offset between the kernel's and the process's clock is known to some microseconds
    assert timing.sent_s < timing.first_byte_s < timing.first_token_s
    assert all(sent - slack <= seen for sent, seen in zip(sends, timing.token_s, strict=True))
    assert timing.token_s[-1] == timing.last_token_s <= timing.finished_s
    assert timing.first_token_s - timing.sent_s > 0.009


def test_chunks_of_one_write_share_a_stamp():
    timing = answer_to("none", itl_ms=30, n=6, chunks_per_write=3).timing
    assert len(timing.token_s) == 6
    assert timing.token_s[3] - timing.token_s[2] > 0.02


def test_the_body_says_what_the_request_says_and_nothing_more():
    with mock_llm() as server:
        full = request("Hi", temperature=0.0, max_tokens=9, stop=("x",), ignore_eos=True)
        ask(server.endpoint(), full, request("Hi", stream=False), credential="key-1")
        first, second = server.log
    assert first.headers["authorization"] == "Bearer key-1"
    assert first.headers["accept-encoding"] == "identity"
    assert first.body == {
        "model": "mock", "messages": [{"role": "user", "content": "Hi"}], "stream": True, "stream_options": {"include_usage": True},
        "temperature": 0.0, "max_tokens": 9, "stop": ["x"], "ignore_eos": True,
    }  # fmt: skip
    assert second.body == {"model": "mock", "messages": [{"role": "user", "content": "Hi"}], "stream": False}


def test_bypassing_the_cache_asks_an_owned_server_and_changes_the_prompt_of_another():
    with mock_llm() as server:
        ask(server.endpoint(owned=True), request("Hi", cache="bypass"), request("Hi", cache="bypass"))
        ask(server.endpoint(), request("Hi", cache="bypass"), request("Hi", cache="bypass"))
        owned, again, foreign, other = (one.body for one in server.log)
    assert owned["cache_prompt"] is False
    assert owned["cache_salt"] != again["cache_salt"]
    assert owned["messages"] == [{"role": "user", "content": "Hi"}]
    assert foreign["messages"][0]["content"].endswith("\nHi")
    assert foreign["messages"] != other["messages"]
    assert "cache_prompt" not in foreign


@pytest.mark.parametrize(
    ("dialect", "fields", "is_salted"),
    [
        ("llama.cpp", {"ignore_eos": True, "cache_prompt": False}, False),
        ("vllm", {"ignore_eos": True, "cache_salt": "…"}, False),
        ("sglang", {"ignore_eos": True}, True),
        ("ollama", {}, True),
        ("lm-studio", {}, True),
        ("openai", {}, True),
    ],
)
def test_a_server_is_asked_for_what_its_own_documentation_has_and_no_more(dialect, fields, is_salted):
    told = Server(name="A server", dialect=dialect, evidence="a test")
    with mock_llm() as server:
        ask(msgspec.structs.replace(server.endpoint(owned=True), server=told), request("Hi", ignore_eos=True, cache="bypass"))
        body = server.log[0].body
    known = {"model", "messages", "stream", "stream_options"}
    assert {name: "…" if name == "cache_salt" else value for name, value in body.items() if name not in known} == fields
    assert (body["messages"][0]["content"] != "Hi") == is_salted


def test_what_a_server_is_not_asked_for_stands_in_its_row():
    endpoint = msgspec.structs.replace(refusing_endpoint(), server=Server(name="Ollama", dialect="ollama", evidence="a test"))
    variants = (Variant(id="long", generation=Generation(ignore_eos=True)), Variant(id="short"))
    spec = Spec(
        bench=1, name="s", version="1", digest="d", models=(ModelSpec(id="m", runtime="external"),), prompts=(), variants=variants, cache="bypass"
    )
    status = ModelStatus(model_id="m", variant_id="long", treatment_digest="d", state="served", endpoint=endpoint, notes=("first",))
    notes = with_unmet(spec, status).notes
    assert notes[1] == "`ignore_eos` was not sent: Ollama documents no such field, so answers end where the model ends them"
    assert notes[2].startswith("`cache: bypass` is a random line before each prompt")
    assert len(with_unmet(spec, msgspec.structs.replace(status, variant_id="short")).notes) == 2
    assert with_unmet(spec, msgspec.structs.replace(status, endpoint=None)).notes == ("first",)


def test_a_server_that_nobody_looked_at_is_asked_as_the_spec_says():
    wanted = Generation(ignore_eos=True)
    assert list(unmet(wanted, "bypass", refusing_endpoint())) == []
    unknown = msgspec.structs.replace(refusing_endpoint(), server=Server(name="unknown", dialect="openai", evidence="a test"))
    assert "this server documents no such field" in next(unmet(wanted, "allow", unknown))
    assert list(unmet(Generation(), "allow", unknown)) == []


def test_a_credential_never_stands_in_a_message():
    with mock_llm(fault="401") as server:
        server.behave(fault="401")
        outcome = ask(server.endpoint(), credential="Incorrect")[0].outcome
    assert "Incorrect" not in outcome.message
    assert "***" in outcome.message


@pytest.mark.parametrize("credential", ["key\r\nX-Other: 1", "schlüssel"])
def test_a_credential_that_cannot_stand_in_a_head_is_refused_without_being_shown(credential):
    with pytest.raises(ValueError, match="character that cannot stand") as caught:
        OpenAIChat(refusing_endpoint(), credential, Clock())
    assert credential not in str(caught.value)


def test_base_urls_with_a_password_are_refused():
    with pytest.raises(ValueError, match="api_key"):
        OpenAIChat(Endpoint(base_url="http://user:secret@127.0.0.1/v1", served_model="m", owned=False), None, Clock())

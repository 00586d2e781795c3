"""Ollama's own chat API over real sockets: lines however they are cut, its errors, its clock, and what is asked of it."""

import time

import pytest
from harness.calls import ask, request
from harness.ollama_server import DURATIONS, HEAD, PIECES, chunked, last, line, ollama
from harness.raw_server import plain

from bench.clock import Clock
from bench.metrics.prefill_tps import PrefillTokensPerSecond
from bench.metrics.server_decode_tps import ServerDecodeTokensPerSecond
from bench.providers import chat_chunks
from bench.providers.ollama_chat import OllamaChat
from bench.providers.wire import lines
from bench.records.exchange import Completion, Failure, ServerTimings, Usage
from bench.records.serving import Endpoint, Server
from bench.records.sketch import observation

TEXT = "".join(PIECES)
END = b"0\r\n\r\n"
WHOLE = [*[line(piece) for piece in PIECES], last()]


def exchange_of(*writes, pause_s=0.0, closes=False, stream=True, credential=None, timeout_s=5.0):
    """The exchange with a server that writes these bytes, one after the other."""

    def chat(_body, send):
        for n, data in enumerate(writes):
            time.sleep(pause_s if n else 0)
            send(data)
        return not closes

    with ollama(chat=chat) as server:
        return ask(server.endpoint(), request(stream=stream), make=OllamaChat, credential=credential, timeout_s=timeout_s)[0]


def failure_of(*writes, **settings):
    outcome = exchange_of(*writes, **settings).outcome
    assert isinstance(outcome, Failure)
    return outcome


def test_a_stream_is_read_with_its_counts_and_the_server_s_own_clock():
    with ollama() as server:
        exchange = ask(server.endpoint(), make=OllamaChat)[0]
    assert exchange.outcome == Completion(
        text=TEXT,
        finish_reason="stop",
        usage=Usage(prompt_tokens=26, completion_tokens=5, counted_by="server"),
        served_model="m:latest",
        server_timings=ServerTimings(prompt_ms=383.809, predicted_n=5, predicted_ms=400.0, load_ms=2.154458),
    )
    timing = exchange.timing
    assert timing.chunks == 4
    assert timing.scheduled_s <= timing.sent_s <= timing.first_byte_s <= timing.first_token_s <= timing.last_token_s <= timing.finished_s


def test_no_token_is_stamped_before_its_line_was_sent():
    clock = Clock()
    with ollama(pause_s=0.02) as server:
        exchange = ask(server.endpoint(), make=lambda endpoint, credential, _: OllamaChat(endpoint, credential, clock))[0]
        first_s = (server.sent_ns[0] - clock.zero_ns) * 1e-9
        last_s = (server.sent_ns[-1] - clock.zero_ns) * 1e-9
    assert first_s <= exchange.timing.first_token_s < last_s <= exchange.timing.last_token_s


def test_metrics_of_the_server_s_clock_work():
    outcome = exchange_of(HEAD, *map(chunked, WHOLE), END).outcome
    seen = observation(server_timings=outcome.server_timings, prompt_tokens=outcome.usage.prompt_tokens, cached_tokens=None, bypass_cache=True)
    assert ServerDecodeTokensPerSecond().measure(seen) == (4, 0.4)
    assert PrefillTokensPerSecond().measure(seen) == (26, 0.383809)
    # The count has cached tokens in it, and nobody says how many: no speed of reading is made up.
    assert PrefillTokensPerSecond().measure(observation(server_timings=outcome.server_timings, prompt_tokens=26, cached_tokens=None)) is None


@pytest.mark.parametrize(
    "writes",
    [
        (HEAD, *map(chunked, WHOLE), END),
        (HEAD + b"".join(map(chunked, WHOLE)) + END,),
        (HEAD, chunked(WHOLE[0] + WHOLE[1]), chunked(WHOLE[2] + WHOLE[3] + WHOLE[4]), END),
        (HEAD, chunked(WHOLE[0][:30]), chunked(WHOLE[0][30:] + WHOLE[1][:-1]), chunked(b"\n" + b"".join(WHOLE[2:])), END),
        (HEAD, *[chunked(one[:-1] + b"\r\n") for one in WHOLE], END),
        (HEAD, chunked(b"\n \n"), *map(chunked, WHOLE), chunked(b"\n"), END),
        (HEAD, chunked(b"".join(WHOLE)[:-1]), END),
        (HEAD + chunked(WHOLE[0])[:9], chunked(WHOLE[0])[9:], *map(chunked, WHOLE[1:]), END),
    ],
    ids=["a line each", "one segment", "several lines in a chunk", "lines over chunks", "CRLF", "blank lines", "no last line feed", "a cut segment"],
)
def test_lines_are_read_alike_however_they_are_cut(writes):
    exchange = exchange_of(*writes)
    assert isinstance(exchange.outcome, Completion)
    assert exchange.outcome.text == TEXT
    assert exchange.outcome.usage.completion_tokens == 5
    assert (exchange.timing.chunks, len(exchange.timing.gaps_us)) == (4, 3)


def test_every_cut_of_the_bytes_into_two_segments_is_read_alike():
    every = HEAD + b"".join(map(chunked, WHOLE)) + END
    for at in range(len(HEAD) - 2, len(every), 83):
        outcome = exchange_of(every[:at], every[at:], pause_s=0.002).outcome
        assert isinstance(outcome, Completion), at
        assert outcome.text == TEXT


def test_a_line_that_comes_in_two_segments_has_come_with_the_second():
    data = chunked(WHOLE[0])
    exchange = exchange_of(HEAD + data[:40], data[40:], b"".join(map(chunked, WHOLE[1:])) + END, pause_s=0.03)
    assert exchange.timing.first_token_s > exchange.timing.first_byte_s
    assert exchange.timing.gaps_us[1:] == (0, 0)


@pytest.mark.parametrize("usual", [True, False])
def test_thinking_stands_apart_and_counts_as_the_first_token(usual):
    thoughts = [line(thinking="Hm. "), line(thinking="France."), *WHOLE]
    exchange = exchange_of(HEAD, *(map(chunked, thoughts) if usual else [chunked(b"".join(thoughts))]), END)
    assert (exchange.outcome.reasoning, exchange.outcome.text) == ("Hm. France.", TEXT)
    assert exchange.timing.chunks == 6


def test_an_answer_that_is_not_streamed_has_no_token_times():
    with ollama() as server:
        exchange = ask(server.endpoint(), request(stream=False), make=OllamaChat)[0]
    assert exchange.outcome.text == TEXT
    assert exchange.outcome.server_timings.predicted_n == 5
    assert (exchange.timing.chunks, exchange.timing.first_token_s) == (0, None)
    assert exchange.timing.first_byte_s is not None


def test_a_long_answer_that_is_not_streamed_comes_in_chunks_too():
    body = last()
    exchange = exchange_of(HEAD.replace(b"x-ndjson", b"json"), chunked(body[:50]), chunked(body[50:]), END, stream=False)
    assert exchange.outcome.kind == "empty"
    assert exchange.outcome.message == "the server answered without any text (finish reason 'stop')"


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        ("404 Not Found", "model 'm' not found", "bad_request"),
        ("400 Bad Request", "the input length exceeds the context length", "context_length"),
        ("500 Oh", "model requires more system memory (9.1 GiB) than is available (2.0 GiB)", "out_of_memory"),
        ("503 Busy", "server busy, please try again. maximum pending requests exceeded", "server"),
        ("401 No", "unauthorized", "authentication"),
    ],
)
def test_its_refusals_are_failures_of_their_kind_with_its_words(status, words, kind):
    found = failure_of(plain(b'{"error":"%b"}' % words.encode(), status=status))
    assert (found.kind, found.status) == (kind, int(status[:3]))
    assert found.message == f"HTTP {status[:3]}: {words}"


@pytest.mark.parametrize("said", [WHOLE[:2], []], ids=["after two lines", "at once"])
def test_an_error_in_the_stream_is_the_answer_s_end(said):
    error = b'{"error":"llama runner process no longer running: CUDA error: out of memory"}\n'
    found = failure_of(HEAD, *map(chunked, said), chunked(error), END)
    assert (found.kind, found.status) == ("out_of_memory", 200)
    assert "llama runner process no longer running" in found.message


def test_streams_that_are_cut_off_are_no_answers():
    without_end = failure_of(HEAD, *map(chunked, WHOLE[:3]), END)
    assert (without_end.kind, without_end.message) == ("protocol", "the answer ended before its last line (`done`): it is cut off")
    broken = failure_of(HEAD, *map(chunked, WHOLE[:3]), closes=True)
    assert (broken.kind, broken.status) == ("protocol", 200)
    assert "in the middle of its answer" in broken.message
    by_connection = HEAD.replace(b"Transfer-Encoding: chunked", b"Connection: close")
    assert failure_of(by_connection, *WHOLE[:4], closes=True).message == without_end.message
    assert exchange_of(by_connection, *WHOLE, closes=True).outcome.text == TEXT
    assert failure_of(HEAD, chunked(WHOLE[0]), timeout_s=0.1).kind == "timeout"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"<html>Please log in</html>\n", "line 1 of the answer is none of Ollama's chat API"),
        (b'{"message":' + b"[" * 100_000 + b"\n", "line 1"),
        (b'{"message":{"content":5}}\n', "line 1"),
        (WHOLE[0] + b'{"done": tr\n', "line 2"),
        (b'{"done":false},{"done":true}\n', "line 1"),
        (b"data: {}\n", "line 1"),
        (b"\xff\xfe\n", "line 1"),
        (b"", "cut off"),
    ],
)
def test_what_is_no_such_answer_is_a_protocol_failure(data, words):
    found = failure_of(HEAD, *([chunked(data)] if data else []), END)
    assert found.kind == "protocol"
    assert words in found.message
    assert len(found.message) < 600


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"eval_count": 5.0, "eval_duration": 4e8}, (26, 5, 400.0, "server")),
        ({"eval_count": "5", "eval_duration": "fast", "prompt_eval_count": None}, (None, 4, None, "estimate")),
        ({"eval_count": -5, "eval_duration": -1, "prompt_eval_count": True}, (None, 4, None, "estimate")),
        ({"eval_count": 10**30, "eval_duration": 10**30}, (26, 4, None, "estimate")),
    ],
)
def test_counts_and_clocks_that_cannot_be_are_unknown(told, expected):
    outcome = exchange_of(HEAD, *map(chunked, [*WHOLE[:4], last(**told)]), END).outcome
    usage = outcome.usage
    assert (usage.prompt_tokens, usage.completion_tokens, outcome.server_timings.predicted_ms, usage.counted_by) == expected


def test_text_and_lines_are_bounded(monkeypatch):
    monkeypatch.setattr(chat_chunks, "MOST_TEXT", 1000)
    found = failure_of(HEAD, chunked(line("y" * 600)), chunked(line("y" * 600)), chunked(last()), END)
    assert (found.kind, found.message) == ("protocol", "the answer's text has 1200 characters, more than 1000")
    monkeypatch.setattr(lines, "MOST_EVENTS", 3)
    for writes in (map(chunked, WHOLE), [chunked(b"".join(WHOLE))]):
        assert failure_of(HEAD, *writes, END).message == "the answer has more than 3 lines"


def test_a_key_that_it_sends_back_is_kept_nowhere():
    secret = "sk-do-not-store-me-91c2"  # noqa: S105 - made up, to look for it afterwards
    for data in (line(secret) + last(), b'{"error":"bad key sk-do-not-store-me-91c2"}\n', b"sk-do-not-store-me-91c2\n"):
        assert "sk-do-no" not in repr(exchange_of(HEAD, chunked(data), END, credential=secret).outcome)


def body_of(endpoint_settings=None, seed=None, *, cache="allow", **generation):
    with ollama() as server:
        endpoint = server.endpoint(**(endpoint_settings or {}))
        ask(endpoint, request("Hi", cache=cache, **generation), make=lambda *given: Seeded(OllamaChat(*given), seed))
        return server.bodies("/api/chat")[0]


class Seeded:
    """A provider whose every call has this seed."""

    def __init__(self, provider, seed):
        self._provider, self._seed, self.close = provider, seed, provider.close

    async def call(self, one, *, seed, timeout_s):
        return await self._provider.call(one, seed=self._seed if seed is None else seed, timeout_s=timeout_s)


def test_settings_are_said_in_its_own_words():
    serving = {"options": {"num_ctx": 2048, "num_gpu": 0, "num_thread": 3}, "keep_alive": "30m"}
    assert body_of(serving, 7, temperature=0.5, top_p=0.9, max_tokens=64, stop=("END",), ignore_eos=True) == {
        "model": "m",
        "truncate": False,
        "shift": False,
        "keep_alive": "30m",
        "messages": [{"role": "user", "content": "Hi"}],
        "stream": True,
        "options": {"num_ctx": 2048, "num_gpu": 0, "num_thread": 3, "temperature": 0.5, "top_p": 0.9, "num_predict": 64, "stop": ["END"], "seed": 7},
    }
    bare = body_of()
    assert bare["options"] == {}
    assert "keep_alive" not in bare
    assert body_of(None, 7)["options"] == {"seed": 7}
    salted = body_of(None, 7, cache="bypass")
    assert salted["messages"][0]["content"].endswith("]\nHi")
    assert salted["options"] == {"seed": 7}


def test_kept_connections_carry_one_answer_after_the_other():
    with ollama() as server:
        answers = ask(server.endpoint(), *[request(text) for text in "abc"], make=OllamaChat)
    assert [one.outcome.text for one in answers] == [TEXT] * 3
    assert [one.timing.connect_s is None for one in answers] == [False, True, True]


@pytest.mark.parametrize("credential", ["key\r\nX-Other: 1", "schlüssel"])
def test_a_credential_that_cannot_stand_in_a_head_is_refused_without_being_shown(credential):
    told = Server(name="Ollama", dialect="ollama", evidence="a test", api="ollama")
    endpoint = Endpoint(base_url="http://127.0.0.1:9/v1", served_model="m", owned=False, server=told)
    with pytest.raises(ValueError, match="character that cannot stand") as caught:
        OllamaChat(endpoint, credential, Clock())
    assert credential not in str(caught.value)


def test_the_usual_framing_is_read_as_the_exact_reader_reads_it():
    raw = b"".join(map(chunked, WHOLE)) + END
    found, ends = lines.one_line_per_chunk(HEAD + raw, len(HEAD))
    assert [one + b"\n" for one in found] == WHOLE
    assert all((HEAD + raw)[end - 1 : end] == b"\n" for end in ends)
    assert [one for one, _ in lines.lines(b"".join(WHOLE))] == list(found)
    for odd in (raw.replace(b"\n\r\n", b"\n\r\n0\r\n\r\n", 1), raw[:-5], b"5\r\nabc\n\r\n" + raw, b"1\r\n\n\r\n" + raw, b"+3\r\nab\n\r\n" + raw):
        assert lines.one_line_per_chunk(odd, 0) is None
    assert set(DURATIONS) >= {"eval_count", "eval_duration"}

"""What lies between the client and a server: compressed bodies, other versions of HTTP, proxies. Each works, or is refused with what to do."""

import gzip

import pytest
from harness.calls import ask
from harness.command import Here
from harness.mock_llm import mock_llm
from harness.raw_server import plain, raw_server
from harness.written_spec import answers, external, latest, states, write_spec

from bench.records.serving import Endpoint
from bench.serving.external import proxy_name
from bench.store.reader import read_statuses

PROXIES = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY")
SETTINGS = bytes.fromhex("00000c0400000000000003000000640004000fffff")  # what an HTTP/2 server says first
BODY = b'{"choices":[{"message":{"content":"Said."},"finish_reason":"stop"}]}'


@pytest.fixture
def run(tmp_path, capsys, monkeypatch):
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
    return Here(tmp_path, capsys, monkeypatch)


def outcome(answer):
    with raw_server(lambda send, _request, _n: send(answer)) as base_url:
        return ask(Endpoint(base_url=base_url, served_model="m", owned=False))[0].outcome


def test_no_compression_is_asked_for():
    heads = []

    def say(send, request, _n):
        heads.append(request.partition(b"\r\n\r\n")[0].lower())
        send(plain(BODY))

    with raw_server(say) as base_url:
        assert ask(Endpoint(base_url=base_url, served_model="m", owned=False))[0].outcome.text == "Said."
    assert b"\r\naccept-encoding: identity" in heads[0]


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "GZIP"])
def test_a_compressed_body_is_refused_by_its_header(coding):
    failure = outcome(plain(gzip.compress(BODY), f"Content-Encoding: {coding}"))
    assert failure.kind == "protocol"
    assert f"the body is compressed ({coding.lower()})" in failure.message


def test_a_coding_that_codes_nothing_is_none():
    assert outcome(plain(BODY, "Content-Encoding: identity")).text == "Said."


def test_a_server_that_speaks_http2_only_is_named_as_one():
    failure = outcome(SETTINGS)
    assert failure.kind == "protocol"
    assert "HTTP/2 only" in failure.message


def test_a_proxy_is_named_where_it_could_help_and_used_by_the_sdk_alone(tmp_path, run, monkeypatch):
    spec = write_spec(tmp_path, external("m", "http://model.invalid/v1", model="mock"), prompts=2)
    with mock_llm(n=3) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.base_url.removesuffix("/v1"))
        refused = run("run", spec, code=3)
        assert "HTTP_PROXY names a proxy, which the measuring client never uses: `client: openai-sdk` goes by it" in refused.stderr
        assert not proxy.log
        run("run", spec, "--set", "client=openai-sdk")
        assert [truth.path for truth in proxy.log] == ["http://model.invalid/v1/chat/completions"] * 2
    assert states(latest(tmp_path)) == {("m", "default"): "served"}
    assert read_statuses(latest(tmp_path))[-1].notes[0].startswith("reached by the proxy that HTTP_PROXY names")
    assert all(sample.outcome.text and sample.timing.stamped_by == "process" for _, sample in answers(latest(tmp_path)))


def test_a_proxy_that_is_not_there_is_a_failure_of_each_request(tmp_path, run, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    spec = write_spec(tmp_path, external("m", "http://model.invalid/v1", model="mock"), prompts=1, more="client: openai-sdk\nretries: 0\nwarmup: 0")
    run("run", spec, code=3)
    ((_, sample),) = answers(latest(tmp_path))
    assert sample.outcome.kind == "unreachable"


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({}, None),
        ({"https_proxy": "http://p"}, None),
        ({"http_proxy": "http://p"}, "http_proxy"),
        ({"HTTP_PROXY": "http://p"}, "HTTP_PROXY"),
        ({"ALL_PROXY": "http://p"}, "ALL_PROXY"),
        ({"HTTP_PROXY": "http://p", "NO_PROXY": "other,model.invalid"}, None),
        ({"HTTP_PROXY": "http://p", "no_proxy": "*"}, None),
        ({"HTTP_PROXY": "http://p", "no_proxy": "del.invalid, .org"}, "HTTP_PROXY"),
        ({"HTTP_PROXY": "http://p", "no_proxy": ".invalid"}, None),
        ({"HTTP_PROXY": ""}, None),
    ],
)
def test_which_name_puts_a_proxy_before_an_address(environ, name):
    assert proxy_name("http://model.invalid/v1", environ) == name

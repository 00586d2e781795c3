import asyncio
import shutil
import ssl
import subprocess

import pytest
from harness.calls import request
from harness.mock_llm import mock_llm

from bench.clock import Clock
from bench.providers import openai_chat
from bench.providers.chat_answer import read_answer
from bench.providers.mock_behaviour import Behaviour, words
from bench.providers.mock_server import MockServer
from bench.providers.openai_chat import OpenAIChat
from bench.providers.wire.pool import Pool, parse_origin
from bench.records.exchange import Completion
from bench.records.serving import Endpoint

TEXT = "".join(words(8))


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A certificate for `localhost`, made on the spot: no key is kept in the repository."""
    if shutil.which("openssl") is None:
        pytest.skip("making a test certificate needs the `openssl` command")
    folder = tmp_path_factory.mktemp("tls")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"]
    subprocess.run([*command, *names], check=True, capture_output=True, timeout=30)
    return folder


def server_context(folder):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


def ask_over_tls(folder, context, *, n=1, monkeypatch):
    async def run():
        server = MockServer(Behaviour(itl_ms=1), server_context(folder))
        await server.start()
        monkeypatch.setattr(openai_chat, "Pool", lambda origin: Pool(origin, context=context))
        provider = OpenAIChat(Endpoint(base_url=f"https://localhost:{server.port}/v1", served_model="m", owned=False), None, Clock())
        try:
            return [(await provider.call(request(), seed=None, timeout_s=5)).decode() for _ in range(n)], server.n_connections
        finally:
            await provider.close()
            await server.close()

    return asyncio.run(run())


def test_tls_answers_are_read_over_one_connection(certificate, monkeypatch):
    context = ssl.create_default_context(cafile=certificate / "cert.pem")
    exchanges, n_connections = ask_over_tls(certificate, context, n=3, monkeypatch=monkeypatch)
    assert [exchange.outcome.text for exchange in exchanges] == [TEXT] * 3
    assert [len(exchange.timing.token_s) for exchange in exchanges] == [8] * 3
    assert n_connections == 1
    assert exchanges[0].timing.connect_s > 0


def test_a_certificate_that_is_not_trusted_is_unreachable_and_says_why(certificate, monkeypatch):
    exchanges, _ = ask_over_tls(certificate, ssl.create_default_context(), monkeypatch=monkeypatch)
    assert exchanges[0].outcome.kind == "unreachable"
    assert "not trusted" in exchanges[0].outcome.message


def test_an_address_in_brackets_is_ipv6():
    async def run():
        server = MockServer(Behaviour())
        try:
            await server.start("::1")
        except OSError:
            pytest.skip("this machine has no IPv6 loopback")
        provider = OpenAIChat(Endpoint(base_url=f"http://[::1]:{server.port}/v1", served_model="m", owned=False), None, Clock())
        exchange = (await provider.call(request(), seed=None, timeout_s=5)).decode()
        await provider.close()
        await server.close()
        return exchange, server.log[0].headers["host"], server.port

    exchange, host, port = asyncio.run(run())
    assert isinstance(exchange.outcome, Completion)
    assert host == f"[::1]:{port}"


@pytest.mark.parametrize(
    ("url", "authority", "path"),
    [
        ("http://127.0.0.1:8080/v1", "127.0.0.1:8080", "/v1"),
        ("https://example.org/openai/v1/", "example.org", "/openai/v1"),
        ("http://[::1]:80/v1", "[::1]", "/v1"),
    ],
)
def test_the_host_header_names_the_port_only_where_it_is_not_the_schemes_own(url, authority, path):
    origin = parse_origin(url)
    assert (origin.authority, origin.path) == (authority, path)


@pytest.mark.parametrize("url", ["ftp://x/v1", "127.0.0.1:8080", "http://", "http://h:99999/v1"])
def test_what_is_no_base_url_is_refused(url):
    with pytest.raises(ValueError, match=r"base URL|Port"):
        parse_origin(url)


def raw_answer(data, timeout_s=2.0):
    """What the wire makes of these bytes from a server that then closes the connection."""

    async def handle(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(data)
        await writer.drain()
        writer.close()

    async def run():
        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        pool = Pool(parse_origin(f"http://127.0.0.1:{port}/v1"))
        received = await pool.exchange(b"POST / HTTP/1.1\r\n\r\n", timeout_s)
        pool.close()
        server.close()
        await asyncio.sleep(0.01)
        return received

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n\r\n", "expected a chunk's size"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabXX\r\n\r\n", "does not end where its size says"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "is not `chunked`"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3, 4\r\n\r\nabcd", "is no length"),
        (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "expected `name: value`"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000, "larger than 65536 bytes"),
        (b"\x16\x03\x01\x02\x00", "expected an HTTP/1.1 status line"),
    ],
)
def test_broken_framing_is_named(data, detail):
    received = raw_answer(data)
    assert received.end == "framing"
    assert detail in received.detail


def test_interim_responses_are_passed_over():
    received = raw_answer(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    assert received.end == "complete"
    assert received.body().data == b"{}"


def test_a_servers_words_never_show_the_credential():
    body = b'{"error": {"message": "bad key k9"}}'
    received = raw_answer(b"HTTP/1.1 400 Bad\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
    outcome = read_answer(received, zero_ns=0, scheduled_s=None, credential="k9").outcome
    assert outcome.message == "HTTP 400: bad key ***"


@pytest.mark.parametrize(("host", "lookups"), [("127.0.0.1", 0), ("localhost", 1)])
def test_a_name_is_looked_up_once_for_all_connections_and_an_address_never(host, lookups, monkeypatch):
    asked = []

    async def run(server):
        loop = asyncio.get_running_loop()
        really = loop.getaddrinfo

        async def look_up(*arguments, **named):
            asked.append(arguments[0])
            return await really(*arguments, **named)

        monkeypatch.setattr(loop, "getaddrinfo", look_up)
        pool = Pool(parse_origin(server.base_url.replace("127.0.0.1", host)))
        request = b"GET /v1/models HTTP/1.1\r\nHost: h\r\n\r\n"
        found = await asyncio.gather(*(pool.exchange(request, 5.0) for _ in range(5)))
        pool.close()
        return found, pool.n_opened

    with mock_llm() as server:
        found, n_opened = asyncio.run(run(server))
    assert [one.end for one in found] == ["complete"] * 5
    assert n_opened == 5
    assert len(asked) == lookups

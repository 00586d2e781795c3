"""Servers that break HTTP on purpose: every answer ends in bounded time and memory, and in the failure kind it deserves."""

import time
import tracemalloc

import pytest
from harness.calls import ask, request
from harness.raw_server import STREAM, chunk, event, plain, raw_server

from bench.providers.wire import connection, http1
from bench.records.exchange import Completion, Failure
from bench.records.serving import Endpoint

DONE = chunk(b"data: [DONE]\n\n")
LAST = b"0\r\n\r\n"


def told(say, *, n=1, timeout_s=3.0, credential=None):
    with raw_server(say) as base_url:
        return ask(Endpoint(base_url=base_url, served_model="m", owned=False), *[request()] * n, timeout_s=timeout_s, credential=credential)


def once(answer, *, keep=True):
    def say(send, _request, _n):
        send(answer)
        return keep

    return say


def endless(head, piece):
    def say(send, _request, _n):
        send(head)
        while True:
            send(piece)

    return say


@pytest.mark.parametrize(
    ("head", "piece", "words"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"X-Header: again\r\n" * 500, "head is larger"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 500, "head is larger"),
        (STREAM + b"1;", b"e" * 9000, "size line"),
        (STREAM, b"0" * 9000, "size line"),
    ],
)
def test_what_comes_before_a_body_is_bounded(head, piece, words):
    (exchange,) = told(endless(head, piece))
    assert isinstance(exchange.outcome, Failure)
    assert (exchange.outcome.kind, words in exchange.outcome.message) == ("protocol", True)


@pytest.mark.parametrize(
    "piece",
    [chunk(event("y" * 900) * 20), chunk(b": ping\n\n" * 500), b"40000000\r\n" + b"a" * 60_000, LAST + b"X: y\r\n" * 999],
    ids=["content", "comments", "one line", "trailers"],
)
def test_a_body_without_end_is_left_at_the_limit(piece, monkeypatch):
    monkeypatch.setattr(connection, "BODY_LIMIT_BYTES", 300_000)
    (exchange,) = told(endless(STREAM, piece))
    assert isinstance(exchange.outcome, Failure)
    assert exchange.outcome.kind == "protocol"


def test_an_answer_of_countless_chunks_or_reads_is_left(monkeypatch):
    monkeypatch.setattr(http1, "MOST_CHUNKS", 1000)
    (many,) = told(once(STREAM + chunk(b"d") * 1001 + LAST))
    assert isinstance(many.outcome, Failure)
    assert (many.outcome.kind, many.outcome.message) == ("protocol", "the answer has more than 1000 chunks")
    monkeypatch.setattr(connection, "MOST_READS", 3)

    def drops(send, _request, _n):
        send(STREAM)
        while True:
            send(chunk(b": ping\n\n"))
            time.sleep(0.002)

    (drop_by_drop,) = told(drops)
    assert isinstance(drop_by_drop.outcome, Failure)
    assert "pieces" in drop_by_drop.outcome.message


def test_interim_answers_take_no_memory_of_note():
    tracemalloc.start()
    try:
        told(endless(b"", b"HTTP/1.1 102 Processing\r\n\r\n" * 2000))
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()


def test_a_few_interim_answers_are_skipped():
    interim = b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    (exchange,) = told(once(interim + STREAM + chunk(event("ok")) + DONE + LAST))
    assert isinstance(exchange.outcome, Completion)
    assert exchange.outcome.text == "ok"


@pytest.mark.parametrize("keep", [True, False], ids=["kept open", "closed"])
def test_bytes_behind_the_end_spoil_no_answer_and_are_never_the_next_one(keep, monkeypatch):
    monkeypatch.setattr(connection, "_LOOK_S", 0.05)
    surplus = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad"
    exchanges = told(once(STREAM + chunk(event("ok")) + DONE + LAST + surplus, keep=keep), n=2, timeout_s=20)
    assert [getattr(one.outcome, "text", one.outcome) for one in exchanges] == ["ok", "ok"]


def test_an_answer_that_trickles_ends_at_the_timeout():
    def say(send, _request, _n):
        send(STREAM)
        for letter in chunk(event()):
            send(bytes([letter]))
            time.sleep(0.05)

    (exchange,) = told(say, timeout_s=0.3)
    assert isinstance(exchange.outcome, Failure)
    assert exchange.outcome.kind == "timeout"
    assert exchange.timing.finished_s - exchange.timing.sent_s < 1


@pytest.mark.parametrize("goodbye", [b"", b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"], ids=["silent", "408"])
def test_a_kept_connection_that_was_closed_meanwhile_is_replaced(goodbye):
    """Servers close idle connections, some with a last word that nobody asked for."""

    def say(send, _request, _n):
        send(STREAM + chunk(event("ok")) + DONE + LAST)
        if goodbye:
            time.sleep(0.02)
            send(goodbye)

    with raw_server(say) as base_url:
        endpoint = Endpoint(base_url=base_url, served_model="m", owned=False)
        exchanges = ask(endpoint, *[request()] * 4)
    assert [getattr(one.outcome, "text", one.outcome) for one in exchanges] == ["ok"] * 4


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", "CRLF"),
        (b"HTTP/2 200\r\n\r\n", "status line"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", "no length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", "no length"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n" + LAST, "transfer coding"),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nxx", "101"),
        (plain(b"", "Location: http://127.0.0.1:1/", status="302 Found"), "redirects are not followed"),
    ],
)
def test_what_is_no_answer_is_a_protocol_failure(answer, words):
    (exchange,) = told(once(answer, keep=False))
    assert isinstance(exchange.outcome, Failure)
    assert (exchange.outcome.kind, words in exchange.outcome.message) == ("protocol", True), exchange.outcome

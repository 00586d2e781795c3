"""Asking a server for its models: addresses as people type them, and words for what goes wrong."""

import socket
import time

import pytest
from harness.model_list_server import model_list_server

from bench.cli.endpoints import base_url, offered_models
from bench.errors import ServingError, UsageError


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("localhost:11434", "http://localhost:11434"),
        (" http://localhost:11434/v1/ ", "http://localhost:11434/v1"),
        ("https://example.org/api/v1?x=1#y", "https://example.org/api/v1"),
        ("[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_address_is_completed_and_cut(typed, address):
    assert base_url(typed) == address


@pytest.mark.parametrize("typed", ["", "ftp://x", "http://", "http://h:99999", "http://h:0", "http://[::1", "http:// "])
def test_what_is_no_http_address_is_refused(typed):
    with pytest.raises(UsageError, match="no http address"):
        base_url(typed)


def test_password_in_an_address_is_refused_and_not_repeated():
    with pytest.raises(UsageError) as refused:
        base_url("http://me:secret-word@host/v1")
    assert "secret-word" not in refused.value.message + (refused.value.hint or "")


@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/v1/"])
def test_list_is_found_with_and_without_v1(suffix):
    with model_list_server(["a", "b"]) as address:
        offer = offered_models(address + suffix)
    assert (offer.base_url, offer.models) == (f"{address}/v1", ("a", "b"))


def test_list_beside_the_root_is_found():
    with model_list_server(["a"], path="/models") as address:
        assert offered_models(address).base_url == address


def test_key_is_sent_and_its_lack_is_named():
    with model_list_server(["a"], key="k") as address:
        assert offered_models(address, "k").models == ("a",)
        with pytest.raises(ServingError, match="does not let us in") as without:
            offered_models(address)
        with pytest.raises(ServingError) as wrong:
            offered_models(address, "wrong-key")
    assert "--api-key-env" in without.value.hint
    assert "wrong" in wrong.value.hint
    assert "wrong-key" not in wrong.value.message + wrong.value.hint


@pytest.mark.parametrize(("status", "words"), [(500, "answers 500"), (404, "answers 404")])
def test_server_without_a_list_is_named_with_its_status(status, words):
    with model_list_server([], status=status) as address, pytest.raises(ServingError, match=words):
        offered_models(address)


def test_dead_address_is_said_at_once():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ServingError, match="refused") as dead:
        offered_models(f"127.0.0.1:{port}")
    assert "start the server" in dead.value.hint


def test_silent_server_costs_no_more_than_asked():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        before = time.perf_counter()
        with pytest.raises(ServingError, match="no answer within"):
            offered_models(f"127.0.0.1:{listener.getsockname()[1]}", within_s=0.2)
    assert time.perf_counter() - before < 60

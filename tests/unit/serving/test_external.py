import socket
import time

import pytest
from harness.raw_server import plain, raw_server
from harness.serving import Answer, answering, context, models, treatment

from bench.errors import ServingError
from bench.records.serving import Placement, ServingFacts
from bench.records.spec import Gpu, ModelSpec, SecretName
from bench.serving import external
from bench.serving.external import External


def entry(base_url, **fields):
    return ModelSpec(id="office", runtime="external", base_url=base_url, **fields)


def serve(folder, base_url, *, environ=None, **fields):
    return External().serve(treatment(entry(base_url, **fields)), context(folder, environ=environ or {}))


def refusal(folder, base_url, **fields):
    with pytest.raises(ServingError) as caught:
        serve(folder, base_url, **fields)
    assert caught.value.state == "unavailable"
    return caught.value


def test_a_running_server_is_taken_as_it_is(tmp_path):
    with answering(lambda path, _: models("mistral-7b", "phi") if path == "/v1/models" else Answer(status=404)) as url:
        served = serve(tmp_path, f"{url}/v1/", model="mistral-7b")
    assert served.endpoint.base_url == f"{url}/v1"
    assert served.endpoint.served_model == "mistral-7b"
    assert not served.endpoint.owned
    assert served.credential is None
    assert served.facts() == ServingFacts()
    served.close()
    assert served.death() is None


def test_the_only_model_needs_no_name(tmp_path):
    with answering(lambda *_: models("only-one")) as url:
        assert serve(tmp_path, f"{url}/v1").endpoint.served_model == "only-one"


def test_several_models_need_a_name(tmp_path):
    with answering(lambda *_: models("one", "two")) as url:
        found = refusal(tmp_path, f"{url}/v1")
    assert "several models" in found.message
    assert "It offers: one, two" in found.hint


def test_a_wrong_name_shows_the_list_and_a_near_miss(tmp_path):
    with answering(lambda *_: models("Mistral-7B-Instruct", "phi-4", *(f"other-{n}" for n in range(20)))) as url:
        found = refusal(tmp_path, f"{url}/v1", model="mistral-7b-instruct")
    assert "offers no model 'mistral-7b-instruct'" in found.message
    assert found.hint.startswith("did you mean `model: Mistral-7B-Instruct`? It offers: Mistral-7B-Instruct, phi-4, other-0")
    assert found.hint.endswith("and 10 more")


def test_names_that_would_move_the_cursor_are_not_shown(tmp_path):
    with answering(lambda *_: models("good", "evil\x1b[2J", "x" * 500)) as url:
        found = refusal(tmp_path, f"{url}/v1", model="bad")
    assert found.hint == "It offers: good"


def test_nothing_listening_is_said_at_once(tmp_path):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
    started = time.monotonic()
    found = refusal(tmp_path, url)
    assert time.monotonic() - started < 20.0
    assert found.message == f"nothing listens on {url}"
    assert "start the server" in found.hint


@pytest.mark.slow
def test_a_silent_server_costs_two_seconds(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        found = refusal(tmp_path, f"http://127.0.0.1:{silent.getsockname()[1]}/v1")
    assert 1.5 < time.monotonic() - started < 30.0
    assert "does not answer within 2 s" in found.message


def test_a_server_that_hangs_up_is_no_http_server(tmp_path):
    with answering(lambda *_: None) as url:
        assert "does not speak HTTP as expected" in refusal(tmp_path, f"{url}/v1").message


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_named_by_its_variable_and_never_shown(tmp_path, status):
    with answering(lambda *_: Answer(status=status)) as url:
        found = refusal(tmp_path, f"{url}/v1", api_key=SecretName(env="OFFICE_KEY"), environ={"OFFICE_KEY": "s3cret"})
    assert f"refuses the key in OFFICE_KEY ({status})" in found.message
    assert "s3cret" not in found.message + found.hint


def test_a_server_that_wants_a_key_gets_one_named(tmp_path):
    with answering(lambda *_: Answer(status=401)) as url:
        found = refusal(tmp_path, f"{url}/v1")
    assert "wants a key (401)" in found.message
    assert "api_key: {env: NAME}" in found.hint


def test_the_key_is_sent_and_kept_as_the_credential(tmp_path):
    seen = []

    def respond(_path, headers):
        seen.append(headers["Authorization"])
        return models("m")

    with answering(respond) as url:
        served = serve(tmp_path, f"{url}/v1", api_key=SecretName(env="OFFICE_KEY"), environ={"OFFICE_KEY": "s3cret"})
    assert set(seen) == {"Bearer s3cret"}
    assert served.credential == "s3cret"
    assert "s3cret" not in repr(served.endpoint)


@pytest.mark.parametrize("environ", [{}, {"OFFICE_KEY": " "}])
def test_a_missing_key_is_found_without_asking_the_server(tmp_path, environ):
    found = refusal(tmp_path, "http://127.0.0.1:9/v1", api_key=SecretName(env="OFFICE_KEY"), environ=environ)
    assert "OFFICE_KEY is not set" in found.message
    assert "export OFFICE_KEY" in found.hint


def test_a_key_that_would_break_the_request_is_refused_without_showing_it(tmp_path):
    found = refusal(tmp_path, "http://127.0.0.1:9/v1", api_key=SecretName(env="OFFICE_KEY"), environ={"OFFICE_KEY": "a\r\nX-Evil: 1"})
    assert "cannot be sent" in found.message
    assert "Evil" not in found.message


def test_a_server_without_a_list_is_accepted_with_a_note(tmp_path):
    with answering(lambda *_: Answer(status=404)) as url:
        served = serve(tmp_path, f"{url}/v1", model="anything")
    assert served.endpoint.served_model == "anything"
    assert "the name was not checked" in served.facts().notes[0]


def test_a_forgotten_v1_is_pointed_out(tmp_path):
    with answering(lambda path, _: models("m") if path == "/v1/models" else Answer(status=404)) as url:
        found = refusal(tmp_path, url, model="m")
    assert found.hint == f"set `base_url: {url}/v1`"


@pytest.mark.parametrize("answer", [Answer(body=b"<html>"), Answer(value={"models": []}), Answer(value=[1])])
def test_an_answer_that_is_no_list_is_said_to_be_none(tmp_path, answer):
    with answering(lambda *_: answer) as url:
        assert "not with a list of models" in refusal(tmp_path, f"{url}/v1").message


def test_a_broken_server_is_reported_with_its_status(tmp_path):
    with answering(lambda *_: Answer(status=503)) as url:
        assert "answers 503" in refusal(tmp_path, f"{url}/v1").message


@pytest.mark.parametrize("base_url", [None, "", "localhost:8000", "ftp://x/v1", "http://", "http://[::1", "http://host:99999/v1"])
def test_what_is_no_address_is_refused(tmp_path, base_url):
    assert "base_url" in refusal(tmp_path, base_url).message


def test_a_password_in_the_address_is_refused_and_not_repeated(tmp_path):
    found = refusal(tmp_path, "http://me:s3cret@127.0.0.1:9/v1")
    assert "holds a user or password" in found.message
    assert "s3cret" not in found.message + found.hint


@pytest.mark.parametrize("body", [b"[" * 100_000 + b"]" * 100_000, b'{"data":' + b"9" * 5000 + b"}", b"\xff\xfe", b'{"data": [NaN, null, 5]}'])
def test_a_list_that_cannot_be_read_is_no_list(tmp_path, body):
    with raw_server(lambda *_: None, models=plain(body)) as base_url:
        found = refusal(tmp_path, base_url, model="m")
    assert "not with a list of models" in found.message or "It offers: none" in found.hint


@pytest.mark.parametrize("answer", [plain(b'{"data": [{"id": "sk-do-not-show-me-42"}, {"id": "x"}]}'), b"HTTP? sk-do-not-show-me-42\r\n\r\n"])
def test_a_key_that_the_server_sends_back_is_not_shown(tmp_path, answer):
    with raw_server(lambda *_: None, models=answer) as base_url, pytest.raises(ServingError) as caught:
        serve(tmp_path, base_url, model="m", api_key=SecretName(env="KEY"), environ={"KEY": "sk-do-not-show-me-42"})
    assert "sk-do" not in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize(("name", "shown"), [("llama-server", "cpu"), ("ssh", None), ("sshd-session", None), (None, "cpu")])
def test_what_this_machine_has_says_nothing_of_a_server_behind_a_tunnel(tmp_path, monkeypatch, name, shown):
    monkeypatch.setattr(external, "from_machine", lambda: Placement(on="cpu", evidence="this machine shows no GPU"))
    monkeypatch.setattr(external, "listener", lambda _port: (7, name) if name is not None else None)
    with answering(lambda *_: models("m")) as url:
        served = serve(tmp_path, f"{url}/v1", model="m")
        assert served.endpoint.device == shown
        if shown is None:
            asked = External().serve(treatment(entry(f"{url}/v1", model="m"), gpu=Gpu(mode="on")), context(tmp_path))
            assert "is not verified" in asked.facts().notes[0]

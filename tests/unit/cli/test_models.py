"""`bench models`: over a real cache in a folder of the test, and a real server on loopback."""

import hashlib
import json

import pytest
from harness.gguf_file import SMALL
from harness.model_list_server import model_list_server
from harness.verb import verb

from bench.cli.commands import models
from bench.cli.endpoints import Offer
from bench.cli.model_tables import print_offer
from bench.errors import ServingError, UsageError
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
    assert verb(models, "list") == 0
    assert "bench models pull" in capsys.readouterr().out


def test_list_shows_id_size_file_and_source(entry, capsys):
    assert verb(models, "list") == 0
    shown = capsys.readouterr().out
    for part in (entry.id, "tiny.gguf", "https://example.org/tiny.gguf"):
        assert part in shown


def test_list_for_programs_is_json(entry, capsys):
    assert verb(models, "list", "--format", "json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert [item["id"] for item in listed] == [entry.id]
    assert listed[0]["sha256"] == entry.sha256


def test_models_of_a_server_are_listed_one_a_line(capsys):
    with model_list_server(["good", "\x1b[2Jbad", "better"]) as address:
        assert verb(models, "list", "--endpoint", address) == 0
    assert capsys.readouterr().out == "good\nbetter\n"


def test_name_of_a_model_cannot_steer_the_terminal_or_fake_a_line(capsys):
    print_offer(Offer(base_url="http://x", models=("good", "\x1b[2Jbad\nsecond\u202e")), "text")
    assert capsys.readouterr().out == "good\n\\x1b[2Jbad\\x0asecond\\x202e\n"


def test_models_of_a_server_for_programs_are_json(capsys):
    with model_list_server(["good"]) as address:
        assert verb(models, "list", "--endpoint", address, "--format", "json") == 0
    assert json.loads(capsys.readouterr().out) == {"base_url": f"{address}/v1", "models": ["good"]}


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
    assert json.loads(capsys.readouterr().out)["gguf"]["context length"] == 8192


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

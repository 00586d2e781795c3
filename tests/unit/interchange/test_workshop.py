"""A workshop's files and variables as a spec."""

import json

import pytest
from harness.source_tree import ROOT

from bench.catalog import REGISTRY
from bench.errors import SpecError, UsageError
from bench.interchange.workshop import VARIABLES, import_workshop, read_variables
from bench.spec.load import load_spec

FILES = ROOT / "specs" / "workshop"


@pytest.fixture
def load(tmp_path):
    def loaded(made, **environ):
        path = tmp_path / "made.yaml"
        path.write_text(made.text, encoding="utf-8")
        return load_spec(path, extensions=REGISTRY, environ=environ).spec

    return loaded


def test_files_alone_give_the_spec_that_names_them(load):
    made = import_workshop(FILES / "models.json", FILES / "prompts.json", {})
    spec = load(made)
    named = load_spec(ROOT / "specs" / "workshop.yaml", extensions=REGISTRY, environ={}).spec
    assert spec.models == named.models
    assert [(one.id, one.messages, one.aspects) for one in spec.prompts] == [(one.id, one.messages, one.aspects) for one in named.prompts]
    assert (made.findings, made.used) == ((), ())
    assert made.text.startswith("# Made from models.json and prompts.json by `bench import workshop`.\n\nbench: 1\n")


def test_variables_choose_models_and_say_how_often_is_asked(load):
    given = {
        "BENCH_MODELS": "qwen2.5-0.5b, phi-3.5-mini",
        "BENCH_ROUNDS": "5",
        "BENCH_STREAM": "0",
        "COMPARE_RETRIES": "4",
        "TEMPERATURE": "0.7",
        "TOP_P": ".9",
    }
    made = import_workshop(FILES / "models.json", FILES / "prompts.json", given | {"PATH": "/bin"})
    spec = load(made)
    assert [(model.alias, model.size_bytes, model.capabilities) for model in spec.models] == [
        ("qwen2.5-0.5b", 528_000_000, ("chat",)), ("phi-3.5-mini", None, ()),
    ]  # fmt: skip
    assert (spec.rounds, spec.retries, spec.generation.stream, spec.generation.temperature, spec.generation.top_p) == (5, 4, False, 0.7, 0.9)
    assert set(made.used) == set(given)
    assert "Environment variables that went into it: BENCH_MODELS" in made.text


def test_variables_alone_are_enough(load):
    spec = load(import_workshop(None, None, {"SLM_ALIAS": "small", "LLM_ALIAS": "large", "BENCH_PROMPT": "Say {{ x }}", "COMPARE_PROMPT": "Why?"}))
    assert [(model.runtime, model.alias) for model in spec.models] == [("foundry-local", "small"), ("foundry-local", "large")]
    assert [prompt.messages[0].content for prompt in spec.prompts] == ["Say {{ x }}", "Why?"]


@pytest.mark.parametrize(("endpoint", "base_url"), [("http://localhost:5273/v1", "http://localhost:5273/v1"), ("http://h:8000", "http://h:8000/v1")])
def test_endpoint_is_named_and_never_copied(load, endpoint, base_url):
    made = import_workshop(None, None, {"FOUNDRY_LOCAL_ENDPOINT": endpoint, "FOUNDRY_LOCAL_ALIAS": "phi", "BENCH_PROMPT": "Hi"})
    assert endpoint not in made.text
    (model,) = load(made, FOUNDRY_LOCAL_ENDPOINT=endpoint).models
    assert (model.runtime, model.base_url, model.model) == ("external", base_url, "phi")
    assert [one.severity for one in made.findings] == ["note"]


def test_retries_can_be_switched_off(load):
    made = import_workshop(None, None, {"BENCH_MODELS": "a", "BENCH_PROMPT": "Hi", "RETRY_ON_FAIL": "0", "COMPARE_RETRIES": "3"})
    assert load(made).retries == 0


def test_variables_of_other_sessions_are_listed():
    given = {name: "x" for name in VARIABLES if name.startswith(("AGENT", "RAG", "EMBED", "RETRY_BACKOFF"))}
    made = import_workshop(FILES / "models.json", FILES / "prompts.json", given)
    assert sorted(one.message for one in made.findings) == sorted(f"{name} has no counterpart" for name in given)


@pytest.mark.parametrize(
    ("given", "words"),
    [({}, "no model is named"), ({"BENCH_MODELS": "a"}, "nothing is asked"),
     ({"BENCH_MODELS": "a", "BENCH_PROMPT": "x", "BENCH_ROUNDS": "0"}, "BENCH_ROUNDS"),
     ({"BENCH_MODELS": "a", "BENCH_PROMPT": "x", "BENCH_ROUNDS": "three"}, "BENCH_ROUNDS"),
     ({"BENCH_MODELS": "a", "BENCH_PROMPT": "x", "TOP_P": "1.5"}, "TOP_P"),
     ({"BENCH_MODELS": "a", "BENCH_PROMPT": "x", "TEMPERATURE": "."}, "TEMPERATURE")],
)  # fmt: skip
def test_what_is_missing_or_makes_no_sense_is_said(given, words):
    with pytest.raises(UsageError, match=words):
        import_workshop(None, None, given)


def test_file_that_is_something_else_is_refused_with_its_places(tmp_path):
    (tmp_path / "models.json").write_text(json.dumps({"phi": {"size_mb": "large"}}), encoding="utf-8")
    with pytest.raises(SpecError) as raised:
        import_workshop(tmp_path / "models.json", None, {})
    assert [(one.position.line, one.pointer) for one in raised.value.diagnostics] == [(1, "/phi/size_mb")]


def test_file_of_variables_is_read_as_lines_and_nothing_more(tmp_path):
    path = tmp_path / ".env"
    path.write_text(
        "# notes\nexport BENCH_ROUNDS = 4 # four\nBENCH_PROMPT='a $HOME `b` # c'\nSLM_ALIAS=\"x\"\nnot a line\nEMPTY=\n", encoding="utf-8"
    )
    assert read_variables(path) == {"BENCH_ROUNDS": "4", "BENCH_PROMPT": "a $HOME `b` # c", "SLM_ALIAS": "x", "EMPTY": ""}
    path.write_bytes(b"\xff" * 10)
    with pytest.raises(UsageError, match="cannot be read"):
        read_variables(path)
    path.write_bytes(b"A=1\n" * 100_000)
    with pytest.raises(UsageError, match="more than"):
        read_variables(path)

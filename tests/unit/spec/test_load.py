"""Overrides, environment, files, and what loading must never do."""

import os
import subprocess
import sys

import pytest
from harness.specs import BASE, FOLDER, codes, findings, load

from bench.catalog import REGISTRY
from bench.errors import SpecError
from bench.spec.diagnostics import render


@pytest.fixture
def spec(tmp_path):
    def write(text=BASE, **files):
        for name, content in files.items():
            (tmp_path / name.replace("_", ".")).write_text(content, encoding="utf-8")
        path = tmp_path / "spec.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize(
    ("override", "look", "value"),
    [
        ("rounds=3", lambda read: read.rounds, 3),
        ("load.concurrency=4", lambda read: read.load.concurrency, 4),
        ("models.server.model=x", lambda read: read.models[0].model, "x"),
        ("models.0.model=x", lambda read: read.models[0].model, "x"),
        ("models.a.b.model=x", lambda read: read.models[1].model, "x"),
        ("limits.duration=1 min", lambda read: read.limits.duration_s, 60),
        ("generation={temperature: 0.5}", lambda read: read.generation.temperature, 0.5),
        ("prompts.included.vars.n=7", lambda read: read.prompts[1].messages[0].content, "Count to 7."),
    ],
)
def test_override_changes_the_spec(spec, override, look, value):
    second = "  - {id: a.b, runtime: external, base_url: 'http://localhost:9/v1', model: m}\n"
    text = BASE.replace("prompts:", f"{second}load: {{kind: closed}}\nprompts:") + "  - include: set.yaml\n"
    path = spec(text, set_yaml="prompts: [{id: included, user: 'Count to {{ n }}.', vars: {n: 1}}]\n")
    assert look(load(path, override).spec) == value


def test_override_may_replace_the_prompts_by_an_include(spec):
    path = spec(BASE, set_yaml="prompts: [{id: included, user: Hi.}]\n")
    assert [prompt.id for prompt in load(path, "prompts=[{include: set.yaml}]").spec.prompts] == ["included"]


@pytest.mark.parametrize(
    ("override", "message", "hint"),
    [
        ("rounds", "a change is written `dotted.path=value`", "for example"),
        ("=1", "a change is written", "for example"),
        ("models.servr.model=x", "there is no item `servr` to change", "did you mean `server`?"),
        ("name.x=1", "there is nothing below that `x` could change", "set the value around it"),
        ("roundz=1", "unknown key `roundz`", "did you mean `rounds`?"),
        ("rounds=many", "`rounds`: expected a whole number, found the text 'many'", ""),
        ("report=[a", "this list is not closed", "close it"),
        ("rounds=", "`rounds`: expected a whole number, found nothing", "remove the key"),
        ("models.server.threads.x=1\n", "a change is written", ""),
    ],
)
def test_bad_override_is_a_finding_at_its_place(spec, override, message, hint):
    with pytest.raises(SpecError) as caught:
        load(spec(), "warmup=1", override)
    found = caught.value.diagnostics[0]
    assert found.message.startswith(message)
    assert hint in (found.hint or "")
    assert (found.position.file, found.position.line) == ("--set", 2)
    assert "--set:2:" in render(caught.value.diagnostics, caught.value.sources, "text")


def test_environment_is_put_in_place_only_where_the_schema_says_so(spec):
    path = spec(BASE.replace("http://localhost:8080/v1", "${HOST:-http://localhost:1}/v1").replace("Say hello.", "Say ${HOST}."))
    assert load(path).spec.models[0].base_url == "http://localhost:1/v1"
    loaded = load(path, HOST="http://example.com")
    assert loaded.spec.models[0].base_url == "http://example.com/v1"
    assert loaded.resolved["models"][0]["base_url"] == "http://example.com/v1"
    assert loaded.spec.prompts[0].messages[0].content == "Say ${HOST}."
    assert loaded.environment_names == ("HOST",)


def test_reference_elsewhere_is_a_warning(spec):
    path = spec(BASE + "rubrics: {}\nreport: {template: null}\n")
    assert codes(path, "models.server.license=${LICENSE}") == ["environment-literal"]


def test_values_from_the_environment_are_never_shown(spec):
    path = spec(BASE.replace("http://localhost:8080/v1", "${HOST}"))
    for value in (
        "user:hunter2@host/v1",
        "https://user:hunter2@host/v1",
        "https://host/?key=hunter2",
        "http://[hunter2",
        "\x1b hunter2",
        "${hunter2}",
    ):
        found, sources = findings(path, HOST=value)
        assert any(one.severity == "error" for one in found)
        assert "hunter2" not in "".join(render(found, sources, style) for style in ("text", "json", "github"))


def test_secret_is_only_a_name(spec):
    path = spec(BASE.replace("    model: m\n", "    model: m\n    api_key: {env: KEY}\n"))
    loaded = load(path, KEY="sk-very-secret")
    assert "sk-very-secret" not in repr(loaded)
    assert (loaded.environment_names, loaded.warnings) == (("KEY",), ())
    assert codes(path) == ["secret-unset"]


def test_link_out_of_the_folder_is_refused(tmp_path):
    (tmp_path / "secret.yaml").write_text("prompts: [{id: a, user: hunter2}]\n", encoding="utf-8")
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    (inner / "loop.yaml").symlink_to(inner / "loop.yaml")
    (inner / "spec.yaml").write_text(BASE + "  - include: link.yaml\n  - include: loop.yaml\n", encoding="utf-8")
    assert codes(inner / "spec.yaml") == ["file-outside", "file-missing"]


def test_link_inside_the_folder_is_fine(tmp_path):
    (tmp_path / "set.yaml").write_text("prompts: [{id: a, user: Hi.}]\n", encoding="utf-8")
    (tmp_path / "link.yaml").symlink_to(tmp_path / "set.yaml")
    (tmp_path / "spec.yaml").write_text(BASE + "  - include: link.yaml\n", encoding="utf-8")
    assert len(load(tmp_path / "spec.yaml").spec.prompts) == 2


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_pipe_is_never_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "spec.yaml").write_text(BASE + "  - include: pipe.yaml\n", encoding="utf-8")
    assert codes(tmp_path / "spec.yaml") == ["file-missing"]
    assert codes(tmp_path / "pipe.yaml") == ["file-missing"]


def test_missing_spec_and_folder_are_findings(tmp_path):
    assert codes(tmp_path / "nowhere.yaml") == ["file-missing"]
    assert codes(tmp_path) == ["file-missing"]


def test_too_much_text_is_refused_before_it_is_multiplied(spec):
    text = "x" * 1_000_000
    items = "".join(f"  - {{id: p{number}, user: *t}}\n" for number in range(80))
    path = spec(BASE.replace("Say hello.", f"&t {text}") + items)
    assert codes(path) == ["spec-size"]


def test_real_extensions_refuse_arguments_in_their_own_words(spec):
    path = spec(BASE + "    aspects:\n      - {id: a, check: {regex: '('}}\n      - {id: b, check: {max_words: -1}}\n")
    with pytest.raises(SpecError) as caught:
        load(path, extensions=REGISTRY)
    assert [found.code for found in caught.value.diagnostics] == ["check-argument", "check-argument"]


def test_whole_numbers_written_with_a_point_are_whole_numbers(spec):
    read = load(spec(BASE + "rounds: 2.0\ngeneration: {max_tokens: 5.0}\n")).spec
    assert (type(read.rounds), type(read.generation.max_tokens)) == (int, int)


def test_places_of_an_included_prompt_lie_in_its_own_file():
    found, _ = findings(FOLDER / "invalid" / "include-template-error.yaml")
    assert (found[0].position.file, found[0].position.line, found[0].pointer) == ("sets/undefined.yaml", 4, "/defaults/user")


def test_validating_loads_nothing_heavy_and_jinja_only_for_templates():
    code = (
        "import sys; from pathlib import Path; from bench.catalog import REGISTRY; from bench.spec.load import load_spec;"
        "load_spec(Path(sys.argv[1]), extensions=REGISTRY, environ={});"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'numpy','scipy','openai','rich','jinja2','xllamacpp','requests','httpx2'}))"
    )
    for name, loaded in (("minimal", "[]"), ("template", "['jinja2']")):
        path = str(FOLDER / "valid" / f"{name}.yaml")
        done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == loaded


def test_an_included_prompt_that_an_override_touched_is_checked_again(spec):
    path = spec(BASE + "  - include: set.yaml\n", set_yaml="prompts: [{id: included, user: Hi.}, {id: other, user: Hi.}]\n")
    assert codes(path) == []
    assert codes(path, "prompts.included.tags=5") == ["wrong-type"]
    assert codes(path, "prompts.included.messages=[{role: user, content: Hi.}]") == ["choose-one"]
    assert codes(path, "prompts.included=null") == ["wrong-type"]


def test_an_included_prompt_with_the_sets_and_its_own_text_is_checked_as_a_whole(spec):
    path = spec(BASE + "  - include: set.yaml\n", set_yaml="prompts: [{id: included}]\n")
    assert codes(path) == ["choose-one"]


def test_the_value_of_a_secret_stands_nowhere_in_a_spec(spec):
    secret = "sk-very-secret-0123456789"  # noqa: S105 - made up, to look for it afterwards
    keyed = ("models.server.api_key={env: KEY}",)
    path = spec()
    load(path, *keyed, KEY=secret)
    for override in (f"description=with {secret}", f"models.server.settings={{token: {secret}}}", f"prompts.0.user={secret}"):
        with pytest.raises(SpecError) as caught:
            load(path, *keyed, override, KEY=secret)
        assert [one.code for one in caught.value.diagnostics if one.severity == "error"] == ["inline-secret"]
        for style in ("text", "json", "github"):
            assert secret not in render(caught.value.diagnostics, caught.value.sources, style)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems take only file names that are text")
def test_a_file_name_that_is_no_text_is_stored_as_text(tmp_path):
    path = tmp_path / os.fsdecode(b"\xff\xfe.yaml")
    path.write_text(BASE, encoding="utf-8")
    assert load(path).sources[0].path == "??.yaml"

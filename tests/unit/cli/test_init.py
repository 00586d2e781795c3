"""`bench init`: a spec that is valid, and never over somebody's work."""

import re
import sys

import pytest
import yaml
from harness.verb import verb

from bench.catalog import REGISTRY
from bench.cli.commands import init
from bench.errors import UsageError
from bench.spec.load import load_spec


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("runtime", ["llama.cpp", "external"])
def test_spec_names_the_runtime_and_its_own_file(tmp_path, capsys, runtime):
    assert verb(init, "mine.yaml", "--runtime", runtime) == 0
    text = (tmp_path / "mine.yaml").read_text(encoding="utf-8")
    assert yaml.safe_load(text)["models"][0]["runtime"] == runtime
    assert "bench run mine.yaml" in text
    assert "FILE" not in text
    assert "bench validate mine.yaml" in capsys.readouterr().out


@pytest.mark.parametrize("runtime", ["llama.cpp", "external"])
def test_spec_is_valid_without_a_warning(tmp_path, runtime):
    verb(init, "mine.yaml", "--runtime", runtime)
    loaded = load_spec(tmp_path / "mine.yaml", extensions=REGISTRY, environ={})
    assert loaded.warnings == ()
    assert all(any(aspect.required for aspect in prompt.aspects) for prompt in loaded.spec.prompts)


@pytest.mark.parametrize("runtime", ["llama.cpp", "external"])
def test_what_is_commented_out_is_valid_too(tmp_path, runtime):
    verb(init, "mine.yaml", "--runtime", runtime)
    text = (tmp_path / "mine.yaml").read_text(encoding="utf-8")
    head, body = text.split("\nbench: 1", 1)
    uncommented = re.sub(r"^( *)# (?=cost:|- id:|  \w+:|api_key:)", r"\1", body, flags=re.MULTILINE)
    assert uncommented.count("#") < body.count("#")
    (tmp_path / "mine.yaml").write_text(f"{head}\nbench: 1{uncommented}", encoding="utf-8")
    spec = load_spec(tmp_path / "mine.yaml", extensions=REGISTRY, environ={"OPENAI_API_KEY": "k", "OFFICE_KEY": "k"}).spec
    assert spec.cost is not None
    assert len(spec.models) == (4 if runtime == "llama.cpp" else 1)


def test_file_has_a_name_without_being_given_one(tmp_path):
    assert verb(init) == 0
    assert (tmp_path / "bench.yaml").is_file()


def test_existing_file_is_left_alone(tmp_path):
    (tmp_path / "bench.yaml").write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError) as refused:
        verb(init)
    assert "--force" in refused.value.hint
    assert (tmp_path / "bench.yaml").read_text(encoding="utf-8") == "mine"


def test_force_replaces_it(tmp_path):
    (tmp_path / "bench.yaml").write_text("mine" * 10_000, encoding="utf-8")
    assert verb(init, "--force") == 0
    assert (tmp_path / "bench.yaml").read_text(encoding="utf-8").endswith("\n")
    assert yaml.safe_load((tmp_path / "bench.yaml").read_text(encoding="utf-8"))["bench"] == 1


def test_dash_shows_it_and_writes_nothing(tmp_path, capsys):
    assert verb(init, "-") == 0
    assert yaml.safe_load(capsys.readouterr().out)["bench"] == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "words"), [("nowhere/x.yaml", "does not exist"), (".", "is a folder")])
def test_place_that_cannot_be_written_is_said_with_what_to_do(name, words):
    with pytest.raises(UsageError, match=words) as refused:
        verb(init, name, "--force")
    assert refused.value.hint


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links need a privilege there")
def test_dangling_link_is_not_written_through(tmp_path):
    (tmp_path / "bench.yaml").symlink_to(tmp_path / "elsewhere.yaml")
    with pytest.raises(UsageError):
        verb(init)
    assert not (tmp_path / "elsewhere.yaml").exists()

"""`bench init`: a spec that is valid, and never over somebody's work."""

import sys

import pytest
import yaml
from harness.verb import verb

from bench.cli.commands import init
from bench.errors import UsageError


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

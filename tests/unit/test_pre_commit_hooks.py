"""The hooks that pre-commit finds here do what they say."""

import re
from pathlib import Path

import pytest
import yaml
from harness.command import Here
from harness.repository import Repository
from harness.specs import BASE

ROOT = Path(__file__).parents[2]
HOOKS = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))}


@pytest.fixture
def repository(tmp_path):
    made = Repository(tmp_path / "work")
    made.write(specs__a=BASE, specs__b=BASE.replace("small", "other"))
    made.commit("first")
    made.git("update-ref", "refs/remotes/origin/main", "HEAD")
    made.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
    return made


@pytest.fixture
def hooked(repository, capsys, monkeypatch):
    """Runs a hook as pre-commit does: its entry, its arguments, then the files that it is for."""
    bench = Here(repository.folder, capsys, monkeypatch)

    def run(name, *changed, code=0):
        hook = HOOKS[name]
        program, *words = hook["entry"].split()
        assert program == "bench"
        files = [file for file in changed if hook.get("pass_filenames", True) and re.search(hook["files"], file)]
        return bench(*words, *hook.get("args", ()), *files, code=code)

    return run


def test_all_specs_are_validated_also_where_only_an_included_file_changed(repository, hooked):
    repository.write(specs__c=BASE + "  - include: sets/more.yaml\n", specs__sets__more="prompts: [{id: two, user: Say two words.}]\n")
    assert hooked("bench-validate", "specs/sets/more.yaml").stdout.count("valid") == 3
    repository.write(specs__sets__more="prompts: [{id: two, usr: Say two words.}]\n")
    assert "sets/more.yaml" in hooked("bench-validate", "specs/sets/more.yaml", code=2).stderr
    assert re.search(HOOKS["bench-validate"]["files"], "specs/sets/more.yaml")
    assert not re.search(HOOKS["bench-validate"]["files"], "README.md")
    repository.write(specs__sets__more="prompts: [{id: two, user: Say two words.}]\n")
    repository.write(specs__a=BASE.replace("models:", "modls:"))
    assert "did you mean `models`?" in hooked("bench-validate", "specs/a.yaml", code=2).stderr


def test_a_version_must_rise_once_in_a_branch(repository, hooked):
    hooked("bench-diff")
    repository.write(specs__a=BASE.replace("Say hello", "Say goodbye"))
    assert "major must rise, to 2.0.0 at least" in hooked("bench-diff", code=1).stderr
    repository.write(specs__a=BASE.replace("Say hello", "Say goodbye").replace("1.0.0", "2.0.0"))
    hooked("bench-diff")
    repository.commit("second")
    repository.write(specs__a=BASE.replace("Say hello", "Say farewell").replace("1.0.0", "2.0.0"))
    hooked("bench-diff")


def test_every_hook_is_complete():
    assert set(HOOKS) == {"bench-validate", "bench-diff"}
    assert all(hook["language"] == "python" and hook["name"] and hook["description"] for hook in HOOKS.values())

"""The commands that people, the README and the checks use are the same commands."""

import os
import re
import shutil
import subprocess
import sys
import tomllib

import pytest
import yaml
from harness.source_tree import ROOT


def code_blocks(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    return [block.strip() for block in re.findall(r"^```\w*\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)]


def test_checks_end_with_the_readme_test_command():
    run, test = code_blocks("README.md")[:2]
    assert "\n" not in run
    assert "bench run specs/summarizer.yaml" in run
    assert (ROOT / ".ci" / "run").read_text(encoding="utf-8").rstrip().splitlines()[-1] == test


def test_contributors_start_with_the_readme_test_command():
    assert code_blocks("CONTRIBUTING.md")[0] == code_blocks("README.md")[1]


def test_nightly_checks_use_the_readme_run_command():
    assert code_blocks("README.md")[0] in (ROOT / ".github" / "workflows" / "nightly.yml").read_text(encoding="utf-8")


def test_what_is_left_to_the_night_runs_by_night():
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "nightly.yml").read_text(encoding="utf-8"))["jobs"]
    steps = [step for job in jobs.values() for step in job["steps"] if "BENCH_LONG" in step.get("env", {})]
    run = {path for step in steps for path in re.findall(r"tests/[\w./]+", step["run"])}
    long = [path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("test_*.py") if '"BENCH_LONG"' in path.read_text(encoding="utf-8")]
    assert long
    assert [name for name in long if name != "tests/acceptance/test_habits.py" and not any(name.startswith(path) for path in run)] == []


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell script")
def test_check_script_is_executable_and_parses():
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    subprocess.run([shutil.which("bash"), "-n", str(ROOT / ".ci" / "run")], check=True)


def test_every_extra_that_a_message_names_exists():
    extras = set(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"])
    texts = [
        path.read_text(encoding="utf-8")
        for folder in ("bench", "templates", "docs")
        for path in (ROOT / folder).rglob("*")
        if path.suffix not in {".pyc", ".png"} and path.is_file()
    ]
    named = {extra for text in texts for group in re.findall(r"bench-spec\[([\w,]+)\]", text) for extra in group.split(",")}
    assert named
    assert named <= extras


def test_changelog_names_the_version_or_what_is_unreleased():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert headings[0] in {"Unreleased", version}

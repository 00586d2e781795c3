"""A pull request from its first check to its comment: the steps of `action.yml` and the lines of the GitLab example, run as they stand there."""

import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import yaml
from harness.action import ACTION, Action
from harness.pull_request import SPEC, spec_text, story
from markdown_it import MarkdownIt

from bench.errors import Exit

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "pull-requests.md").read_text(encoding="utf-8")
GITLAB = yaml.safe_load((ROOT / "docs" / "examples" / "gitlab-ci.yml").read_text(encoding="utf-8"))
REWORDED = "Name the owner of the open point of {{ name }}."
TAGS = "h2 h3 p ul li strong em code pre table thead tbody tr th td sub br details summary del ins s"
EVIL = "</details><script>alert(1)</script> ``` ![x](http://x.example/y) <!-- @everyone | # [a](javascript:b)"
needs_jq = pytest.mark.skipif(shutil.which("jq") is None, reason="`gh` has jq's language built in; what stands for it here needs the program")


@pytest.fixture
def pull_request(tmp_path):
    with story(tmp_path) as told:
        yield told


@pytest.fixture
def action(pull_request, tmp_path):
    return Action(pull_request.repository.folder, tmp_path / "runner", pull_request.environ)


def posted(action):
    return json.loads(action.comments.read_text(encoding="utf-8"))


@needs_jq
@pytest.mark.slow
def test_worked_example_is_what_the_page_tells(pull_request, action, tmp_path):
    told = {"spec": SPEC, "base": pull_request.base, "quick": "false", "metrics": "quality"}
    pull_request.change(spec_text("1.1.0", "NEW_SERVER", REWORDED), "Ask the new server, in other words")
    assert action(**told) == 1
    (first,) = posted(action)
    stranger = {"id": 1, "user": {"login": "somebody"}, "body": first["body"]}  # a copy, mark and all, is not taken for one's own
    action.comments.write_text(json.dumps([stranger, {**first, "id": 2}]), encoding="utf-8")
    lines = first["body"].replace("\u00a0", " ").splitlines()
    assert "`version` **must rise**" in first["body"]
    assert "**A gate failed.**" in first["body"]
    assert action.done["Diff"].stderr.strip() in PAGE
    gate, compared = (next(line for line in lines if line.startswith(start)) for start in ("| quality", "| Quality"))
    assert gate in PAGE
    assert compared in PAGE
    assert all(line in PAGE for line in lines if line.startswith(("| **treatment", "| **measurement", "| server | default")))
    assert first["body"] in action.page.read_text(encoding="utf-8")
    suites = ET.parse(next((tmp_path / "runner").glob("bench.*/junit.xml"))).getroot()  # noqa: S314 - this test made it
    assert len(suites.findall(".//testcase/failure")) >= 1

    pull_request.change(spec_text("2.0.0", "OLD_SERVER", REWORDED), "Stay with the old server")
    assert action(**told) == 0
    untouched, second = posted(action)  # the same comment, brought up to date
    assert untouched == stranger
    assert "no gate speaks against it" in second["body"]
    assert next(line for line in second["body"].splitlines() if line.startswith("### bench compare")) in PAGE


@pytest.mark.slow
def test_pull_request_of_a_stranger_is_checked_and_nothing_is_sent(pull_request, action):
    pull_request.change(spec_text("2.0.0", first=REWORDED), "Other words")
    assert action(spec=SPEC, base=pull_request.base, measure="false", token="") == 0
    assert list(action.done) == ["Prepare", "Validate", "Diff", "Plan", "Comment", "Post", "Result"]
    assert "no comment: there is no token" in action.done["Post"].stdout
    assert "Nothing was run" in action.page.read_text(encoding="utf-8")
    assert "word by word" in action.page.read_text(encoding="utf-8")


@needs_jq
@pytest.mark.slow
def test_wrong_spec_is_said_and_a_token_that_only_reads_fails_nothing(pull_request, action):
    pull_request.change(spec_text().replace("prompts:", "promts:"), "A slip")
    assert action(spec=SPEC, base=pull_request.base, token="read-only") == 2  # noqa: S106 - what stands for gh reads it so
    assert "Run" not in action.done
    assert "::error file=specs/minutes.yaml" in action.done["Validate"].stdout + action.done["Validate"].stderr
    assert "::warning::the comment could not be written" in action.done["Post"].stdout
    assert "**not valid**" in action.page.read_text(encoding="utf-8")


@pytest.mark.slow
def test_no_text_of_a_spec_or_an_answer_breaks_out_of_the_comment(tmp_path):
    with story(tmp_path, f"Nobody\n```\n{EVIL}\n") as told:
        spec = spec_text("2.0.0", "NEW_SERVER", f"{{{{ name }}}} {EVIL}").replace("bench: 1\n", f"bench: 1\ndescription: {EVIL!r}\n")
        told.change(spec.replace("contains: owner", f"contains: {EVIL!r}", 1), "Mischief")
        action = Action(told.repository.folder, tmp_path / "runner", told.environ)
        action(spec=SPEC, base=told.base, quick="false", token="")
    comment = action.page.read_text(encoding="utf-8")
    assert comment.count("alert(1)") > 5  # the words before and after, and the answers
    html = MarkdownIt("gfm-like", {"linkify": False}).render(comment)
    tags = set(re.findall(r"</?([a-zA-Z][\w-]*)", html))
    assert sorted(tags - set(TAGS.split())) == []
    assert html.count("<details>") == html.count("</details>")
    assert html.count("<!--") == 1  # the mark
    assert "@everyone" not in re.sub(r"<code.*?</code>", "", html, flags=re.DOTALL)


def test_part_that_would_not_fit_into_a_comment_is_left_out_by_name(tmp_path):
    (tmp_path / "gates.md").write_text("the gates\n", encoding="utf-8")
    (tmp_path / "compare.md").write_text("many answers\n" * 5_000, encoding="utf-8")
    (tmp_path / "diff.md").write_text("what changed\n", encoding="utf-8")
    step = next(step for step in ACTION["runs"]["steps"] if step.get("name") == "Comment")
    environ = {"PATH": os.environ["PATH"], "SPEC": SPEC, "VALID": "true", "WORK": str(tmp_path)}
    environ |= {name: str(tmp_path / name) for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT")}
    subprocess.run(["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]], env=environ, check=True)  # noqa: S607 - the user's
    comment = (tmp_path / "comment.md").read_text(encoding="utf-8")
    assert [line for line in comment.splitlines()[3:] if line and not line.startswith("-")] == [
        "the gates", "Too long for a comment: `compare.md` in the artifact.", "what changed",
    ]  # fmt: skip


def test_inputs_reach_the_shell_only_through_its_environment():
    steps = [step for step in ACTION["runs"]["steps"] if "run" in step]
    assert len(steps) == 11
    assert [step["name"] for step in steps if "${{" in step["run"] or step["shell"] != "bash"] == []
    used = [step["uses"].split("@") for step in ACTION["runs"]["steps"] if "uses" in step]
    assert [name for name, _ in used] == ["actions/setup-python", "actions/upload-artifact"]
    assert all(re.fullmatch("[0-9a-f]{40}", commit) for _, commit in used)  # a tag may be moved, a commit not


@pytest.mark.slow
def test_gitlab_example_runs_as_it_stands(pull_request):
    pull_request.change(spec_text("2.0.0", "NEW_SERVER", REWORDED), "Ask the new server")
    job = GITLAB["bench"]
    environ = {
        **os.environ, **pull_request.environ, "SPEC": SPEC, "CI_MERGE_REQUEST_DIFF_BASE_SHA": pull_request.base,
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
    }  # fmt: skip
    folder = pull_request.repository.folder
    script = "set -eo pipefail\n" + "\n".join(job["script"])  # GitLab runs the lines in one shell that ends at the first that fails
    done = subprocess.run(["bash", "-c", script], cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=250)  # noqa: S607 - the user's
    assert done.returncode == 1, done.stderr  # not one of three answers names an owner, and the interval lies below 75 %
    assert job["allow_failure"]["exit_codes"] == Exit.GATE_UNDECIDED
    assert "treatment" in done.stdout
    assert "bench compare" in done.stdout
    assert (folder / job["artifacts"]["reports"]["junit"]).exists()


@pytest.mark.parametrize("block", re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
def test_workflow_of_the_page_gives_what_the_action_takes(block):
    for job in (yaml.safe_load(block) or {}).get("jobs", {}).values():
        for step in job["steps"]:
            if "/bench@" in step.get("uses", ""):
                assert set(step["with"]) <= set(ACTION["inputs"])
                assert {name for name, given in ACTION["inputs"].items() if given.get("required")} <= set(step["with"])
    assert "pull_request_target:" not in block


@pytest.mark.slow
def test_files_are_what_their_services_read(tmp_path):
    files = {"github-actions": [ROOT / "action.yml"], "gitlab-ci": [ROOT / "docs" / "examples" / "gitlab-ci.yml"], "github-workflows": []}
    for number, block in enumerate(re.findall(r"^```yaml\n(# \.github/workflows/.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)):
        files["github-workflows"].append(tmp_path / f"{number}.yml")
        files["github-workflows"][-1].write_text(block, encoding="utf-8")
    assert len(files["github-workflows"]) == 2
    for schema, named in files.items():
        words = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", *map(str, named)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def test_every_input_is_told_on_the_page():
    assert [name for name in ACTION["inputs"] if f"| `{name}` |" not in PAGE] == []

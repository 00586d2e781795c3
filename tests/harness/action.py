"""The steps of `action.yml`, run one after the other as GitHub's runner does: the same shell, the same files for outputs, the same conditions.

Only the shell steps: what other actions do (Python, the artifact) and the installation are not done again.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
_TERM = re.compile(r"(?P<path>[\w.]+)(?:\s*(?P<operator>==|!=)\s*'(?P<value>[^']*)')?")
GH = """#!/bin/sh
# Stands for GitHub's own command: keeps comments in a file, and what it was asked in another. Its `--jq` is jq's language.
exec "$REAL_PYTHON" "$GH_PROGRAM" "$@"
"""
GH_PROGRAM = """
import json, os, subprocess, sys
from pathlib import Path
store = Path(os.environ["GH_STORE"])
words = sys.argv[2:]
option = lambda name: words[words.index(name) + 1] if name in words else None
comments = json.loads(store.read_text())
method = option("--method") or "GET"
if os.environ["GH_TOKEN"] == "read-only" and method != "GET":
    sys.exit("gh: Resource not accessible by integration (HTTP 403)")
if method == "GET":
    done = subprocess.run(["jq", "-r", option("--jq")], input=json.dumps(comments), text=True, check=True, capture_output=True)
    sys.stdout.write(done.stdout)
else:
    body = Path(option("-F").removeprefix("body=@")).read_text(encoding="utf-8")
    if method == "POST":
        comments.append({"id": len(comments) + 1, "user": {"login": "github-actions[bot]"}, "body": body})
    else:
        number = int(next(word for word in words if word.startswith("repos/")).rsplit("/", 1)[1])
        comments[number - 1]["body"] = body
    store.write_text(json.dumps(comments))
"""


class Action:
    """Runs the action in a checkout. `done` has every shell step that ran, by its name."""

    def __init__(self, checkout, runner, environ=None):
        self._checkout, self._runner = checkout, runner
        (runner / "bin").mkdir(parents=True)
        (runner / "bin" / "gh").write_text(GH, encoding="utf-8")
        (runner / "bin" / "gh").chmod(0o755)
        (runner / "gh.py").write_text(GH_PROGRAM, encoding="utf-8")
        self.comments = runner / "comments.json"
        self.comments.write_text("[]", encoding="utf-8")
        self.page = runner / "page.md"
        self._environ = {
            **os.environ, **(environ or {}), "PATH": os.pathsep.join((str(runner / "bin"), str(Path(sys.executable).parent), os.environ["PATH"])),
            "RUNNER_TEMP": str(runner),
            "GITHUB_STEP_SUMMARY": str(self.page), "GITHUB_ACTIONS": "true", "REAL_PYTHON": sys.executable,
            "GH_PROGRAM": str(runner / "gh.py"), "GH_STORE": str(self.comments), "GIT_CONFIG_GLOBAL": os.devnull,
            "BENCH_CACHE": str(runner / "cache"),
        }  # fmt: skip
        self.done, self.outputs = {}, {}

    def __call__(self, *, base="", number="7", token="given", **inputs):  # noqa: S107 - a word that opens nothing
        """Run it; its exit code is that of the step that failed first, which no later step but those for `always()` follows."""
        self.done, self.outputs = {}, {}
        known = {
            "github.event.pull_request.base.sha": base, "github.event.pull_request.number": number, "github.repository": "someone/something",
            "github.token": token, "github.action_path": str(ROOT),
        }  # fmt: skip
        for name, given in ACTION["inputs"].items():
            known[f"inputs.{name}"] = inputs.get(name, self._filled(given.get("default", ""), known))
        code = 0
        for step in ACTION["runs"]["steps"]:
            if "run" not in step or step["name"] == "Install":
                continue
            condition = str(step.get("if", ""))
            if (code and "always()" not in condition) or not self._holds(condition, known):
                continue
            ended = self._step(step, known)
            code = code or ended
        return code

    def _step(self, step, known):
        outputs = self._runner / "outputs"
        outputs.write_text("", encoding="utf-8")
        environ = {**self._environ, "GITHUB_OUTPUT": str(outputs)} | {name: self._filled(value, known) for name, value in step.get("env", {}).items()}
        words = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]  # as `shell: bash` is documented
        done = subprocess.run(words, cwd=self._checkout, env=environ, capture_output=True, text=True, check=False, timeout=250)
        self.done[step["name"]] = done
        for line in outputs.read_text(encoding="utf-8").splitlines():
            name, value = line.split("=", 1)
            known[f"steps.{step['id']}.outputs.{name}"] = self.outputs[f"{step['id']}.{name}"] = value
        return done.returncode

    @staticmethod
    def _filled(text, known):
        def value(found):
            return next((known.get(path.strip(), "") for path in found[1].split("||") if known.get(path.strip())), "")

        return re.sub(r"\$\{\{(.*?)\}\}", value, text)

    @staticmethod
    def _holds(condition, known):
        for part in filter(None, condition.replace("always()", "").split("&&")):
            if not (term := _TERM.fullmatch(part.strip())):
                if part.strip():
                    raise ValueError(condition)
                continue
            if ((known.get(term["path"], "") == term["value"]) is (term["operator"] == "==")) is False:
                return False
        return True

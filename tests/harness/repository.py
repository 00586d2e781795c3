"""A git repository that a test makes, with specs in it."""

import os
import subprocess

_WHO = {f"GIT_{who}_{what}": word for who in ("AUTHOR", "COMMITTER") for what, word in (("NAME", "A Person"), ("EMAIL", "person@example.org"))}
_QUIET = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


class Repository:
    """A folder under git. Writing a file is not yet a commit."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *words):
        environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        done = subprocess.run(
            ["git", "-c", "core.autocrlf=false", *words],  # noqa: S607 - git stands where the user has it
            cwd=self.folder, env={**environ, **_WHO, **_QUIET}, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        return done.stdout.strip()

    def write(self, **texts):
        """Files by their names, in which `__` stands for a slash and `_yaml` ends a name."""
        for name, text in texts.items():
            path = self.folder / (name.replace("__", "/").removesuffix("_yaml") + ".yaml")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def commit(self, message):
        """The name of a commit of everything that was written."""
        self.git("add", "--all")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

"""The real command as a user runs it: in a process of its own, or, where a test does not need one, in this process."""

import gc
import os
import subprocess
import sys

from bench.cli.main import main

_STARTED = []


def bench(*words, folder, environ=None, timeout_s=200):
    """Run `bench` to its end; returns the finished process with its text."""
    return subprocess.run(
        [sys.executable, "-m", "bench.cli.main", *map(str, words)],
        cwd=folder, env=_environ(folder, environ), capture_output=True, text=True, timeout=timeout_s, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def start_bench(*words, folder, environ=None):
    """Start `bench` and return the running process. A test that fails before it has ended leaves it to `put_away`."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.cli.main", *map(str, words)],
        cwd=folder, env=_environ(folder, environ), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    _STARTED.append(process)
    return process


def put_away():
    """End what a test has started and left, and what that has started in its turn; called after every test by tests/conftest.py."""
    while _STARTED:
        process = _STARTED.pop()
        if process.poll() is None:
            process.terminate()  # it puts its servers away
            try:
                process.communicate(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()


class Here:
    """Runs `bench` in this process, in a folder; ten times faster."""

    def __init__(self, folder, capsys, monkeypatch):
        monkeypatch.chdir(folder)
        monkeypatch.setenv("BENCH_CACHE", str(folder / "cache"))
        self._capsys = capsys

    def __call__(self, *words, code=0):
        """What it showed; its exit code has been checked: it is this one, or of these."""
        words = [str(word) for word in words]
        gc.freeze()  # see tests/conftest.py
        try:
            returned = main(words)
        except SystemExit as ended:  # argparse ends the program itself
            returned = ended.code
        shown = self._capsys.readouterr()
        assert returned in (code if isinstance(code, set) else {code}), shown.err
        return subprocess.CompletedProcess(words, returned, shown.out, shown.err)


def _environ(folder, environ):
    return {**os.environ, "BENCH_CACHE": os.environ.get("BENCH_CACHE", str(folder / "cache")), **(environ or {})}

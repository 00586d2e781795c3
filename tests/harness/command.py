"""The real command in a process of its own, as a user runs it."""

import os
import subprocess
import sys


def bench(*words, folder, environ=None, timeout_s=60):
    """Run `bench` to its end; returns the finished process with its text."""
    return subprocess.run(
        [sys.executable, "-m", "bench.cli.main", *map(str, words)],
        cwd=folder, env=_environ(folder, environ), capture_output=True, text=True, timeout=timeout_s, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def start_bench(*words, folder, environ=None):
    """Start `bench` and return the running process."""
    return subprocess.Popen(
        [sys.executable, "-m", "bench.cli.main", *map(str, words)],
        cwd=folder, env=_environ(folder, environ), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def _environ(folder, environ):
    return {**os.environ, "BENCH_CACHE": os.environ.get("BENCH_CACHE", str(folder / "cache")), **(environ or {})}

"""The performance script itself, on its smallest workload: what it prints is whole, and the server's truth and the client's stamps agree."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CAN_RUN = sys.platform.startswith("linux") and shutil.which("cc") is not None and {0, 1} <= os.sched_getaffinity(0)


@pytest.mark.slow
@pytest.mark.skipif(not CAN_RUN, reason="needs a C compiler, Linux (epoll), and a core each for the server and the client")
def test_a_line_per_workload_with_the_truth_beside_the_client():
    script = Path(__file__).with_name("run.py")
    words = ("--workloads", "W0", "--repeats", "1", "--clients", "bench,c")
    ended = subprocess.run([sys.executable, str(script), *words], capture_output=True, text=True, timeout=100, check=False)
    assert ended.returncode == 0, ended.stderr
    (line,) = map(json.loads, ended.stdout.splitlines())
    assert line["workload"] == "W0"
    for name in ("bench", "c"):
        seen = line["clients"][name]
        assert seen["matched"] == 2
        assert seen["chunk_late_p50_ms"] > 0  # a stamp before its chunk was sent would be no arrival
    assert line["clients"]["bench"]["samples"] == {"kernel": 2}


@pytest.mark.slow
@pytest.mark.skipif(not CAN_RUN, reason="needs a C compiler, Linux (epoll), and a core each for the server and the client")
def test_a_tool_that_is_not_installed_is_left_out_with_its_reason():
    script = Path(__file__).with_name("run.py")
    words = ("--workloads", "W0", "--repeats", "1", "--clients", "c,guidellm")
    environ = {**os.environ, "PATH": os.defpath}
    ended = subprocess.run([sys.executable, str(script), *words], env=environ, capture_output=True, text=True, timeout=100, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == "left out: guidellm: no command `guidellm` on PATH\n"
    (line,) = map(json.loads, ended.stdout.splitlines())
    assert set(line["clients"]) == {"c"}
    assert line["left_out"] == {"guidellm": "no command `guidellm` on PATH"}
    assert line["versions"] == {}

"""Processes on a core of their own, and what they took."""

import contextlib
import ctypes
import os
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Self

SERVER_CPU, CLIENT_CPU = 0, 1
# sched_setattr(2): a slice of 0.1 ms for a process of the usual policy (Linux ≥ 6.12) lets it run promptly beside others' work, for no larger share.
_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}.get(os.uname().machine)
_SHORT_SLICE = struct.pack("IIQiIQQQII", 56, 0, 0, 0, 0, 100_000, 0, 0, 0, 0)
_LIMIT_S = 300.0
_PR_SET_CHILD_SUBREAPER = 36  # prctl(2): a client's orphans become children of this process, which so learns what they took


class Took(NamedTuple):
    """What a process and all that it started took, from its start to its end. Times in ns of CLOCK_MONOTONIC."""

    code: int
    cpu_s: float
    wall_s: float
    peak_rss_mb: float
    started_ns: int


def on_cpu(cpu: int) -> None:
    """Run the calling process on one core, with a short slice."""
    os.sched_setaffinity(0, {cpu})
    if _SCHED_SETATTR is not None:
        ctypes.CDLL(None).syscall(_SCHED_SETATTR, 0, _SHORT_SLICE, 0)


class Server:
    """The mock server while it is entered."""

    def __init__(self, program: Path, words: Sequence[str], truth: Path) -> None:
        """Start nothing yet."""
        self._command = [str(program), "--port", "0", *words, "--truth", str(truth)]
        self.port = 0
        self.cpu_s = 0.0

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True, preexec_fn=lambda: on_cpu(SERVER_CPU))  # noqa: PLW1509
        self.port = int(self._process.stdout.readline())
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        _, _, used = os.wait4(self._process.pid, 0)
        self._process.returncode = 0
        self._process.stdout.close()
        self.cpu_s = used.ru_utime + used.ru_stime


def run_client(command: Sequence[str], log: Path) -> Took:
    """Run a client to its end.

    Its peak is read from /proc, since `ru_maxrss` would also count the parent's pages; of several processes it is the sum.
    """
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    others = set(_children(os.getpid()))
    peak = [0]
    with log.open("wb") as out:
        started_ns = time.monotonic_ns()
        process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, preexec_fn=lambda: on_cpu(CLIENT_CPU))  # noqa: PLW1509
    is_over = threading.Event()
    watcher = threading.Thread(target=_watch, args=(process, peak, is_over))
    watcher.start()
    _, status, used = os.wait4(process.pid, 0)
    wall_s = (time.monotonic_ns() - started_ns) * 1e-9
    process.returncode = os.waitstatus_to_exitcode(status)
    is_over.set()
    watcher.join()
    cpu_s = used.ru_utime + used.ru_stime + sum(map(_reap, set(_children(os.getpid())) - others))
    return Took(process.returncode, cpu_s, wall_s, peak[0] / 1024, started_ns)


def _reap(orphan: int) -> float:
    """CPU seconds of a process that the client left behind."""
    os.kill(orphan, signal.SIGTERM)
    _, _, used = os.wait4(orphan, 0)
    return used.ru_utime + used.ru_stime


def _children(pid: int) -> list[int]:
    found = []
    with contextlib.suppress(OSError):  # it has ended meanwhile
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += [int(word) for word in (task / "children").read_text(encoding="ascii").split()]
    return found


def _peak_kb(pid: int) -> int:
    """Of a process and all under it."""
    lines = []
    with contextlib.suppress(OSError):
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) + sum(map(_peak_kb, _children(pid)))


def _watch(process: subprocess.Popen[bytes], peak: list[int], is_over: threading.Event) -> None:
    until = time.monotonic() + _LIMIT_S
    while not is_over.wait(0.1):
        peak[0] = max(peak[0], _peak_kb(process.pid))
        if time.monotonic() > until:
            process.kill()


def busy_s() -> float:
    """CPU seconds that the two cores have worked since the machine started."""
    ticks = 0
    for line in Path("/proc/stat").read_text(encoding="ascii").splitlines():
        if line.split()[0] in {f"cpu{SERVER_CPU}", f"cpu{CLIENT_CPU}"}:
            numbers = [int(word) for word in line.split()[1:9]]
            ticks += sum(numbers) - numbers[3] - numbers[4]
    return ticks / os.sysconf("SC_CLK_TCK")


def own_s() -> float:
    """CPU seconds of this process itself."""
    return time.process_time()


def python() -> Path:
    """The interpreter that runs this; `bench` lies beside it."""
    return Path(sys.executable)

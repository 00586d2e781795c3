"""A small process between bench and a server: it ends the server and all its descendants as soon as bench closes its pipe or dies.

Run as a file, with the standard library only: `python -I -S guardian.py {log|pipe|talk} COMMAND…`. It reports on its standard output in JSON lines:
`{"started": pid}`, `{"refused": "why"}`, `{"exit": code}` (negative: the signal). The server's own output goes to the guardian's standard error,
which is the log; with `pipe` the server's standard output is the guardian's, so that it can report, too; with `talk` it also hears what bench says.
"""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

GRACE_S = 5.0  # between the polite and the hard end; llama.cpp and vLLM need well under a second
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36  # Source: linux/prctl.h
_LINUX = sys.platform == "linux"


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _die_with_guardian() -> None:
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def report(**message: object) -> None:
    """One line to bench, in one write; nobody may be listening any more."""
    with contextlib.suppress(OSError):
        os.write(1, (json.dumps(message) + "\n").encode())


def descendants(root: int) -> list[int]:
    """Every process below `root`, on Linux; elsewhere none."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat") if _LINUX else ():
        with contextlib.suppress(OSError, ValueError, IndexError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    found = [root]
    for pid in found:
        found.extend(child for child, parent in parents.items() if parent == pid)
    return found[1:]


def _signal_group(number: int) -> None:
    for pid in {*descendants(os.getpid())}:
        with contextlib.suppress(OSError):
            os.kill(pid, number)
    if not _LINUX:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        with contextlib.suppress(OSError):
            os.killpg(os.getpgid(0), number)


def end_tree(server: "subprocess.Popen[bytes]") -> None:
    """End the server and all it started: politely, then hard."""
    if sys.platform == "win32":
        subprocess.run(["taskkill", "/T", "/F", "/PID", str(server.pid)], check=False, capture_output=True)  # noqa: S607 - part of Windows
        return
    _signal_group(signal.SIGTERM)
    until = time.monotonic() + GRACE_S
    while time.monotonic() < until and (server.poll() is None or (_LINUX and _others(server))):
        time.sleep(0.01)
    _signal_group(signal.SIGKILL)


def _others(server: "subprocess.Popen[bytes]") -> bool:
    with contextlib.suppress(OSError):
        while os.waitpid(-1, os.WNOHANG)[0]:  # adopted processes that have ended
            pass
    return any(pid != server.pid for pid in descendants(os.getpid()))


def _watch_pipe(server: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(OSError):
        while said := os.read(0, 4096):
            if server.stdin is not None:
                with contextlib.suppress(OSError):  # it may have ended, which is told elsewhere
                    server.stdin.write(said)
    end_tree(server)
    os._exit(0)


def main() -> None:
    """Start the command, tell its process id, wait for its end or for the pipe's."""
    out = 2 if sys.argv[1] == "log" else 1
    if _LINUX:
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    try:
        server = subprocess.Popen(
            sys.argv[2:],
            stdin=subprocess.PIPE if sys.argv[1] == "talk" else subprocess.DEVNULL,
            stdout=out,
            bufsize=0,
            preexec_fn=_die_with_guardian if _LINUX else None,  # noqa: PLW1509 - no thread runs yet
        )
    except OSError as error:
        report(refused=f"{sys.argv[2]}: {error.strerror or error}")
        sys.exit(1)
    report(started=server.pid)
    threading.Thread(target=_watch_pipe, args=(server,), daemon=True).start()
    code = server.wait()
    report(exit=code)
    end_tree(server)


if __name__ == "__main__":
    main()

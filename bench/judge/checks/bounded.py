"""Work that a spec or an answer could make endless (regular expressions, JSON Schemas), done in a helper process with a time limit.

A pattern such as `(a+)+$` can take longer than the universe has, and Python's matcher cannot be interrupted from outside: only a process of its own
can be ended for certain. The process starts when first needed, is kept for the next job, and is started anew after it had to be ended.
"""

import json
import sys
import threading
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import subprocess

TIME_LIMIT_S = 2.0  # a linear match of a whole answer takes milliseconds; 2 s leaves room for a busy machine
TEXT_LIMIT = 200_000  # characters; an answer of 50,000 tokens
_WORKER = Path(__file__).with_name("bounded_worker.py")


class Undecided(Exception):
    """The job came to no end, or to none that is an answer; the message says why."""


class BoundedProcess:
    """The helper process. One per program (`SHARED`) is enough; calls from several threads wait for each other."""

    def __init__(self, limit_s: float = TIME_LIMIT_S) -> None:
        """Start nothing yet."""
        self.limit_s = limit_s
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, job: dict[str, Any]) -> dict[str, Any]:
        """The answer to one job.

        Raises: Undecided when it took too long, or ended in an error.
        """
        try:
            line = json.dumps(job | {"limit_s": self.limit_s}).encode() + b"\n"
        except RecursionError as error:
            raise Undecided("it is nested too deeply") from error
        with self._lock:
            answer: dict[str, Any] = json.loads(self._exchange(line))
        if "error" in answer:
            raise Undecided(str(answer["error"]))
        return answer

    def _exchange(self, line: bytes) -> bytes:
        """The answering line. Whatever goes wrong, also an interrupt, ends the process, so that no late answer meets the next question."""
        answer = b""
        try:
            if self._process is None or self._process.poll() is not None:
                self._start()
            answer = self._talk(line)
        finally:
            if not answer:
                self.close()
        return answer

    def _talk(self, line: bytes) -> bytes:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise Undecided("its helper process could not be started")
        try:
            process.stdin.write(line)
            process.stdin.flush()
            answer = process.stdout.readline()
        except BrokenPipeError as error:
            raise Undecided("its helper process ended before it could read the question") from error
        if answer.endswith(b"\n"):
            return answer
        code = process.wait()
        if code == 1:  # faulthandler's `_exit(1)`: the watchdog
            raise Undecided(f"it took longer than {self.limit_s:g} s and was ended")
        raise Undecided(f"its helper process ended with code {code}")

    def _start(self) -> None:
        self.close()
        command = [sys.executable, "-I", "-S", str(_WORKER)]
        import subprocess  # noqa: PLC0415 - checking a spec makes rules and decides nothing

        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
        self._process = process
        self._end = weakref.finalize(self, _end, process)
        if process.stdin is not None:
            process.stdin.write(json.dumps({"path": [place for place in sys.path if place]}).encode() + b"\n")

    def close(self) -> None:
        """End the process, if there is one. The next job starts another."""
        if self._process is not None:
            self._process = None
            self._end()


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except BrokenPipeError:  # what was still in the buffer has no reader any more
                continue


SHARED = BoundedProcess()

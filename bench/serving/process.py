"""A server in a child process: start, log, readiness, memory, end.

A guardian stands between bench and the server (`guardian.py`): closing the pipe to it, also by dying, ends the server and everything it started.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from bench.errors import ServingError
from bench.protocols import ServingContext
from bench.records.plan import Treatment
from bench.serving.process_tree import ProcessTree

_GUARDIAN = Path(__file__).with_name("guardian.py")
_END_S = 8.0  # the guardian's own grace, and then some
_SAMPLE_S = 0.5  # between two readings of the tree's memory
_TAIL_LINES, _TAIL_WIDTH = 12, 240
MOST_LOG = 64 << 20  # bytes of one start; of a longer log the first and the last part stay, so that no server fills the disk
_HEAD, _END = 1 << 20, 1 << 18
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_OUT_OF_MEMORY = re.compile(r"out of memory|cannot allocate memory|bad_alloc|failed to allocate|MemoryError|ErrorOutOf\w*Memory", re.IGNORECASE)


def exit_reason(code: int) -> str:
    """A process's end in words, from its exit code (negative: minus the signal)."""
    if code >= 0:
        return f"exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"killed by {name}, probably out of memory" if name == "SIGKILL" else f"ended by {name}"


class ChildProcess:
    """A server process with its log. Started by the constructor; `close` ends the whole tree and may be called twice.

    `stdout`: "log" appends the server's standard output to the log; "pipe" lets it report in JSON lines (see `wait_report`); "talk" lets it also be
    spoken to (see `say`).
    `spawns`: whether the server may start processes of its own, so that their memory is read, too.

    Raises: ServingError when the program cannot be started.
    """

    def __init__(
        self, argv: Sequence[str], *, environment: Mapping[str, str], log: Path, stdout: Literal["log", "pipe", "talk"] = "log", spawns: bool = True
    ) -> None:
        """Start it."""
        self.log = log
        self.started = time.perf_counter()
        try:
            log.parent.mkdir(parents=True, exist_ok=True)
            log.open("ab").close()
            self._log_start = log.stat().st_size
        except OSError as error:
            raise ServingError(f"its log cannot be written: {error}", hint="make room in that folder, or make it writable") from error
        try:
            self._guardian = _guard([stdout, *argv], environment, log)
        except (OSError, ValueError) as error:  # ValueError: a word or name that no operating system takes
            raise ServingError(f"the program cannot be started: {error}", hint="look at the command") from error
        self._told: dict[str, Any] = {}
        self._news = threading.Condition()
        self._reading = threading.Lock()
        self._closing = False
        self._end = "ended by bench"
        self._listener = threading.Thread(target=self._listen, name=f"listen to {log.stem}", daemon=True)
        self._listener.start()
        self._wait_for(lambda: bool(self._told), time.perf_counter() + 10.0)
        if "started" not in self._told:
            self.close()
            raise ServingError(
                f"the program cannot be started: {self._told.get('refused', 'no answer from the guarding process')}", state="unavailable"
            )
        self.pid: int = self._told["started"]
        _offer_to_oom_killer(self.pid)
        self.tree = ProcessTree(self.pid, spawns=spawns, adopter=self._guardian.pid)
        self._cpu_loaded_s = 0.0
        self._cpu_s: float | None = None
        self.rss_loaded_bytes: int | None = None
        self._rss_peak_bytes = 0
        if spawns:
            threading.Thread(target=self._sample, name=f"memory of {log.stem}", daemon=True).start()

    def _listen(self) -> None:
        assert self._guardian.stdout is not None  # noqa: S101 - it was asked for as a pipe
        with self._guardian.stdout as lines:
            for line in lines:
                with contextlib.suppress(ValueError):
                    told = json.loads(line)
                    if isinstance(told, dict):
                        with self._news:
                            self._told.update(told)
                            self._news.notify_all()
        with self._news:
            self._told["silent"] = True
            self._news.notify_all()

    def _wait_for(self, condition: Callable[[], bool], until: float) -> bool:
        with self._news:
            return self._news.wait_for(condition, max(0.0, until - time.perf_counter()))

    def death(self) -> str | None:
        """Why the process is gone, or None while it lives."""
        if self._closing:
            return self._end
        if "exit" in self._told:
            return exit_reason(self._told["exit"])
        return "the guarding process is gone" if "silent" in self._told else None

    def wait_report(self, keys: Sequence[str], until: float) -> tuple[str, Any] | None:
        """The first of these keys that the server reports, with its value; None when it is gone or the time (of `time.perf_counter`) has come."""

        def first() -> tuple[str, Any] | None:
            return next(((key, self._told[key]) for key in keys if key in self._told), None)

        self._wait_for(lambda: first() is not None or self.death() is not None, until)
        return first()

    def say(self, **message: object) -> None:
        """One JSON line to a server that was started with "talk". One that is gone hears nothing."""
        assert self._guardian.stdin is not None  # noqa: S101 - it was asked for as a pipe
        with contextlib.suppress(OSError, ValueError):  # ValueError: the pipe is closed
            self._guardian.stdin.write((json.dumps(message) + "\n").encode())
            self._guardian.stdin.flush()

    def told(self, key: str) -> Any:
        """What the server last reported under this key; None when it has not."""
        with self._news:
            return self._told.get(key)

    def wait_end(self, timeout_s: float) -> None:
        """Wait until the process is gone, at most so long."""
        self._wait_for(lambda: self.death() is not None, time.perf_counter() + timeout_s)

    def mark_loaded(self) -> float:
        """Take memory and CPU time as of now as those of the loaded model. Returns the seconds since the start."""
        load_s = time.perf_counter() - self.started
        self.tree.look_again()  # of a server that has just started its workers, their memory is what matters
        self._cpu_loaded_s = self.tree.cpu_s() or 0.0
        self.rss_loaded_bytes = self.tree.rss_bytes()
        return load_s

    def _sample(self) -> None:
        while self.death() is None and not self._closing:
            self._read_memory()
            self._shorten_log()
            time.sleep(_SAMPLE_S)

    def _shorten_log(self) -> None:
        """Leave out the middle of a log that has become too long. Its server appends, so it goes on behind what is left; not so on Windows."""
        with contextlib.suppress(OSError), self._reading:
            size = self.log.stat().st_size
            if self._closing or size - self._log_start <= MOST_LOG or sys.platform == "win32":
                return
            end = self.log_text(_END)
            os.truncate(self.log, self._log_start + _HEAD)
            with self.log.open("a", encoding="utf-8") as stream:
                stream.write(f"\n[bench: some {size - self._log_start - _HEAD - _END:,} bytes are left out here]\n{end}")

    def _read_memory(self) -> None:
        with self._reading:
            # The kernel's own peak may lag a little behind its present size, so what was read at loading counts, too.
            readings = (self._rss_peak_bytes, self.rss_loaded_bytes, self.tree.rss_bytes(), self.tree.root_peak_bytes())
            self._rss_peak_bytes = max(reading or 0 for reading in readings)

    def rss_peak_bytes(self) -> int | None:
        """The highest resident size so far. Exact where the kernel counts it and the server is one process; else from readings every 0.5 s."""
        if self.death() is None:
            self._read_memory()
        return self._rss_peak_bytes or None

    def cpu_s(self) -> float | None:
        """CPU seconds of the tree since `mark_loaded`; the last reading once it is gone."""
        if self.death() is None and (total := self.tree.cpu_s()) is not None:
            self._cpu_s = total - self._cpu_loaded_s
        return self._cpu_s

    def log_text(self, most: int = 1 << 20) -> str:
        """The end of this start's log, at most so many bytes."""
        return _end_of(self.log, self._log_start, most)

    def tail(self) -> str:
        """The last lines of this start's log, without control characters, bounded."""
        return last_lines(self.log, self._log_start)

    def ran_out_of_memory(self) -> bool:
        """Whether the end looks like one for want of memory."""
        return "out of memory" in (self.death() or "") or _OUT_OF_MEMORY.search(self.tail()) is not None

    def close(self) -> None:
        """End it and everything it started: politely, then hard."""
        if hasattr(self, "tree") and self.death() is None:
            self.rss_peak_bytes()
            self.cpu_s()
        if not self._closing:
            self._end = self.death() or "ended by bench"
            with self._reading:  # from here on the log is left as it is
                self._closing = True
        assert self._guardian.stdin is not None  # noqa: S101 - it was asked for as a pipe
        with contextlib.suppress(OSError):
            self._guardian.stdin.close()
        try:
            self._guardian.wait(_END_S)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(OSError):
                self._guardian.kill() if sys.platform == "win32" else os.killpg(self._guardian.pid, signal.SIGKILL)
            self._guardian.wait()
        self._listener.join(1.0)


def _end_of(log: Path, start: int, most: int) -> str:
    try:
        with log.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(start, size - most))
            return stream.read(most).decode(errors="replace")
    except OSError:
        return ""


def last_lines(log: Path, start: int) -> str:
    """The last lines of a log from byte `start` on, without control characters, bounded."""
    text = _CONTROL.sub("", _end_of(log, start, 16384).replace("\r", "\n"))
    lines = [line.rstrip()[:_TAIL_WIDTH] for line in text.split("\n")]
    return "\n".join([line for line in lines if line][-_TAIL_LINES:])


def _guard(words: list[str], environment: Mapping[str, str], log: Path) -> "subprocess.Popen[bytes]":
    with log.open("ab") as stream:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", str(_GUARDIAN), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stream,
            env=dict(environment),
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )


def log_path(treatment: Treatment, context: ServingContext) -> Path:
    """Where the server of a treatment writes its log; ids become file names only with what is harmless in them."""
    name = re.sub(r"[^A-Za-z0-9._-]", "_", f"{treatment.model_id}-{treatment.variant_id}-{treatment.digest[:8]}")
    return context.log_folder / f"{name}.log"


def _offer_to_oom_killer(pid: int) -> None:
    """Let Linux end the server, not the measuring process, when memory runs out."""
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/oom_score_adj").write_text("500", encoding="ascii")

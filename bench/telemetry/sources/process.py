"""`process`: the process trees of the served models, and of the client that measures them."""

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

from bench.errors import SourceAbsent
from bench.protocols import TelemetryMeans, WatchedTree
from bench.records.plan import ServingKey
from bench.records.telemetry import GpuFacts, ProcessReading, Readings
from bench.telemetry.pseudo_files import PseudoFile

try:
    import psutil
except ModuleNotFoundError:  # without the extra `local`: Linux needs it not
    psutil = None  # type: ignore[assignment]

# Fields of /proc/<pid>/stat after the closing bracket of the name, counted from 0: proc_pid_stat(5), fields 14, 15, 20 and 24 there.
_USER, _SYSTEM, _THREADS, _RESIDENT = 11, 12, 17, 21


class _Now(NamedTuple):
    cpu_s: float
    rss_bytes: int
    threads: int


class Process:
    """CPU time, resident size and threads of each tree. What ended processes have used stays counted."""

    gives: ClassVar[frozenset[Literal["gpu", "energy"]]] = frozenset()
    gpus: tuple[GpuFacts, ...] = ()

    def __init__(self, means: TelemetryMeans, proc: Path = Path("/proc")) -> None:
        """Read nothing yet. Raises: SourceAbsent where processes cannot be looked into."""
        self._trees = means.trees
        is_linux = sys.platform == "linux" or proc != Path("/proc")
        if not is_linux and psutil is None:
            raise SourceAbsent("processes are read by the Python package psutil, which is not installed", hint="pip install 'bench-spec[local]'")
        self._look = _Linux(proc) if is_linux else _Elsewhere()
        self.detail = "CPU time, memory and threads of the served models" + ("" if is_linux else ", by psutil")
        self._last: dict[tuple[ServingKey, int], float] = {}
        self._used_s: dict[ServingKey, float] = {}

    def read(self) -> Readings:
        """Every tree as of now."""
        trees = self._trees()
        found = tuple(self._tree(tree) for tree in trees)
        alive = {((tree.model_id, tree.treatment_digest), pid) for tree in trees for pid in tree.pids}
        self._last = {key: used for key, used in self._last.items() if key in alive}
        self._look.keep({pid for _, pid in alive})
        return Readings(processes=found)

    def _tree(self, tree: WatchedTree) -> ProcessReading:
        key = (tree.model_id, tree.treatment_digest)
        if not tree.is_known:
            return ProcessReading(model_id=tree.model_id, treatment_digest=tree.treatment_digest, is_known=False)
        is_new = key not in self._used_s
        used_s = self._used_s.get(key, 0.0)
        members = list(self._members(tree.pids))
        for pid, now in members:
            # Of a process that was there before us only what it uses from now on counts; one that came later belongs to the tree from its start.
            before_s = self._last.get((key, pid), now.cpu_s if is_new else 0.0)
            used_s += max(0.0, now.cpu_s - before_s)
            self._last[key, pid] = now.cpu_s
        if members:
            self._used_s[key] = used_s
        return ProcessReading(
            model_id=tree.model_id,
            treatment_digest=tree.treatment_digest,
            cpu_s=used_s,
            rss_bytes=sum(now.rss_bytes for _, now in members) if members else None,
            threads=sum(now.threads for _, now in members) if members else None,
            processes=len(members),
        )

    def _members(self, pids: frozenset[int]) -> Iterator[tuple[int, _Now]]:
        for pid in sorted(pids):
            now = self._look.at(pid)
            if now is not None:
                yield pid, now

    def close(self) -> None:
        """Close the files."""
        self._look.keep(set())


class _Linux:
    def __init__(self, proc: Path) -> None:
        self._proc = proc
        self._files: dict[int, PseudoFile] = {}
        self._tick_s, self._page = 1.0 / os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")

    def at(self, pid: int) -> _Now | None:
        file = self._files.get(pid)
        if file is None:
            file = self._files[pid] = PseudoFile(self._proc / str(pid) / "stat")
        words = file.read().rpartition(b")")[2].split()
        if len(words) <= _RESIDENT:
            return None
        used_s = (int(words[_USER]) + int(words[_SYSTEM])) * self._tick_s
        return _Now(used_s, int(words[_RESIDENT]) * self._page, int(words[_THREADS]))

    def keep(self, pids: set[int]) -> None:
        for pid in self._files.keys() - pids:
            self._files.pop(pid).close()


class _Elsewhere:
    def __init__(self) -> None:
        self._known: dict[int, psutil.Process] = {}

    def at(self, pid: int) -> _Now | None:
        with suppress(psutil.Error):
            one = self._known.get(pid) or psutil.Process(pid)
            self._known[pid] = one
            with one.oneshot():
                times = one.cpu_times()
                return _Now(times.user + times.system, one.memory_info().rss, one.num_threads())
        return None

    def keep(self, pids: set[int]) -> None:
        for pid in self._known.keys() - pids:
            del self._known[pid]

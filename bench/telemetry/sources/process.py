"""`process`: the process trees of the served models, and of the client that measures them."""

import os
import sys
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

# Fields of /proc/<pid>/stat after the closing bracket of the name, counted from 0: proc_pid_stat(5), fields 4, 14 to 17, 20, 22 and 24 there.
_PARENT, _USER, _SYSTEM, _CHILDREN_USER, _CHILDREN_SYSTEM, _THREADS, _STARTED, _RESIDENT = 1, 11, 12, 13, 14, 17, 19, 21


class _Now(NamedTuple):
    """A process. `children_s`: what children used that have ended and were waited for; `started` tells it from another one of the same number."""

    cpu_s: float
    rss_bytes: int
    threads: int
    started: float = 0.0
    parent: int = 0
    children_s: float = 0.0


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
        self._last: dict[int, _Now] = {}
        self._used_s: dict[ServingKey, float] = {}

    def read(self) -> Readings:
        """Every tree as of now."""
        trees = self._trees()
        now = {pid: one for tree in trees for pid in tree.pids if (one := self._look.at(pid)) is not None}
        # A listing can miss a process that is there (proc_pid_children(5)); what it had used by then must not count again when it is back.
        missed = {pid for pid in self._last.keys() - now.keys() if (one := self._look.at(pid)) and one.started == self._last[pid].started}
        counted_s = self._counted_s({pid: one for pid, one in self._last.items() if pid not in missed and not _is_same(one, now.get(pid))})
        found = tuple(self._tree(tree, now, counted_s) for tree in trees)
        self._last = {pid: self._last[pid] for pid in missed} | now
        self._look.keep(set(self._last))
        return Readings(processes=found)

    def _counted_s(self, gone: dict[int, _Now]) -> dict[int, float]:
        """Of ended processes what was counted already, by the one that will have waited for them: it is in that one's `children_s`, too."""
        found: dict[int, float] = {}
        for one in gone.values():
            parent, left = one.parent, len(gone)
            while parent in gone and left:
                parent, left = gone[parent].parent, left - 1
            found[parent] = found.get(parent, 0.0) + one.cpu_s + one.children_s
        return found

    def _tree(self, tree: WatchedTree, now: dict[int, _Now], counted_s: dict[int, float]) -> ProcessReading:
        key = (tree.model_id, tree.treatment_digest)
        if not tree.is_known:
            return ProcessReading(model_id=tree.model_id, treatment_digest=tree.treatment_digest, is_known=False)
        is_new = key not in self._used_s
        used_s = self._used_s.get(key, 0.0)
        members = [now[pid] for pid in sorted(tree.pids & now.keys())]
        for pid in sorted(tree.pids & now.keys()):
            one, was = now[pid], self._last.get(pid)
            if was is None or not _is_same(was, one):
                # Of a process that was there before us only what it uses from now on counts; one that came later belongs to the tree from its start.
                was = one if is_new else one._replace(cpu_s=0.0, children_s=0.0)
            # Children that came and went between two listings are in what their parent tells of them.
            used_s += max(0.0, one.cpu_s - was.cpu_s) + max(0.0, one.children_s - was.children_s - counted_s.get(pid, 0.0))
        if members:
            self._used_s[key] = used_s
        return ProcessReading(
            model_id=tree.model_id,
            treatment_digest=tree.treatment_digest,
            cpu_s=used_s,
            rss_bytes=sum(one.rss_bytes for one in members) if members else None,
            threads=sum(one.threads for one in members) if members else None,
            processes=len(members),
        )

    def close(self) -> None:
        """Close the files."""
        self._look.keep(set())


def _is_same(one: _Now, other: _Now | None) -> bool:
    return other is not None and one.started == other.started


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
        children_s = (int(words[_CHILDREN_USER]) + int(words[_CHILDREN_SYSTEM])) * self._tick_s
        return _Now(used_s, int(words[_RESIDENT]) * self._page, int(words[_THREADS]), float(words[_STARTED]), int(words[_PARENT]), children_s)

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
                return _Now(times.user + times.system, one.memory_info().rss, one.num_threads(), one.create_time())
        return None

    def keep(self, pids: set[int]) -> None:
        for pid in self._known.keys() - pids:
            del self._known[pid]

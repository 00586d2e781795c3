"""Memory and CPU time of a process and its descendants. The only file that imports psutil (extra `local`); without it nothing is known."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

try:
    import psutil
except ModuleNotFoundError:  # without the extra `local`: sizes are unknown, not zero
    psutil = None  # type: ignore[assignment]

# Linux tells the children of each thread, so that those of a tree of few threads are listed for each reading. Elsewhere that takes reading every
# process of the machine.
_TELLS_CHILDREN = Path(f"/proc/self/task/{os.getpid()}/children").exists()
_FEW_THREADS = 200  # a server of 1500 threads took a tenth of a core of the measuring process to list twice a second
_LIST_AGAIN = 10  # of all others only each tenth reading lists them, and each that must be right


def is_readable() -> bool:
    """Whether memory and CPU time can be read at all."""
    return psutil is not None


class ProcessTree:
    """Readings of one process tree. Resident sizes are summed, so memory that processes share counts once for each.

    `spawns` says whether the root may start others; if not, only the root is read. `adopter`: the process whose children those become that the root
    or its children have left behind.
    """

    def __init__(self, pid: int, *, spawns: bool = True, adopter: int | None = None) -> None:
        """Look at the tree below this process."""
        self._pid = pid
        self._spawns = spawns
        self._adopter = adopter
        self._members: list[psutil.Process] = []
        self._readings = 0
        self._is_quick = _TELLS_CHILDREN

    def _list(self) -> list["psutil.Process"]:
        if psutil is None:
            return []
        if not self._members or (self._spawns and (self._is_quick or self._readings % _LIST_AGAIN == 0)):
            self._members = list(self._found())
        self._readings += 1
        return self._members

    def _found(self) -> Iterator["psutil.Process"]:
        """The root, then all others that live."""
        with contextlib.suppress(psutil.Error):
            root = psutil.Process(self._pid)
            yield root
            if self._spawns and not _TELLS_CHILDREN:
                yield from root.children(recursive=True)
        if self._spawns and _TELLS_CHILDREN:
            below, n_threads = _descendants(self._pid, self._adopter)
            self._is_quick = n_threads <= _FEW_THREADS
            for pid in below:
                with contextlib.suppress(psutil.Error):
                    yield psutil.Process(pid)

    def look_again(self) -> None:
        """List the descendants anew for the next reading."""
        self._readings = 0

    def pids(self) -> frozenset[int]:
        """The processes of the tree, as of now; none where they cannot be read."""
        self.look_again()
        return frozenset(member.pid for member in self._list())

    def rss_bytes(self) -> int | None:
        """Resident size now; None when it cannot be read."""
        sizes: list[int] = []
        for member in self._list():
            with contextlib.suppress(psutil.Error):
                sizes.append(member.memory_info().rss)
        return sum(sizes) if sizes else None

    def root_peak_bytes(self) -> int | None:
        """The root's own highest resident size as the kernel counted it (Linux `VmHWM`, Windows peak working set); None elsewhere."""
        if sys.platform == "win32":
            for root in self._list()[:1]:
                with contextlib.suppress(psutil.Error):
                    return int(root.memory_info().peak_wset)
            return None
        with contextlib.suppress(OSError, ValueError, IndexError):
            lines = Path(f"/proc/{self._pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
            return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), None)
        return None

    def cpu_s(self) -> float | None:
        """CPU time that the tree has used so far, with that of ended children the root has waited for; None when it cannot be read."""
        used: list[float] = []
        for member in self._list():
            with contextlib.suppress(psutil.Error):
                times = member.cpu_times()
                used.append(times.user + times.system)
                if member.pid == self._pid:
                    used.append(getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0))
        return sum(used) if used else None


def _descendants(root: int, adopter: int | None) -> tuple[list[int], int]:
    """All below the root, without itself, and what the adopter took over from it; and how many threads were asked for their children."""
    taken_over, n_threads = _children(adopter) if adopter is not None else ([], 0)
    found = [root, *(pid for pid in taken_over if pid != root)]
    for pid in found:
        children, n_more = _children(pid)
        found += children
        n_threads += n_more
    return found[1:], n_threads


def _children(pid: int) -> tuple[list[int], int]:
    """The children of all of a process's threads, and how many these are; none when it is gone. Source: proc_pid_task(5)."""
    found: list[int] = []
    threads: list[str] = []
    with contextlib.suppress(OSError):
        threads = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208 - names are all that is wanted, and this is read often
    for thread in threads:
        with contextlib.suppress(OSError, ValueError), open(f"/proc/{pid}/task/{thread}/children", "rb", buffering=0) as told:  # noqa: PTH123 - as above
            found += map(int, told.read().split())
    return found, len(threads)


def foreign_listener(port: int, tree: ProcessTree) -> tuple[int, str] | None:
    """The process outside of the tree that listens on a port of this machine, and its name; None where none is seen.

    Processes of other users are not seen, and on macOS none is; then it is taken for the tree's own.
    """
    holders = _holders(port)
    return _named(holders) if holders and not holders & tree.pids() else None


def listener(port: int) -> tuple[int, str] | None:
    """The process that listens on a port of this machine, and its name; None where it is not seen."""
    return _named(_holders(port))


def _holders(port: int) -> frozenset[int]:
    """All that listen there; none where not all of them are seen."""
    if psutil is None:
        return frozenset()
    try:
        listed = psutil.net_connections("tcp")
    except (psutil.Error, OSError, ValueError):
        return frozenset()
    found = [each.pid for each in listed if each.status == psutil.CONN_LISTEN and each.laddr and each.laddr.port == port]
    return frozenset(pid for pid in found if pid) if all(found) else frozenset()


def _named(holders: frozenset[int]) -> tuple[int, str] | None:
    try:
        return next(((pid, psutil.Process(pid).name()) for pid in sorted(holders)), None)
    except psutil.Error:
        return None


def started_at(pid: int) -> float | None:
    """When a process was started, in seconds since 1970; None where that cannot be read."""
    try:
        return None if psutil is None else float(psutil.Process(pid).create_time())
    except psutil.Error:
        return None

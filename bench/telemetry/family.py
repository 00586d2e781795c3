"""Which processes are ours: those of each served model, and bench itself with its workers."""

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from bench.protocols import WatchedTree
from bench.records.plan import ServingKey

try:
    import psutil
except ModuleNotFoundError:  # without the extra `local`: only Linux lists children by itself
    psutil = None  # type: ignore[assignment]

Known = dict[int, list[int] | None]
"""The children of processes that were asked for them; None of one that is gone."""


class Family:
    """Our processes, by descent: `look` lists them anew, `trees` says what was listed. `proc` stands in for `/proc` in tests."""

    def __init__(self, proc: Path = Path("/proc"), own_pid: int | None = None) -> None:
        """Only bench itself is known yet."""
        self._proc = proc
        self._own_pid = os.getpid() if own_pid is None else own_pid
        self._served: dict[ServingKey, int | None] = {}
        self._trees: tuple[WatchedTree, ...] = ()
        self.look()

    def watch(self, served: Mapping[ServingKey, int | None]) -> None:
        """The served models from now on, with the process that each was started as; None: it is not known."""
        self._served = dict(served)
        self.look()

    def look(self) -> None:
        """List the descendants of every known process. Each process is asked once for its children: a large server has a thousand threads to ask."""
        known: Known = {}
        own = descendants(self._own_pid, self._proc, known)
        found: list[WatchedTree] = []
        taken: set[int] = set()
        for (model_id, digest), pid in self._served.items():
            # A server inside of bench's own process (a test's, say) is not to be told apart from the client.
            pids = self._of(pid, own, known) if pid is not None and pid != self._own_pid else frozenset()
            taken |= pids
            found.append(WatchedTree(model_id=model_id, treatment_digest=digest, pids=pids, is_known=bool(pids)))
        self._trees = (WatchedTree(model_id="", treatment_digest="", pids=own - taken), *found)

    def _of(self, pid: int, own: frozenset[int], known: Known) -> frozenset[int]:
        """A server with its descendants, and what its guardian took over from them: the process between bench and a server that bench started."""
        guardian = _parent(pid, self._proc)
        is_ours = guardian is not None and guardian in own - {self._own_pid}
        adopted = descendants(guardian, self._proc, known) - {guardian} if guardian is not None and is_ours else frozenset()
        return descendants(pid, self._proc, known) | adopted

    def trees(self) -> tuple[WatchedTree, ...]:
        """Bench without its servers, then each served model."""
        return self._trees


def descendants(pid: int, proc: Path = Path("/proc"), known: Known | None = None) -> frozenset[int]:
    """A process and all that descend from it; empty when it is gone. `known`: what was asked before, and is not asked again."""
    known = {} if known is None else known
    found: set[int] = set()
    left = [pid]
    while left:
        one = left.pop()
        if one not in known:
            known[one] = _children(one, proc)
        children = known[one]
        if one in found or children is None:
            continue
        found.add(one)
        left += children
    return frozenset(found)


def _parent(pid: int, proc: Path) -> int | None:
    """The parent of a process on Linux; None elsewhere, and when it is gone. Source: proc_pid_stat(5), field 4, behind the name in brackets."""
    if sys.platform != "linux":
        return None
    with suppress(OSError, ValueError, IndexError):
        return int((proc / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1])
    return None


def _children(pid: int, proc: Path) -> list[int] | None:
    """The children of all of a process's threads; None when it is gone."""
    if sys.platform != "linux":
        return _children_elsewhere(pid)
    try:
        threads = os.listdir(proc / str(pid) / "task")  # noqa: PTH208 - names are all that is wanted, and this is read often
    except OSError:
        return None
    found: list[int] = []
    for thread in threads:
        with suppress(OSError, ValueError):  # a thread that has just ended
            found += map(int, (proc / str(pid) / "task" / thread / "children").read_bytes().split())
    return found


def _children_elsewhere(pid: int) -> list[int] | None:
    if psutil is None:
        return []
    try:
        return [child.pid for child in psutil.Process(pid).children()]
    except psutil.Error:
        return None


# What listens in the place of a server in a container, or on another machine: its CPU time and memory are not the model's.
_FORWARDERS = {"docker-proxy", "rootlessport", "rootlesskit", "slirp4netns", "pasta", "pasta.avx2", "conmon", "socat", "ssh", "sshd", "kubectl"}


def listener(port: int, proc: Path = Path("/proc")) -> int | None:
    """The process that listens on a port of this machine, as far as we may see; a server that bench did not start has no other name."""
    if sys.platform == "linux":
        return _owner(_sockets(port, proc), proc)
    if psutil is not None:
        with suppress(psutil.Error, OSError):
            for each in psutil.net_connections("tcp"):
                if each.status == psutil.CONN_LISTEN and each.laddr and each.laddr.port == port and each.pid:
                    return int(each.pid)
    return None


def _sockets(port: int, proc: Path) -> set[str]:
    """What file descriptors on a listening socket of this port are called. Source: proc_net(5), `tcp`: state 0A listens, field 10 is the inode."""
    found = set()
    for table in ("net/tcp", "net/tcp6"):
        with suppress(OSError):
            for line in (proc / table).read_text(encoding="ascii").splitlines()[1:]:
                words = line.split()
                if len(words) > 9 and words[3] == "0A" and int(words[1].rpartition(":")[2], 16) == port:
                    found.add(f"socket:[{words[9]}]")
    return found


def _owner(sockets: set[str], proc: Path) -> int | None:
    """The youngest process that holds one of these, so that of a server and its parent it is the server; None where it only forwards."""
    for pid in sorted((int(name) for name in os.listdir(proc) if name.isdigit()), reverse=True) if sockets else ():  # noqa: PTH208 - as above
        with suppress(OSError):
            folder = f"{proc}/{pid}/fd"
            if any(os.readlink(f"{folder}/{file}") in sockets for file in os.listdir(folder)):  # noqa: PTH115, PTH208 - thousands of them
                name = (proc / str(pid) / "comm").read_text(encoding="utf-8", errors="replace").strip()
                return None if name in _FORWARDERS else pid
    return None

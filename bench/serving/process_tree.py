"""Memory and CPU time of a process and its descendants. The only file that imports psutil (extra `local`); without it nothing is known."""

import contextlib
import sys
from pathlib import Path

try:
    import psutil
except ModuleNotFoundError:  # without the extra `local`: sizes are unknown, not zero
    psutil = None  # type: ignore[assignment]

_LIST_AGAIN = 10  # listing all descendants reads every process of the machine, so only each tenth reading does it


def is_readable() -> bool:
    """Whether memory and CPU time can be read at all."""
    return psutil is not None


class ProcessTree:
    """Readings of one process tree. Resident sizes are summed, so memory that processes share counts once for each.

    `spawns` says whether the root may start others; if not, only the root is read.
    """

    def __init__(self, pid: int, *, spawns: bool = True) -> None:
        """Look at the tree below this process."""
        self._pid = pid
        self._spawns = spawns
        self._members: list[psutil.Process] = []
        self._readings = 0

    def _list(self) -> list["psutil.Process"]:
        if psutil is None:
            return []
        if self._readings % _LIST_AGAIN == 0:
            with contextlib.suppress(psutil.Error):
                root = self._members[0] if self._members else psutil.Process(self._pid)
                self._members = [root, *(root.children(recursive=True) if self._spawns else ())]
        self._readings += 1
        return self._members

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
        for place, member in enumerate(self._list()):
            with contextlib.suppress(psutil.Error):
                times = member.cpu_times()
                used.append(times.user + times.system)
                if place == 0:
                    used.append(getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0))
        return sum(used) if used else None

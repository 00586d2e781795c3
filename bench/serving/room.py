"""How much a download may still take, so that a server that never ends cannot fill a disk."""

import errno
import os
import shutil
from pathlib import Path

_KEPT = 20  # one part in so many of what is free stays free, for all else that writes


class Room:
    """The disk's room for one download, as it was when this began."""

    def __init__(self, folder: Path) -> None:
        """Look how much is free where the folder is."""
        free = shutil.disk_usage(os.fspath(folder)).free
        self._folder = folder
        self._most_bytes = free - free // _KEPT

    def take(self, n_bytes: int) -> None:
        """Whether so many bytes, of this download in all, fit.

        Raises: OSError, ENOSPC, with both numbers in words.
        """
        if n_bytes > self._most_bytes:
            raise OSError(errno.ENOSPC, f"{n_bytes / 1e6:.0f} MB do not fit into {self._most_bytes / 1e6:.0f} MB", str(self._folder))

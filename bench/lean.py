"""What keeps the evaluation of a long run from taking more of a machine than it uses."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_MMAP_THRESHOLD = -3  # of mallopt(3)
_LARGE = 1 << 20  # bytes


@contextmanager
def lean() -> Iterator[None]:
    """A numpy that is loaded in here multiplies with one thread, and memory is given back.

    At what a run has to multiply, several threads wait for each other longer than they work.
    """
    give_back()
    was = os.environ.get("OPENBLAS_NUM_THREADS")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        yield
    finally:
        if was is None:
            os.environ.pop("OPENBLAS_NUM_THREADS", None)


def give_back() -> None:
    """Give back what memory is free now, and from now on what a large array held as soon as it is gone.

    glibc keeps ever larger arrays, once there was one as large, in a heap that shrinks at its end alone: a run of a million answers would hold a
    third more than it uses. Other C libraries are left as they are.
    """
    with suppress(OSError, AttributeError, TypeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_MMAP_THRESHOLD, _LARGE)
        libc.malloc_trim(0)

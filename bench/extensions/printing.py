"""Keeping standard output for results: what foreign code prints goes to standard error."""

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress


@contextmanager
def aside() -> Iterator[None]:
    """In here whatever prints, native code and child processes among it, prints to standard error."""
    sys.stdout.flush()
    kept = None
    with suppress(OSError, ValueError):  # a stream that is no file, as in a notebook: then what native code prints stays where it goes
        if sys.stdout.fileno() == 1:
            kept = os.dup(1)
            os.dup2(sys.stderr.fileno(), 1)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        if kept is not None:
            with suppress(OSError, AttributeError, TypeError):
                ctypes.CDLL(None).fflush(None)  # what C code has printed and its library holds back (POSIX)
            os.dup2(kept, 1)
            os.close(kept)

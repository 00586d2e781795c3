"""Keeps the garbage collector out of the measured path."""

import contextlib
import gc
from collections.abc import Iterator

# Collect by hand after so many settled answers: bounds what cycles can pile up, and costs little because all that is older is set aside.
SETTLED_PER_COLLECTION = 2000


def collect() -> None:
    """Collect what has come since the last time, and set aside what lives: the next time is as short as this one."""
    gc.collect()
    gc.freeze()


@contextlib.contextmanager
def quiet_collector() -> Iterator[None]:
    """Collect once, set aside what lives, and collect only when asked; as before afterwards."""
    was_enabled = gc.isenabled()
    collect()
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        if was_enabled:
            gc.enable()

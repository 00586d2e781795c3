"""Keeps the garbage collector out of the measured path."""

import contextlib
import gc
from collections.abc import Iterator

# Collect by hand after so many settled answers: bounds what cycles can pile up, and costs little because all that is older is frozen.
SETTLED_PER_COLLECTION = 2000


@contextlib.contextmanager
def quiet_collector() -> Iterator[None]:
    """Collect once, set aside what lives, and collect only when asked; as before afterwards."""
    was_enabled = gc.isenabled()
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        if was_enabled:
            gc.enable()

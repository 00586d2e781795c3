from pathlib import Path

import numpy as np
import pytest

from bench.lean import give_back

STATUS = Path("/proc/self/status")


def resident() -> int:
    return next(int(line.split()[1]) for line in STATUS.read_text(encoding="ascii").splitlines() if line.startswith("VmRSS:")) << 10


@pytest.mark.skipif(not STATUS.exists(), reason="the system does not tell what is resident")
def test_what_large_arrays_held_is_given_back():
    give_back()
    arrays = [np.ones(1 << 20) for _ in range(8)]
    kept = [bytes(1000) for _ in range(100)]
    held = resident()
    del arrays
    assert kept
    assert held - resident() > 48 << 20

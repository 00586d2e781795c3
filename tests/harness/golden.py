"""Golden files: what a renderer wrote once, read over by a person, and must write again."""

import os
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "golden"
REWRITE = "BENCH_REWRITE_GOLDEN"


def assert_golden(name, text):
    """The text is the golden file's; with BENCH_REWRITE_GOLDEN=1 it becomes it (then read the difference before committing)."""
    path = FOLDER / name
    if os.environ.get(REWRITE) == "1":
        path.write_bytes(text.encode())
    assert path.is_file(), f"{path.name} is missing; write it with {REWRITE}=1"
    assert text == path.read_bytes().decode(), f"{path.name} differs; if that is meant, rewrite it with {REWRITE}=1 and read the difference"

"""Every broken spec gives exactly the messages in the file beside it. BENCH_REWRITE_GOLDEN=1 writes them anew: read the difference."""

import os

import pytest
from harness.golden import REWRITE
from harness.specs import INVALID, load

from bench.errors import SpecError
from bench.spec.diagnostics import render


def test_there_are_many_ways_to_be_wrong():
    assert len(INVALID) >= 60


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_broken_spec_says_what_is_wrong(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    with pytest.raises(SpecError) as caught:
        load(path.relative_to(path.parent))
    text = render(caught.value.diagnostics, caught.value.sources, "text")
    expected = path.with_suffix(".expected.txt")
    if os.environ.get(REWRITE) == "1":
        expected.write_bytes(text.encode())
    assert text == expected.read_bytes().decode()
    assert "error[" in text
    assert "sk-very-secret" not in text
    assert "hunter2" not in text
    assert "\x1b" not in text


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_every_error_has_a_place(path):
    with pytest.raises(SpecError) as caught:
        load(path)
    assert all(found.position is not None and found.position.line >= 1 and found.position.column >= 1 for found in caught.value.diagnostics)

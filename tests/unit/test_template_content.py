"""A user's report template is read like everything else that is not ours: with bounds."""

import os

import pytest

from bench.errors import UsageError
from bench.named_files import template_content


def test_a_template_is_its_bytes(tmp_path):
    path = tmp_path / "t.j2"
    path.write_bytes("{{ view }} ä".encode())
    assert template_content(path).decode() == "{{ view }} ä"


def huge(path):
    with path.open("wb") as file:
        file.truncate(5 << 30)


@pytest.mark.parametrize(
    "make",
    [lambda path: path.mkdir(), os.mkfifo, lambda path: path.symlink_to("/dev/zero"), huge, lambda path: path.write_bytes(b"\xff"), lambda _: None],
    ids=["folder", "pipe", "device", "5 GB", "not UTF-8", "missing"],
)
def test_what_is_no_template_ends_at_once_in_words(tmp_path, make):
    make(tmp_path / "t.j2")
    with pytest.raises(UsageError, match="cannot read the report template"):
        template_content(tmp_path / "t.j2")

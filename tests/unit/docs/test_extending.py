"""The page about extensions shows the very files of the package that the tests install."""

import re
from pathlib import Path

import pytest
from harness.installed import PACKAGES
from harness.source_tree import ROOT

from bench.catalog import CATALOG

SOURCE = PACKAGES / "bench-echo"
TEXT = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
SHOWN = dict(re.findall(r"```\w+\n# (\S+\.\w+)\n(.*?)```", TEXT, re.DOTALL))


@pytest.mark.parametrize("name", sorted(SHOWN))
def test_a_file_is_shown_as_it_is(name):
    assert (SOURCE / name).read_text(encoding="utf-8") == SHOWN[name]


def test_every_file_of_the_package_is_shown():
    files = {path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*") if path.suffix in {".py", ".toml", ".yaml"}}
    assert files - {"bench_echo/__init__.py"} == set(SHOWN)


@pytest.mark.parametrize("door", sorted(CATALOG))
def test_every_door_is_named_and_has_its_row_of_troubles(door):
    assert f"| `bench.{door}` |" in TEXT
    assert re.search(rf"^\| (\w+, )?{door}(, \w+)? \|", TEXT.partition("## When an extension breaks")[2], re.MULTILINE)
    assert f'[project.entry-points."bench.{door}"]' in Path(SOURCE / "pyproject.toml").read_text(encoding="utf-8")

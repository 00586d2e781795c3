"""The page about diffs: its table of effects is the program's."""

import re
from pathlib import Path

from bench.diff.version import RISES
from bench.records.diff import EFFECTS

PAGE = (Path(__file__).parents[3] / "docs" / "diff.md").read_text(encoding="utf-8")


def test_every_effect_has_a_row_with_the_part_that_must_rise_the_strongest_first():
    rows = re.findall(r"^\| \*(\w+)\* \|.*\| (\w+) \|$", PAGE, re.MULTILINE)
    assert rows == [(effect, RISES[effect]) for effect in reversed(EFFECTS)]

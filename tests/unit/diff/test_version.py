"""Which version is enough."""

import pytest

from bench.diff.version import rise


@pytest.mark.parametrize(
    ("before", "after", "effect", "is_enough"),
    [
        ("1.2.3", "2.0.0", "treatment", True),
        ("1.2.3", "1.3.0", "measurement", False),
        ("1.2.3", "1.3.0", "scope", True),
        ("1.2.3", "1.2.4", "scope", False),
        ("1.2.3", "1.2.4", "policy", True),
        ("1.2.3", "1.2.3", "cosmetic", False),
        ("1.2.3", "1.2.3", None, True),
        ("1.2.3", "1.2.2", None, False),
        ("1.9.9", "1.10.0", "scope", True),
        ("1.2.3", "2.0.0-rc.1", "treatment", True),
        ("2.0.0-rc.1", "2.0.0-rc.2", "treatment", True),
        ("2.0.0-rc.9", "2.0.0-rc.10", "treatment", True),
        ("2.0.0-rc.2", "2.0.0-rc.1", "cosmetic", False),
        ("2.0.0-rc.1", "2.0.0", "treatment", True),
        ("1.2.0-rc.1", "1.2.0-rc.2", "treatment", False),
        ("1.2.0-rc.1", "1.2.0", "scope", True),
        ("1.2.0", "1.2.0-rc.1", "cosmetic", False),
    ],
)
def test_part_that_must_rise_decides(before, after, effect, is_enough):
    assert rise(before, after, effect).is_enough is is_enough


def test_the_lowest_version_that_would_do_is_named():
    assert [rise("1.2.3", "1.2.3", effect).least for effect in ("treatment", "scope", "cosmetic", None)] == ["2.0.0", "1.3.0", "1.2.4", "1.2.3"]

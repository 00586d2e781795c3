"""Names to extensions, built in and from other packages."""

import subprocess
import sys

import pytest

from bench.catalog import CATALOG, REGISTRY
from bench.errors import Exit, MissingExtension
from bench.registry import Registry

METADATA = "Metadata-Version: 2.1\nName: other-package\nVersion: 1.0\n"
POINTS = """
[bench.check]
polite = other_package:Polite
broken = other_package_broken:Broken
needy = other_package_needy:Needy
contains = other_package:Polite
"""


@pytest.fixture
def other_package(tmp_path, monkeypatch):
    """A third party's package, as pip leaves it."""
    info = tmp_path / "other_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(METADATA)
    (info / "entry_points.txt").write_text(POINTS)
    (tmp_path / "other_package.py").write_text("class Polite:\n    def __init__(self, argument):\n        self.argument = argument\n")
    (tmp_path / "other_package_broken.py").write_text("1 / 0\n")
    (tmp_path / "other_package_needy.py").write_text("import no_such_package_anywhere\n")
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("other_package")
def test_another_packages_extension_is_found_by_its_name():
    registry = Registry(CATALOG)
    assert registry.has("check", "polite")
    assert "polite" in registry.names("check")
    assert registry.load("check", "polite")("x").argument == "x"


@pytest.mark.usefixtures("other_package")
def test_a_built_in_wins_over_an_entry_point_of_its_name():
    assert Registry(CATALOG).load("check", "contains").__module__ == "bench.judge.checks.contains"


@pytest.mark.usefixtures("other_package")
@pytest.mark.parametrize(("name", "words"), [("broken", "ZeroDivisionError"), ("needy", "no_such_package_anywhere")])
def test_a_third_partys_trouble_is_told_with_its_name(name, words):
    with pytest.raises(MissingExtension, match=words) as caught:
        Registry(CATALOG).load("check", name)
    assert name in caught.value.message
    assert caught.value.code == Exit.MISSING_EXTENSION


def test_an_unknown_name_gets_a_near_miss_and_an_odd_one_the_list():
    with pytest.raises(MissingExtension) as near:
        REGISTRY.load("check", "contain")
    assert "contains" in near.value.hint
    with pytest.raises(MissingExtension) as far:
        REGISTRY.load("check", "zzzzzz")
    assert "regex" in far.value.hint


def test_an_argument_that_makes_no_sense_is_a_problem_in_words():
    assert REGISTRY.problem("check", "contains", "Paris") is None
    assert REGISTRY.problem("check", "max_words", "many")


def test_names_that_are_built_in_cost_no_look_at_installed_packages():
    code = "import sys; from bench.catalog import REGISTRY; REGISTRY.has('check', 'contains'); print('importlib.metadata' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"

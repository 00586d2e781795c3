"""Names to extensions, built in and from other packages."""

import subprocess
import sys

import pytest
from harness.foreign import install

from bench.catalog import CATALOG, REGISTRY
from bench.errors import Exit, MissingExtension
from bench.registry import Registry

POINTS = {
    "check": {"polite": "Polite", "broken": "other_package_broken:Broken", "needy": "other_package_needy:Needy", "contains": "Polite"},
    "cheque": {"misspelt": "Polite"},
}
POLITE = """
from bench.protocols import Verdict
class Polite:
    def __init__(self, argument):
        self._argument = argument
    def decide(self, text):
        return Verdict(passed="please" in text, detail=f"{self._argument} was polite or not")
"""


@pytest.fixture
def other_package(tmp_path, monkeypatch):
    """A third party's package, as pip leaves it."""
    install(tmp_path, POINTS, POLITE)
    (tmp_path / "other_package_broken.py").write_text("1 / 0\n")
    (tmp_path / "other_package_needy.py").write_text("import no_such_package_anywhere\n")
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("other_package")
def test_another_packages_extension_is_found_by_its_name():
    registry = Registry(CATALOG)
    assert registry.has("check", "polite")
    assert "polite" in registry.names("check")
    verdict = registry.load("check", "polite")("Ada").decide("Say it, please.")
    assert (verdict.passed, verdict.detail) == (True, "Ada was polite or not")
    assert registry.used() == {"other-package": "1.0"}
    assert registry.troubles() == ()


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


def test_a_module_that_an_entry_point_names_and_that_is_not_there_is_the_packages_fault(tmp_path, monkeypatch):
    install(tmp_path, {"check": {"adrift": "adrift_nowhere.at_all:Adrift"}}, name="adrift-package", version="0.1")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingExtension, match=r"module 'adrift_nowhere\.at_all', which is not there") as caught:
        Registry(CATALOG).load("check", "adrift")
    assert "install" not in caught.value.hint


@pytest.mark.usefixtures("other_package")
def test_two_packages_with_the_same_name_are_both_named_and_neither_is_used(tmp_path):
    install(tmp_path, {"check": {"polite": "Polite"}}, name="rude-package", version="2.1")
    registry = Registry(CATALOG)
    with pytest.raises(MissingExtension, match=r"registered by several packages: other-package 1\.0, rude-package 2\.1"):
        registry.load("check", "polite")


@pytest.mark.usefixtures("other_package")
def test_what_is_installed_is_listed_with_what_is_in_its_way(tmp_path):
    install(tmp_path, {"check": {"needy": "Polite"}}, name="rude-package", version="2.1")
    found = {(each.name, each.package): (each.state, each.why) for each in Registry(CATALOG).installed() if each.package.endswith("-package")}
    assert found["polite", "other-package"] == ("loads", "")
    assert found["contains", "other-package"][0] == "hidden"
    assert found["misspelt", "other-package"][0] == "unknown door"
    assert found["needy", "rude-package"] == ("ambiguous", "other-package 1.0 registers this name, too, so neither is used")
    state, why = found["broken", "other-package"]
    assert state == "broken"
    assert "ZeroDivisionError: division by zero" in why
    assert len(found) == 6


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

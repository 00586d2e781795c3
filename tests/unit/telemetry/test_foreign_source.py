"""A third party's telemetry source: read like any other, and what is wrong with it is a line with its name."""

import itertools

import pytest
from harness.foreign import foreign

from bench.errors import ExtensionBroke, SourceAbsent
from bench.protocols import TelemetryMeans

numbers = itertools.count()
WHOSE = "'it' of other-package 1.0 broke"
SOURCE = """
from bench.errors import SourceAbsent
from bench.records.telemetry import EnergyReading, Readings

class It:
    gives = frozenset({{"energy"}})
    detail = "a plug meter"
    gpus = ()

    def __init__(self, means):
        {made}

    def read(self):
        {read}

    def close(self):
        {close}
"""
READ = "return Readings(energy=(EnergyReading(source='plug', zone='wall', role='whole', power_w=40.0),))"


@pytest.fixture
def made(tmp_path, monkeypatch):
    def make(*, made="pass", read=READ, close="pass"):
        code = SOURCE.format(made=made, read=read, close=close)
        registry = foreign(tmp_path, monkeypatch, "telemetry", code, module=f"foreign_source_{next(numbers)}")
        assert "it" in registry.names("telemetry")
        return registry.load("telemetry", "it")(TelemetryMeans(wants=frozenset({"energy"}), trees=tuple))

    return make


def test_source_of_a_third_party_is_read_like_any_other(made):
    source = made()
    assert (source.gives, source.detail) == ({"energy"}, "a plug meter")
    assert source.read().energy[0].power_w == 40.0
    source.close()


def test_what_a_source_says_of_its_absence_is_its_own_word(made):
    with pytest.raises(SourceAbsent, match="no meter"):
        made(made="raise SourceAbsent('no meter')")


@pytest.mark.parametrize(
    ("said", "words"),
    [({"made": "1 / 0"}, "when it was made: ZeroDivisionError"), ({"made": "self.gives = {'light'}"}, "`gives`, of `gpu` and `energy`")],
)
def test_source_that_breaks_when_it_is_made_is_named(made, said, words):
    with pytest.raises(ExtensionBroke, match=WHOSE) as caught:
        made(**said)
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("read", "words"),
    [
        ("return 3", "expected a `Readings`"),
        ("raise ValueError('odd')", "odd"),
        (
            "return Readings(energy=(EnergyReading(source='plug', zone='wall', counter_j='many'),))",
            "wrong fields: Expected `float | null`, got `str`",
        ),
        ("return Readings(host=5)", "wrong fields"),
    ],
)
def test_source_that_breaks_when_it_is_read_is_named(made, read, words):
    source = made(read=read)
    with pytest.raises(ExtensionBroke, match=WHOSE) as caught:
        source.read()
    assert words in caught.value.message


def test_source_that_breaks_at_its_end_harms_nothing(made):
    made(close="raise RuntimeError").close()

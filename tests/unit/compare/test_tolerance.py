import pytest

from bench.compare.tolerance import read, tolerance
from bench.errors import UsageError
from bench.records.baseline import Measure

KNOWN = ("ttft", "quality")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["ttft=5%"], {"ttft": 0.05}),
        (["ttft=0.1,quality=2 %"], {"ttft": 0.1, "quality": 0.02}),
        (["ttft=1%", "aspect=0"], {"ttft": 0.01, "aspect": 0.0}),
        ([], {}),
    ],
)
def test_read(words, found):
    assert read(words, KNOWN) == pytest.approx(found)


@pytest.mark.parametrize("word", ["ttft", "ttft=", "ttft=x", "ttft=-1%", "ttft=100%", "ttft=nan", "ttft=inf", "speed=5%", "=5%"])
def test_nonsense_is_refused(word):
    with pytest.raises(UsageError, match="--tolerance"):
        read([word], KNOWN)


@pytest.mark.parametrize(
    ("name", "unit", "share"), [("ttft", "s", 0.05), ("decode_tps", "tokens/s", 0.05), ("quality", "score", 0.02), ("error_rate", "share", 0.01)]
)
def test_defaults(name, unit, share):
    assert tolerance(name, Measure(unit=unit, better="lower"), {}) == share
    assert tolerance(name, Measure(unit=unit, better="lower"), {name: 0.3}) == 0.3

"""A baseline's file comes with a pull request: numbers that no run has are refused by name, and never computed with."""

import msgspec
import pytest
from harness.pool import run_of

from bench.errors import RunFolderError
from bench.records.baseline import Answered, Level, Price
from bench.store.baselines import decoded
from bench.store.sound import amiss

ONE = Answered(prompt_id="p", request="r", n=3, values={"ttft": (0.1, 3), "quality": (1.0, 3)}, aspects={"a": (2, 3)})


def run(*answers, **changed):
    made = run_of(answers or [ONE], ["p"], ["a"])
    return msgspec.structs.replace(made, models=(msgspec.structs.replace(made.models[0], **changed),))


def but(**changed):
    return msgspec.structs.replace(ONE, **changed)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (run(but(values={"ttft": (-1.0, 3)})), "ttft is -1, of 3 answers"),
        (run(but(values={"ttft": (0.1, 0)})), "ttft is 0.1, of 0 answers"),
        (run(but(values={"quality": (7.0, 3)})), "quality is 7, of 3 answers"),
        (run(but(aspects={"a": (5, 3)})), "aspect 'a' was met by 5 of 3 answers"),
        (run(but(aspects={"a": (0, 0)})), "aspect 'a' was met by 0 of 0 answers"),
        (run(but(failed=-1)), "3 answers, -1 failed"),
        (run(ONE, ONE), "prompt 'p' of model 'm' stands twice"),
        (run(levels=(Level(metric="ttft", statistic="p95", value=1.0, low=2.0, high=3.0, n=9),)), "ttft p95 is 1, between 2 and 3"),
        (run(facts={"rss_peak_bytes": -1.0}), "rss_peak_bytes is -1"),
        (run(cost=Price(cost_model="c", priced="p", currency="EUR", amounts={"request": -1.0})), "its cost per request is -1"),
        (run(cost=Price(cost_model="c", priced="p", currency="EUR", amounts={"accepted_answer": 1.0})), "and none per request"),
        (msgspec.structs.replace(run(), models=run().models * 2), "model 'm' stands twice in variant 'default'"),
    ],
)
def test_what_no_run_has_is_refused(made, words):
    with pytest.raises(RunFolderError, match=r"b\.json is no baseline of a run") as raised:
        decoded(msgspec.json.encode(made), "b.json")
    assert words in raised.value.message


def test_what_a_run_has_is_read():
    assert list(amiss(run(ONE, but(step=2)))) == []
    assert list(amiss(run(but(values={"quality": (1.0000001, 3)})))) == []  # rounded
    assert list(amiss(run(but(values={"log_probability": (-4.0, 3)})))) == []  # of another package

"""Every registered metric holds its contract and its own examples."""

import importlib
import math
import random
from itertools import accumulate

import numpy as np
import pytest
from msgspec.structs import replace

from bench.catalog import CATALOG, REGISTRY
from bench.protocols import ColumnMetric, GradeMetric
from bench.records.exchange import ServerTimings, without_gaps
from bench.records.sketch import observation
from bench.summarize.part import Lot
from bench.summarize.table import parts

METRICS = tuple(sorted(CATALOG["metric"]))


def examples(name):
    return importlib.import_module(CATALOG["metric"][name].partition(":")[0]).EXAMPLES


@pytest.mark.parametrize("name", METRICS)
def test_examples_hold(name):
    metric = REGISTRY.load("metric", name)()
    assert len(examples(name)) >= 2
    for seen, expected in examples(name):
        found = metric.measure(seen)
        assert found == (expected if expected is None or isinstance(expected, tuple) else pytest.approx(expected)), seen


def made_up():
    """Observations of all kinds: with and without what a metric may miss."""
    pick = random.Random(1).choice
    for number in range(300):
        stamps = tuple(accumulate((pick((0.0, 0.02, 0.02, 0.3, 0.7)) for _ in range(pick((0, 1, 2, 3, 9)))), initial=1.0))
        timings = ServerTimings(
            prompt_n=pick((None, 7)), prompt_ms=pick((None, 0.0, 40.0)), predicted_n=pick((None, 1, 9)), predicted_ms=pick((None, 0.0, 70.0)),
            cache_n=pick((None, 3)),
        )  # fmt: skip
        seen = observation(
            round=number, scheduled_s=0.25, sent_s=pick((0.25, 0.75, 1.0)), token_s=stamps, finished_s=9.0, connect_s=pick((None, 0.01)),
            failure=pick((None, None, None, None, None, "timeout")), reasoning=pick(("", "", "Hm.")), finish_reason=pick((None, "stop", "length")),
            prompt_tokens=pick((None, 10, 40)), completion_tokens=pick((None, 0, 1, 2, 5, 12)), cached_tokens=pick((None, 0, 20)),
            reasoning_tokens=pick((None, 0, 3)), bypass_cache=pick((True, False)), server_timings=pick((None, timings)),
        )  # fmt: skip
        is_short = pick((True, False, False, False))
        yield replace(seen, sample=replace(seen.sample, timing=without_gaps(seen.sample.timing))) if is_short else seen


SEEN = (*made_up(), *(seen for name in METRICS for seen, _ in examples(name)))


@pytest.mark.parametrize("name", METRICS)
def test_many_at_once_are_read_as_one_by_one(name):
    metric = REGISTRY.load("metric", name)()
    if isinstance(metric, GradeMetric):
        assert not isinstance(metric, ColumnMetric)
        return
    (part,) = parts(SEEN)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = metric.measure_all(Lot(part))
    one_by_one = [metric.measure(seen) for seen in SEEN]
    if metric.aggregate == "ratio":
        together = [None if math.isnan(pair[0]) or math.isnan(pair[1]) else pair for pair in zip(*(column.tolist() for column in found), strict=True)]
    elif isinstance(found, tuple):
        together = [part.tolist() or None for part in np.split(found[0], np.cumsum(found[1])[:-1])]
    else:
        together = [None if math.isnan(value) else value for value in found.tolist()]
    assert together == one_by_one
    assert any(value is not None for value in together)


@pytest.mark.parametrize("name", METRICS)
def test_contract_is_held(name):
    metric = REGISTRY.load("metric", name)()
    assert metric.unit in {"s", "tokens", "tokens/s", "share", "score"}
    assert metric.better in {"lower", "higher", "neither"}
    assert metric.aggregate in {"quantiles", "mean", "ratio", "share"}
    assert type(metric).__doc__.strip()


@pytest.mark.parametrize("name", [name for name in METRICS if name != "error_rate"])
def test_failed_request_gives_no_value(name):
    seen = observation(failure="timeout", token_s=(1.0, 2.0, 3.0), first_byte_s=0.5)
    assert REGISTRY.load("metric", name)().measure(seen) is None

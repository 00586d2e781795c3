"""Every registered metric holds its contract and its own examples."""

import importlib

import pytest

from bench.catalog import CATALOG, REGISTRY
from bench.records.sketch import observation

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

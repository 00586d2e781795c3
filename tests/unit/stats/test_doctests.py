import doctest
import importlib

import pytest


@pytest.mark.parametrize(
    "module",
    [
        "quantile",
        "cluster",
        "wilson",
        "outliers",
        "distributions",
        "paired",
        "correlation",
        "agreement",
        "rogan_gladen",
        "mover",
        "resampling",
    ],
)
def test_worked_examples_hold(module):
    found = doctest.testmod(importlib.import_module(f"bench.stats.{module}"))
    assert found.attempted > 0
    assert found.failed == 0

"""Quantiles of a run that never ends."""

import random
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.execute.readings import EXACT, Readings


def readings(values):
    made = Readings()
    for value in values:
        made.add(value)
    return made


@given(st.lists(st.floats(0, 1e3), min_size=1, max_size=50))
def test_few_are_as_they_are(values):
    made = readings(values)
    assert made.quantiles(0.0, 1.0) == [min(values), max(values)]
    assert (made.largest, len(made)) == (max(values), len(values))


def test_none_are_nothing():
    assert Readings().quantiles(0.5, 0.99) == [0.0, 0.0]
    assert Readings().largest == 0.0


def test_many_are_known_to_half_a_percent_in_the_memory_of_few():
    draw = random.Random(7)
    values = [draw.choice([0.0, draw.expovariate(1000.0), draw.uniform(1.0, 2.0)]) for _ in range(2 * EXACT + 11)]
    tracemalloc.start()
    try:
        made = readings(values)
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert held < 800_000
    ordered = sorted(values)
    levels = (0.2, 0.5, 0.9, 0.99, 1.0)
    assert made.quantiles(*levels) == pytest.approx([ordered[round(level * (len(values) - 1))] for level in levels], rel=0.006)
    assert made.largest == ordered[-1]
    assert len(made) == len(values)


def test_what_is_the_same_so_often_is_itself():
    assert readings([0.25] * (EXACT + 1)).quantiles(0.5, 0.99) == pytest.approx([0.25, 0.25], rel=0.005)
    assert readings([0.0] * (EXACT + 1)).quantiles(0.5, 1.0) == [0.0, 0.0]

import math

import pytest
from harness.summarized import METRICS

from bench.records.sketch import observation
from bench.summarize.rows import read_rows
from bench.summarize.table import is_timed


class Wild:
    unit, better, aggregate = "s", "lower", "quantiles"

    def __init__(self, value):
        self.value = value

    def measure(self, _seen):
        return self.value


@pytest.mark.parametrize("value", [math.nan, math.inf, (1.0, math.nan), (), None])
def test_what_is_no_number_is_no_value(value):
    assert read_rows([observation()], {"wild": Wild(value)})[0].values == {}


def test_rows_hold_no_answers():
    (row,) = read_rows([observation(text="a very long answer")], METRICS)
    assert "a very long answer" not in str(row)


def test_clock_readings_are_known_by_their_unit():
    timed = {name for name, metric in METRICS.items() if is_timed(metric)}
    assert timed == {
        "ttft", "ttfb", "itl", "tpot", "latency", "decode_tps", "server_decode_tps", "prefill_tps", "prefill_tps_ttft",
        "longest_stall", "connect",
    }  # fmt: skip

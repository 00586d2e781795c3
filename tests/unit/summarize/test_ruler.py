import numpy as np
import pytest
from harness.runs import sample

from bench.records.exchange import Timing, gaps_of
from bench.records.selftest import ServedTruth
from bench.summarize.ruler import in_flight, ruler_error, spread

ZERO_NS = 5_000_000_000


def ns(seconds):
    return ZERO_NS + round(seconds * 1e9)


def answered(name, sent_s, arrivals_s, finished_s, **more):
    timing = Timing(
        scheduled_s=sent_s, sent_s=sent_s, finished_s=finished_s, chunks=len(arrivals_s), gaps_us=gaps_of(arrivals_s),
        first_token_s=arrivals_s[0] if arrivals_s else None, last_token_s=arrivals_s[-1] if arrivals_s else None, **more,
    )  # fmt: skip
    return type(sample(name))(trial_id=name, attempt=1, is_final=True, outcome=sample(name).outcome, timing=timing, worker="selftest")


def truth(came_s, sends_s, end_s):
    return ServedTruth(came_ns=ns(came_s), sends_ns=tuple(ns(send) for send in sends_s), end_ns=ns(end_s))


def test_the_errors_are_what_the_client_added_to_what_the_server_did():
    seen = answered("a", 1.0, (1.012, 1.022, 1.035), 1.036, connect_s=0.003)
    found = ruler_error([seen], {"a": truth(1.001, (1.010, 1.021, 1.031), 1.031)}, ZERO_NS, 1)
    assert found.ttft.p50_s == pytest.approx(0.003)  # 1 ms on the way there, 2 ms on the way back
    assert found.chunk_lateness.max_s == pytest.approx(0.004)
    assert found.chunk_lateness.p50_s == pytest.approx(0.002)
    assert (found.itl.n, found.itl.max_s) == (2, pytest.approx(0.003))  # lateness 2, 1, 4 ms: it changed by 1 and by 3
    assert found.latency.p50_s == pytest.approx(0.006)
    assert found.connect.p50_s == 0.003


def test_a_server_that_is_late_itself_is_no_error_of_the_client():
    prompt = ruler_error([answered("a", 1.0, (1.011,), 1.012)], {"a": truth(1.0, (1.010,), 1.010)}, ZERO_NS, 1)
    sluggish = ruler_error([answered("a", 1.0, (1.511,), 1.512)], {"a": truth(1.0, (1.510,), 1.510)}, ZERO_NS, 1)
    assert sluggish.ttft.p50_s == pytest.approx(prompt.ttft.p50_s)
    assert sluggish.chunk_lateness.p50_s == pytest.approx(0.001)


def test_what_was_not_streamed_has_an_error_of_its_end_alone():
    found = ruler_error([answered("a", 1.0, (), 1.2)], {"a": truth(1.0, (1.199,), 1.199)}, ZERO_NS, 1)
    assert (found.ttft, found.chunk_lateness, found.itl) == (None, None, None)
    assert found.latency.p50_s == pytest.approx(0.001)


def test_chunks_that_do_not_match_one_to_one_are_left_out():
    found = ruler_error([answered("a", 1.0, (1.01, 1.02), 1.03)], {"a": truth(1.0, (1.01,), 1.02)}, ZERO_NS, 1)
    assert found.chunk_lateness is None
    assert found.ttft is not None


def test_failures_and_strangers_say_nothing():
    assert ruler_error([sample("a", failure="timeout")], {"a": truth(1.0, (1.1,), 1.2)}, ZERO_NS, 1) is None
    assert ruler_error([answered("b", 1.0, (1.1,), 1.2)], {"a": truth(1.0, (1.1,), 1.2)}, ZERO_NS, 1) is None


def test_concurrency_is_counted_while_more_requests_wait():
    two = [(0.0, 1.0), (0.0, 1.0), (1.0, 2.0), (1.0, 2.0), (2.0, 9.0)]  # the long last one has nobody behind it
    assert in_flight(two, 2) == 2.0
    assert in_flight([(0.0, 1.0), (2.0, 3.0), (4.0, 5.0)], 1) == 0.5
    assert in_flight([(0.0, 1.0)], 1) is None
    assert in_flight([(0.0, 1.0), (0.0, 1.0)], 1) is None


def test_no_values_have_no_spread():
    assert spread(np.array([])) is None

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.records.sketch import observation
from bench.summarize.busy import busy_s, busy_shares, wall_s
from bench.summarize.rows import read_rows


def spans_of(*spans, worker="w1"):
    return [observation(prompt_id=f"{worker}-{n}", sent_s=start, finished_s=end, worker=worker) for n, (start, end) in enumerate(spans)]


def rows(*spans):
    return read_rows(spans_of(*spans), {})


def test_gaps_are_not_busy_and_overlaps_count_once():
    assert busy_s(rows((0.0, 2.0), (1.0, 3.0), (5.0, 6.0))) == pytest.approx(4.0)
    assert wall_s(rows((0.0, 2.0), (1.0, 3.0), (5.0, 6.0))) == pytest.approx(6.0)


def test_clocks_of_two_workers_are_never_compared():
    both = read_rows([*spans_of((0.0, 2.0)), *spans_of((1.0, 3.0), worker="w2")], {})
    assert busy_s(both) == pytest.approx(4.0)
    assert wall_s(both) == pytest.approx(4.0)


def test_requests_in_flight_share_a_moment_evenly():
    shares = busy_shares(rows((0.0, 2.0), (1.0, 3.0)))
    assert shares.tolist() == pytest.approx([1.5, 1.5])


def test_nothing_takes_no_time():
    assert busy_s(rows()) == wall_s(rows()) == 0.0
    assert busy_s(rows((1.0, 1.0))) == 0.0


def union(spans):
    total, reached = 0, -1
    for start, end in sorted(spans):
        total += max(0, end - max(start, reached))
        reached = max(reached, end)
    return total


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 20)).map(lambda pair: (pair[0], pair[0] + pair[1])), max_size=20))
def test_shares_sum_to_the_union_of_all_spans(spans):
    assert busy_s(rows(*((float(a), float(b)) for a, b in spans))) == pytest.approx(union(spans))

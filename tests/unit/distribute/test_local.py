import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.distribute.local import Share, WorkerFailed, share, together
from bench.execute.load.closed import Closed
from bench.execute.load.constant import Constant
from bench.execute.load.ramp import Ramp
from bench.records.spec import Load


@given(st.lists(st.integers(), max_size=40), st.integers(1, 7))
def test_shares_are_all_and_overlap_nowhere(items, n):
    shares = [share(items, place, n) for place in range(n)]
    assert sorted(item for each in shares for item in each) == sorted(items)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@given(st.integers(1, 50), st.integers(1, 8))
def test_places_of_a_closed_loop_are_divided(concurrency, n):
    shares = [Share(Closed(Load(concurrency=concurrency)), place, n, 100, 0.0, lambda: 0.0) for place in range(n)]
    assert sum(each.concurrency for each in shares) == concurrency
    assert [len(list(each.opens())) for each in shares] == [each.concurrency for each in shares]


def test_one_schedule_is_divided_and_not_multiplied():
    load = Constant(Load(kind="constant", concurrency=8, settings={"rate": 10}))
    whole = list(load.arrivals(9, 1))
    shares = [list(Share(load, place, 2, 9, 5.0, lambda: 4.0).arrivals(len(range(place, 9, 2)), 1)) for place in range(2)]
    assert sorted(due for each in shares for due in each) == pytest.approx([due + 1.0 for due in whole])
    assert shares[1][0] - shares[0][0] == pytest.approx(0.1)


def test_places_of_a_ramp_open_when_they_would():
    load = Ramp(Load(kind="ramp", concurrency=4, settings={"of": "concurrency", "from": 1, "to": 4, "over": "3 s"}))
    shares = [list(Share(load, place, 2, 10, 0.0, lambda: 0.0).opens()) for place in range(2)]
    assert sorted(opened for each in shares for opened in each) == sorted(load.opens())


def test_what_workers_say_is_heard_line_by_line():
    heard = []

    def work(place, channel):
        for number in range(200):
            channel.say(f"{place} {number}".encode())

    together(3, work, lambda place, line: heard.append((place, line)), lambda: False)
    assert len(heard) == 600
    for place in range(3):
        assert [line for who, line in heard if who == place] == [f"{place} {number}".encode() for number in range(200)]


def test_workers_are_told_to_stop():
    def work(_place, channel):
        os.read(channel.stop_file, 1)

    together(2, work, lambda _place, _line: None, lambda: True)


def test_a_worker_that_breaks_is_told(capfd):
    def work(place, _channel):
        if place == 1:
            raise ValueError("so it was")

    with pytest.raises(WorkerFailed, match="status 1"):
        together(2, work, lambda _place, _line: None, lambda: False)
    assert "ValueError: so it was" in capfd.readouterr().err

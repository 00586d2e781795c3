import os
import signal
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.distribute import local
from bench.distribute.local import Share, WorkerFailed, WorkerKilled, share, together
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

    together(3, work, lambda place, line: heard.append((place, line)), list)
    assert len(heard) == 600
    for place in range(3):
        assert [line for who, line in heard if who == place] == [f"{place} {number}".encode() for number in range(200)]


def test_workers_are_told_to_stop():
    def work(_place, channel):
        assert channel.told() is None

    together(2, work, lambda _place, _line: None, lambda: None)


def test_workers_are_told_lines_once():
    orders = [[], [b"one", b"two"], []]
    heard = []

    def work(_place, channel):
        while (told := channel.told()) is not None:
            for line in told:
                channel.say(line)

    together(2, work, lambda place, line: heard.append((place, line)), lambda: None if len(heard) == 4 else orders.pop(0) if orders else [])
    assert sorted(heard) == [(0, b"one"), (0, b"two"), (1, b"one"), (1, b"two")]


def until_told(_place, channel):
    while channel.told() is not None:
        pass


def test_a_worker_that_breaks_is_told_and_ends_the_others(capfd):
    def work(place, channel):
        if place == 1:
            raise ValueError("so it was")
        until_told(place, channel)

    with pytest.raises(WorkerFailed, match="status 1"):
        together(2, work, lambda _place, _line: None, list)
    assert "ValueError: so it was" in capfd.readouterr().err


def test_a_worker_that_is_killed_is_told_by_its_signal_and_ends_the_others():
    def work(place, channel):
        if place == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        until_told(place, channel)

    with pytest.raises(WorkerKilled, match="SIGKILL"):
        together(2, work, lambda _place, _line: None, list)


def test_an_exception_here_ends_all_workers_and_they_may_still_speak(capfd):
    def work(place, channel):
        channel.say(b"here")
        until_told(place, channel)
        for _ in range(100_000):  # more than a pipe holds
            channel.say(b"gone")

    def hear(_place, _line):
        raise KeyError("not now")

    with pytest.raises(KeyError, match="not now"):
        together(2, work, hear, list)
    assert not capfd.readouterr().err


def test_a_worker_that_does_not_go_is_killed(monkeypatch):
    monkeypatch.setattr(local, "_PATIENCE_S", 0.05)

    def work(_place, channel):
        channel.say(b"here")
        time.sleep(60)

    def hear(_place, _line):
        raise KeyError("not now")

    with pytest.raises(KeyError):
        together(1, work, hear, list)

"""Ctrl-C and SIGTERM become a stop rule; the second one, and one while a model comes up, raise."""

import signal

import pytest

from bench.clock import FakeClock
from bench.execute.stop import StopRules
from bench.interrupts import Interrupts
from bench.records.spec import Limits

EITHER = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])


@pytest.fixture
def stop():
    return StopRules(Limits(), FakeClock())


@EITHER
def test_the_first_asks_and_the_second_insists(stop, number):
    with Interrupts(stop):
        signal.raise_signal(number)
        assert stop.reason == "interrupt"
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)


@EITHER
def test_while_a_model_comes_up_it_raises_at_once(stop, number):
    with Interrupts(stop) as interrupts:
        with pytest.raises(KeyboardInterrupt), interrupts.raising():
            signal.raise_signal(number)
        assert stop.reason == "interrupt"


def test_one_that_came_before_raises_before_the_model_is_started(stop):
    with Interrupts(stop) as interrupts:
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt), interrupts.raising():
            pytest.fail("the model was started")


def test_after_a_model_is_up_it_asks_again(stop):
    with Interrupts(stop) as interrupts:
        with interrupts.raising():
            pass
        signal.raise_signal(signal.SIGINT)
    assert stop.reason == "interrupt"


@EITHER
def test_afterwards_everything_is_as_before(stop, number):
    before = signal.getsignal(number)
    with Interrupts(stop):
        assert signal.getsignal(number) is not before
    assert signal.getsignal(number) is before

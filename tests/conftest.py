"""What holds for every test: the same examples in every run, no deadline that a busy machine could miss, and no work done twice for nothing."""

import gc
import os
import signal
import sys

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("steady", deadline=None, derandomize=True, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(
    "search", deadline=None, max_examples=2000, suppress_health_check=[HealthCheck.too_slow]
)  # nightly: --hypothesis-profile=search
settings.load_profile("steady")

# bench is started some hundred times here. Where the environment forbids to keep what is compiled, each start would compile all of it.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Started in the background of a shell, a process ignores Ctrl-C, and so does all that it starts: here it is sent.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_TESTS_PER_COLLECTION = 400
_since = 0


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Real models first: beside half a minute of one of them the other processes have all other tests to do, at the end nothing."""
    items.sort(key=lambda item: item.get_closest_marker("live") is None)


def pytest_runtest_setup():
    """Set aside the thousands of tests that live: before each block bench collects what is left of its own (`bench.execute.quiet`), and only that."""
    global _since  # noqa: PLW0603 - a counter of this process
    _since += 1
    if _since >= _TESTS_PER_COLLECTION:
        _since = 0
        gc.unfreeze()
        gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown():
    """No `bench` outlives the test that started it: it would go on measuring beside all others, against servers that are gone."""
    if (harness := sys.modules.get("harness.command")) is not None:  # of most parts' tests nothing starts it
        harness.put_away()


def pytest_sessionfinish():
    """What nobody closed is found at the end, as ever."""
    gc.unfreeze()

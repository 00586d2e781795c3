import pytest

from bench.execute.retry import LONGEST_RETRY_AFTER_S, delay_s
from bench.records.exchange import Failure


def delays(kind, retries=3, **more):
    failure = Failure(kind=kind, message="m", **more)
    return [delay_s(failure, trial_id="t", attempt=attempt, retries=retries) for attempt in range(1, retries + 2)]


def test_the_back_off_grows_with_jitter_and_ends():
    *waits, last = delays("server")
    assert last is None
    assert all(0.25 * 2**k <= wait <= 0.5 * 2**k for k, wait in enumerate(waits))


def test_the_same_trial_and_attempt_wait_the_same_time():
    assert delays("timeout") == delays("timeout")


@pytest.mark.parametrize("kind", ["unreachable", "authentication", "bad_request", "context_length", "out_of_memory", "empty", "cancelled"])
def test_kinds_that_time_does_not_mend_are_final(kind):
    assert delays(kind) == [None] * 4


def test_retry_after_is_honoured_and_bounded():
    assert 7 <= delays("rate_limit", retry_after_s=7.0)[0] <= 7.25
    assert delays("rate_limit", retry_after_s=86400.0)[0] <= LONGEST_RETRY_AFTER_S + 0.25

"""The ruler is measured for real: the engine and the wire of a run against the ground-truth server in its own process."""

import subprocess
import sys

import msgspec
import pytest
from harness.rulers import MACHINE, Blocking, selftest, spread
from harness.summarized import block_health

from bench.errors import BenchError
from bench.providers.openai_chat import OpenAIChat
from bench.selftest import Ruler, cannot_keep_up, run_selftest, verdict


def ruler(**changes):
    found = {"client": "wire", "provider": OpenAIChat, "concurrency": 3, "is_streamed": True, "machine": MACHINE, "bench_version": "0.1.0"}
    return Ruler(**{**found, **changes})


def test_every_request_is_held_against_what_the_server_really_did():
    found = run_selftest(ruler(), 0.05)
    assert (found.concurrency, found.requests, found.failed) == (3, 9, 0)
    assert found.ttft_error.n == found.latency_error.n == 9
    assert (found.chunk_lateness.n, found.itl_error.n) == (9 * 16, 9 * 15)
    assert 0 < found.ttft_error.p50_s < 0.5  # stamps of two processes lie on one clock
    assert found.chunk_lateness.p50_s > 0
    assert found.connect is None or found.connect.n < 3  # the warm-up opened the connections
    assert 0 < found.in_flight <= 3
    if sys.platform == "linux":
        assert found.stamped_by == "kernel"


def test_answers_that_are_not_streamed_have_an_error_of_their_end():
    found = run_selftest(ruler(is_streamed=False, concurrency=1), 0.05)
    assert (found.ttft_error, found.chunk_lateness, found.itl_error, found.failed) == (None, None, None, 0)
    assert found.latency_error.n == found.requests == 3
    assert "latency of" in verdict(msgspec.structs.replace(found, is_saturated=False))


def test_a_client_that_blocks_its_own_loop_is_not_good_enough():
    found = run_selftest(ruler(provider=Blocking, concurrency=2), 0.05)
    assert found.is_saturated
    assert found.lag_p99_s > 0.005
    assert found.verdict.startswith("Not good enough at concurrency 2: this client cannot keep up here")


@pytest.mark.parametrize(
    ("lag_ms", "worst_ms", "delivered", "cannot"),
    [
        (12.0, 0.02, 0.98, False),  # late, and right all the same: the kernel stamps
        (12.0, 1.2, 0.98, True),
        (12.0, 0.02, 0.9, True),
        (12.0, 0.02, None, False),
        (1.0, 1.2, 0.9, False),  # whoever was late, it was not the client
    ],
)
def test_a_client_cannot_keep_up_when_it_is_late_and_that_shows(lag_ms, worst_ms, delivered, cannot):
    assert cannot_keep_up(block_health(lag_p99_s=lag_ms / 1000), worst_ms / 1000, delivered) is cannot


def test_the_server_ends_with_the_process_that_started_it():
    command = (sys.executable, "-P", "-m", "bench.providers.truth_server")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert b"http://127.0.0.1:" in process.stdout.readline()
        process.stdin.close()
        assert process.wait(100) == 0


def test_a_server_that_does_not_start_is_an_expected_error(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false" if sys.platform != "win32" else "where.exe")
    with pytest.raises(BenchError, match="did not start"):
        run_selftest(ruler(), 0.05)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {},
            "a TTFT of 8 ms and more: the error's p99 is at most 1 % of it. Gaps between chunks are right within 0.03 ms.",
        ),
        ({"is_saturated": True, "lag_p99_s": 0.012}, "cannot keep up here (its loop is 12.0 ms late at p99)"),
        ({"failed": 2}, "2 of 100 requests failed on loopback"),
        ({"ttft_error": None, "itl_error": None, "latency_error": spread(1.0)}, "for a latency of"),
    ],
)
def test_verdict_says_what_can_be_measured(changes, words):
    assert words in verdict(selftest(**changes))

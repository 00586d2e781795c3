import pytest
from harness.summarized import block_health

from bench.summarize.health import is_late, limit, limited_by


@pytest.mark.parametrize(
    ("lag_ms", "wait", "ttft_s", "late"),
    [
        (4.9, None, 0.0, False),
        (5.1, None, 0.0, True),
        (5.1, None, 0.2, False),  # 5 % of it are 10 ms
        (10.1, None, 0.2, True),
        (4.6, 0.38, 0.01, True),  # a busy process on the same core takes half of it, in slices shorter than 5 ms
        (4.6, 0.24, 0.01, False),
        (1.7, 0.46, 0.01, True),  # one request at a time: little lag, and yet TTFT was wrong by 1.5 ms
        (0.9, 0.47, 0.01, False),  # it waits, and it does not matter
        (4.6, 0.38, 1.5, False),
        (16.0, 0.38, 1.5, True),
    ],
)
def test_client_is_late_by_its_lag_or_by_what_it_is_kept_from(lag_ms, wait, ttft_s, late):
    assert is_late(block_health(lag_p99_s=lag_ms / 1000, cpu_wait_share=wait), ttft_s) is late


IN_TIME = {"process_stamped": 0, "asked_in_flight": 256, "in_flight": 253.6}


@pytest.mark.parametrize(
    ("said", "late"),
    [
        (IN_TIME, False),
        (IN_TIME | {"process_stamped": 1}, True),  # its stamp may be as late as the loop
        (IN_TIME | {"process_stamped": None}, True),  # an older record, which does not say
        (IN_TIME | {"in_flight": 250.0}, True),  # places stood empty
        (IN_TIME | {"in_flight": None}, True),
        (IN_TIME | {"lag_p50_s": 0.006}, True),  # so often late that chunks are read together
        (IN_TIME | {"cpu_wait_share": 0.3}, True),  # kept from the processor
        ({"process_stamped": 0}, True),  # nothing tells when requests should have left
        ({"process_stamped": 0, "send_delay_p99_s": 0.004}, False),
        ({"process_stamped": 0, "send_delay_p99_s": 0.0101}, True),
    ],
)
def test_a_late_loop_is_no_saturation_where_stamps_and_sends_are_right(said, late):
    assert is_late(block_health(**({"lag_p99_s": 0.015} | said)), 0.2) is late


@pytest.mark.parametrize(
    ("health", "found"),
    [
        ({}, None),
        ({"asked_in_flight": 64, "in_flight": 63.0}, None),
        ({"asked_in_flight": 64, "in_flight": 40.0, "cpu_share": 0.98, "requests": 500}, "client"),
        ({"asked_in_flight": 64, "in_flight": 40.0, "cpu_share": 0.1, "requests": 500}, None),  # nothing tells
        ({"asked_in_flight": 64, "in_flight": 40.0, "cpu_share": 0.1, "requests": 500, "new_connections": 499}, "server"),
        ({"asked_per_s": 100.0, "sent_per_s": 96.0}, None),
        ({"asked_per_s": 100.0, "sent_per_s": 60.0, "cpu_share": 0.2}, "server"),
        ({"asked_per_s": 100.0, "sent_per_s": 60.0, "cpu_share": 0.97}, "client"),
    ],
)
def test_limit_of_a_load_that_falls_short(health, found):
    assert limit(block_health(**health), is_saturated=False) == found


def test_a_client_that_is_late_is_the_limit_itself():
    assert limit(block_health(asked_per_s=100.0, sent_per_s=60.0, cpu_share=0.1), is_saturated=True) == "client"


def test_client_is_named_before_the_server():
    server = block_health(asked_per_s=100.0, sent_per_s=60.0, cpu_share=0.1)
    client = block_health(asked_per_s=100.0, sent_per_s=60.0, cpu_share=0.9)
    fine = block_health(asked_per_s=100.0, sent_per_s=100.0)
    assert limited_by([fine], []) is None
    assert limited_by([fine, server], []) == "server"
    assert limited_by([server, client, fine], []) == "client"
    assert limited_by([server], [server]) == "client"

import pytest
from harness.report_run import spec, summary
from harness.rulers import selftest, spread
from msgspec.structs import replace

from bench.records.spec import Load
from bench.report.ruler import delivery, error_bars, of_the_client, selftest_table


def told(concurrency=1, **changes):
    return " ".join(of_the_client(replace(summary(), **changes), replace(spec(), load=Load(concurrency=concurrency))))


def block(**changes):
    return replace(summary().health[0], **changes)


def test_error_bar_names_its_bound_and_the_concurrency_it_holds_for():
    (text,) = error_bars(selftest(concurrency=64))
    assert "TTFT ± 80.0 µs, ITL ± 30.0 µs, latency ± 100 µs (p99) by self-test at concurrency 64" in text
    assert error_bars(None) == ()


def test_what_was_not_streamed_has_no_bar_for_its_first_token():
    (text,) = error_bars(selftest(ttft_error=None, itl_error=None, latency_error=spread(0.2)))
    assert "latency ± 200 µs" in text
    assert "TTFT" not in text


def test_a_quiet_client_says_nothing():
    assert told() == ""
    assert told(concurrency=4, selftest=selftest(concurrency=4)) == ""


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"client_saturated": True}, "Client saturated: do not decide on these latencies"),
        (
            {"limited_by": "client", "health": (block(), block(asked_in_flight=64, in_flight=40.23))},
            "The client is the limit of the load: 40.2 of 64 requests in flight.",
        ),
        (
            {"limited_by": "server", "health": (block(asked_per_s=100.0, sent_per_s=60.0), block(asked_per_s=100.0, sent_per_s=99.0))},
            "The server is the limit of the load: 60 of 100 requests per second sent, while the client had time to spare.",
        ),
        ({"selftest": selftest(is_saturated=True, verdict="Not good enough at concurrency 4.")}, "Self-test: Not good enough at concurrency 4."),
        ({"selftest": selftest(concurrency=256)}, "made at concurrency 256, not at the 1 of this run"),
    ],
)
def test_what_the_client_takes_from_the_numbers_is_said_on_top(changes, words):
    assert words in told(**changes)


def test_load_that_was_put_on_stands_beside_the_one_that_was_asked():
    closed = block(requests=200, new_connections=4, asked_in_flight=4, in_flight=3.987, cpu_wait_share=0.02)
    open_loop = block(requests=100, new_connections=100, asked_per_s=10.0, sent_per_s=9.5, send_delay_p50_s=0.0001, send_delay_p99_s=0.5)
    (table,) = delivery((closed, open_loop))
    assert [cell.value for cell in table.rows[0]] == ["1", "200", "98 %", "3.99 of 4", "–", "–", "–", "2 %"]
    assert [cell.value for cell in table.rows[1]] == ["2", "100", "0 %", "–", "9.5 of 10 per s", "100 µs", "500 ms", "–"]


def test_runs_of_before_have_no_such_table():
    assert delivery((block(),)) == ()


def test_self_test_is_shown_whole():
    rows = {row[0].value: row[1].value for row in selftest_table(selftest()).rows}
    assert rows["TTFT error"] == "20.0 µs p50, 80.0 µs p99 (n 100)"
    assert rows["Concurrency"] == "4, delivered 3.98"
    assert rows["Stamps by"] == "the kernel"
    assert {"Chunks late", "ITL error", "Latency error", "Handshake (in no latency)", "Loop lag", "Client's CPU share", "Verdict"} <= set(rows)

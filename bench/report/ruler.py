"""How wrong the client itself is: the self-test's result beside the figures it bounds, and what load was really put on."""

from collections.abc import Iterator

from bench.records.estimate import Summary
from bench.records.machine import ClientHealth
from bench.records.selftest import SelfTest, Spread
from bench.records.spec import Spec
from bench.records.view import Cell, Column, Table
from bench.report import numbers
from bench.report.escape import short

_STAMPS = {"kernel": "the kernel", "process": "this process, after the read", "both": "the kernel, some by this process"}


def error_bars(test: SelfTest | None) -> tuple[str, ...]:
    """The client's own error as a note below the speeds; nothing without a self-test."""
    if test is None:
        return ()
    bounds = (("TTFT", test.ttft_error), ("ITL", test.itl_error), ("latency", test.latency_error))
    told = ", ".join(f"{name} ± {_bound(found)}" for name, found in bounds if found is not None)
    return (f"The client's own error, on top of every interval: {told} (p99) by self-test at concurrency {test.concurrency:,}.",)


def _bound(found: Spread) -> str:
    return numbers.seconds(max(abs(found.p99_s), abs(found.p50_s)))


def selftest_table(test: SelfTest) -> Table:
    """What the self-test found, and when."""
    streamed = (
        f"first chunk after {numbers.seconds(test.ttft_sent_s)}, others every {numbers.seconds(test.itl_sent_s)}"
        if test.is_streamed
        else "not streamed"
    )
    pairs = [
        ("Measured", f"{short(test.measured_at, 40)}, {numbers.count(test.requests, 'request')}, {streamed}"),
        ("Concurrency", f"{test.concurrency:,}" + (f", delivered {test.in_flight:.2f}" if test.in_flight is not None else "")),
        ("Stamps by", _STAMPS[test.stamped_by]),
        *((name, _spread(found)) for name, found in _errors(test) if found is not None),
        ("Loop lag", f"{numbers.seconds(test.lag_p50_s)} p50, {numbers.seconds(test.lag_p99_s)} p99"),
        ("Client's CPU share", numbers.share(test.cpu_share)),
        ("Verdict", short(test.verdict, 400)),
    ]
    rows = tuple((Cell(value=name), Cell(value=value)) for name, value in pairs)
    note = "Upper bounds: they hold the trip through the loopback and what delayed the server between its stamp and its write."
    return Table(id="selftest", columns=(Column(title="Self-test"), Column(title="Value")), rows=rows, notes=(note,))


def _errors(test: SelfTest) -> tuple[tuple[str, Spread | None], ...]:
    return (
        ("TTFT error", test.ttft_error),
        ("Chunks late", test.chunk_lateness),
        ("ITL error", test.itl_error),
        ("Latency error", test.latency_error),
        ("Handshake (in no latency)", test.connect),
    )


def _spread(found: Spread) -> str:
    return f"{numbers.seconds(found.p50_s)} p50, {numbers.seconds(found.p99_s)} p99 (n {found.n:,})"


def of_the_client(summary: Summary, spec: Spec) -> Iterator[str]:
    """What the client's own health takes from the numbers, the gravest first."""
    if summary.client_saturated:
        yield (
            "Client saturated: do not decide on these latencies, they hold the client's own delay. "
            "Measure again on a quieter machine or with less load."
        )
    if summary.limited_by is not None and (told := _shortest(summary.health)):
        if summary.limited_by == "client":
            yield f"The client is the limit of the load: {told}. Throughput and rates are the client's, not the server's."
        else:
            yield f"The server is the limit of the load: {told}, while the client had time to spare."
    test = summary.selftest
    if test is not None and (test.is_saturated or test.failed):
        yield f"Self-test: {short(test.verdict, 300)}"
    elif test is not None and test.concurrency != spec.load.concurrency:
        yield f"The self-test was made at concurrency {test.concurrency:,}, not at the {spec.load.concurrency:,} of this run."


def _shortest(health: tuple[ClientHealth, ...]) -> str:
    """The block that fell shortest of what was asked, in words; empty when nothing was asked that can be counted."""
    found = [
        *((one.in_flight / one.asked_in_flight, f"{one.in_flight:.1f} of {one.asked_in_flight:,} requests in flight")
          for one in health if one.in_flight is not None and one.asked_in_flight),
        *((one.sent_per_s / one.asked_per_s, f"{one.sent_per_s:.4g} of {one.asked_per_s:.4g} requests per second sent")
          for one in health if one.sent_per_s is not None and one.asked_per_s),
    ]  # fmt: skip
    return min(found)[1] if found else ""


def delivery(health: tuple[ClientHealth, ...]) -> tuple[Table, ...]:
    """The load that was put on, block by block; nothing when none of it was recorded."""
    if not any(one.requests for one in health):
        return ()
    titles = ("Block", "Requests", "Over a kept connection", "In flight", "Rate sent", "Send delay p50", "Send delay p99", "Waited for a processor")
    rows = tuple(tuple(Cell(value=value) for value in (f"{number}", *_delivered(one))) for number, one in enumerate(health, start=1))
    note = "In flight and rate: delivered of asked. Send delay: from an arrival to its send, open loop only. Handshakes are in no latency."
    return (Table(id="delivery", columns=tuple(Column(title=title, is_number=True) for title in titles), rows=rows, notes=(note,)),)


def _delivered(one: ClientHealth) -> tuple[str, ...]:
    return (
        f"{one.requests:,}",
        numbers.share(1 - one.new_connections / one.requests) if one.requests else "–",
        f"{one.in_flight:.2f} of {one.asked_in_flight:,}" if one.in_flight is not None and one.asked_in_flight is not None else "–",
        f"{one.sent_per_s:.4g} of {one.asked_per_s:.4g} per s" if one.sent_per_s is not None and one.asked_per_s is not None else "–",
        "–" if one.send_delay_p50_s is None else numbers.seconds(one.send_delay_p50_s),
        "–" if one.send_delay_p99_s is None else numbers.seconds(one.send_delay_p99_s),
        "–" if one.cpu_wait_share is None else numbers.share(one.cpu_wait_share),
    )

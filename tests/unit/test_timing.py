"""How the arrivals of an answer are kept: to the microsecond, without drift, or only summarised."""

import doctest

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from bench.records import exchange
from bench.records.exchange import Gaps, Timing, gaps_of, gaps_of_ns, without_gaps

BIN = 1e-6


def timing(stamps):
    return Timing(
        scheduled_s=0.0, sent_s=0.0, finished_s=9.0, first_token_s=stamps[0], last_token_s=stamps[-1], chunks=len(stamps), gaps_us=gaps_of(stamps)
    )


def test_examples_in_the_docstrings_hold():
    assert doctest.testmod(exchange).failed == 0


@given(st.lists(st.integers(0, 5_000_000_000), min_size=1, max_size=200))
def test_arrivals_come_back_to_half_a_microsecond_however_many_there_are(gaps_ns):
    stamps_ns = [7_000_000_000]
    for gap_ns in gaps_ns:
        stamps_ns.append(stamps_ns[-1] + gap_ns)
    stamps_s = [stamp * 1e-9 for stamp in stamps_ns]
    seen = timing(stamps_s)
    assert (seen.token_s[0], seen.token_s[-1]) == (stamps_s[0], stamps_s[-1])
    assert max(abs(back - was) for back, was in zip(seen.token_s, stamps_s, strict=True)) <= 0.51 * BIN
    assert max(abs(a - b) for a, b in zip(gaps_of_ns(stamps_ns), seen.gaps_us, strict=True)) <= 1
    assert list(seen.token_s) == sorted(seen.token_s)


def test_a_written_sample_is_read_as_it_was():
    seen = timing((1.0, 1.25, 1.25, 2.0))
    assert msgspec.json.decode(msgspec.json.encode(seen), type=Timing) == seen
    assert seen.token_s == (1.0, 1.25, 1.25, 2.0)


def test_an_answer_that_was_not_streamed_has_no_arrivals():
    assert Timing(scheduled_s=0.0, sent_s=0.0, finished_s=1.0).token_s == ()
    assert (gaps_of(()), gaps_of_ns(())) == ((), ())


def test_a_summary_keeps_quantiles_and_the_number_of_chunks():
    stamps = [0.0]
    for gap_ms in range(1, 101):
        stamps.append(stamps[-1] + gap_ms / 1000)
    kept = without_gaps(timing(stamps))
    assert kept.gaps == Gaps(p50_us=50_000, p95_us=95_000, p99_us=99_000, max_us=100_000)
    assert (kept.chunks, kept.gaps_us, kept.token_s) == (101, (), ())
    assert without_gaps(timing([1.0])) == timing([1.0])

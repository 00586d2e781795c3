"""Arrivals by the kernel's stamps: converted in one go, corrected for drift, and given up where they cannot be."""

import struct
import time

import pytest

from bench.providers.wire.stamps import KernelClock, Offset

AHEAD = 1_700_000_000_000_000_000
MS = 1_000_000


def mark(mono_ns, ahead_ns=AHEAD):
    """The kernel's stamp of an arrival at this reading of the monotonic clock."""
    return struct.pack("=qq", *divmod(mono_ns + ahead_ns, 1_000_000_000))


def clock(now_ns, ahead_ns=AHEAD):
    made = KernelClock()
    made.offset = Offset(ahead_ns, now_ns)
    return made


def test_stamps_become_arrivals():
    came, read = [10 * MS, 12 * MS, 15 * MS + 1], [10 * MS + 900, 14 * MS, 15 * MS + 2]
    assert clock(20 * MS).arrivals_ns([mark(at) for at in came], read, Offset(AHEAD, 5 * MS)) == (came, True)


def test_a_read_without_a_stamp_counts_as_come_when_it_was_read_and_is_told_of():
    came = [mark(10 * MS), b"", mark(15 * MS)]
    assert clock(20 * MS).arrivals_ns(came, [11 * MS, 14 * MS, 16 * MS], Offset(AHEAD, 5 * MS)) == ([10 * MS, 14 * MS, 15 * MS], False)


def test_an_arrival_a_little_after_its_read_is_the_offsets_error_and_one_long_after_or_before_is_none():
    found, by_kernel = clock(20 * MS).arrivals_ns([mark(10 * MS + 50)], [10 * MS], Offset(AHEAD, 5 * MS))
    assert (found, by_kernel) == ([10 * MS], True)
    for wrong in (12 * MS, 10 * MS - 2_000_000_000):
        found, by_kernel = clock(20 * MS).arrivals_ns([mark(9 * MS), mark(wrong)], [9 * MS + 5, 10 * MS], Offset(AHEAD, 5 * MS))
        assert (found, by_kernel) == ([9 * MS, 10 * MS], False)


@pytest.mark.parametrize("drift_ns", [400 * 60_000, -400 * 60_000])
def test_the_drift_of_the_wall_clock_during_a_long_answer_is_taken_out(drift_ns):
    """400 ppm over a minute: 24 ms, by which stamps at its end would be wrong."""
    minute = 60_000 * MS
    came = [k * minute // 10 for k in range(1, 10)]
    marks = [mark(at, AHEAD + drift_ns * at // minute) for at in came]
    found, by_kernel = clock(minute, AHEAD + drift_ns).arrivals_ns(marks, [at + 5000 for at in came], Offset(AHEAD, 0))
    assert by_kernel
    assert max(abs(one - other) for one, other in zip(found, came, strict=True)) <= 20  # 400 ppm of what is corrected


def test_when_the_wall_clock_was_set_meanwhile_the_reads_own_times_count():
    found = clock(20 * MS, AHEAD + 500 * MS).arrivals_ns([mark(10 * MS), mark(12 * MS, AHEAD + 500 * MS)], [11 * MS, 13 * MS], Offset(AHEAD, 5 * MS))
    assert found == ([11 * MS, 13 * MS], False)


def test_an_old_offset_is_measured_again():
    made = KernelClock()
    was = made.offset
    made.refresh(was.measured_ns + 10 * MS)
    assert made.offset is was
    made.refresh(was.measured_ns + 200 * MS)
    assert made.offset is not was
    assert abs(made.offset.ahead_ns - (time.clock_gettime_ns(time.CLOCK_REALTIME) - time.perf_counter_ns())) < 1_000_000_000

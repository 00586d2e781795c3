import datetime

import msgspec
import pytest
from harness.rulers import MACHINE, selftest

from bench.store.calibration import LONGEST_AGE, keep, recent, setting

NOW = datetime.datetime(2026, 11, 22, 12, tzinfo=datetime.UTC)
NAME = setting(MACHINE, "0.1.0", "wire", concurrency=4, is_streamed=True)


def test_the_last_self_test_of_a_setting_is_kept(tmp_path):
    keep(tmp_path, selftest(measured_at="2026-11-20T12:00:00+00:00"))
    path = keep(tmp_path, selftest(measured_at="2026-11-21T12:00:00+00:00"))
    assert [path] == list((tmp_path / "selftest").iterdir())
    assert recent(tmp_path, NAME, NOW) == selftest(measured_at="2026-11-21T12:00:00+00:00")


@pytest.mark.parametrize(
    "change",
    [
        {"concurrency": 5},
        {"is_streamed": False},
        {"client": "openai-sdk"},
        {"bench_version": "0.2.0"},
        {"machine": msgspec.structs.replace(MACHINE, cores=3)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_setting_is_another_ruler(tmp_path, change):
    keep(tmp_path, selftest(measured_at="2026-11-21T12:00:00+00:00", **change))
    assert recent(tmp_path, NAME, NOW) is None


@pytest.mark.parametrize("measured_at", ["2026-11-23T12:00:00+00:00", f"{NOW - LONGEST_AGE - datetime.timedelta(seconds=1):%Y-%m-%dT%H:%M:%S+00:00}"])
def test_one_from_the_future_or_too_old_does_not_count(tmp_path, measured_at):
    keep(tmp_path, selftest(measured_at=measured_at))
    assert recent(tmp_path, NAME, NOW) is None


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe", b'{"measured_at": 3}'])
def test_what_cannot_be_read_is_as_good_as_none(tmp_path, content):
    keep(tmp_path, selftest()).write_bytes(content)
    assert recent(tmp_path, NAME, NOW) is None


@pytest.mark.parametrize("measured_at", ["yesterday", "2026-11-21T12:00:00"])
def test_a_date_that_says_too_little_does_not_count(tmp_path, measured_at):
    keep(tmp_path, selftest(measured_at=measured_at))
    assert recent(tmp_path, NAME, NOW) is None

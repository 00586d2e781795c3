"""The recorder: what a session's lines say, whatever its sources do."""

import threading
from itertools import count, pairwise

import msgspec
import pytest

from bench.clock import Clock
from bench.errors import MissingExtension, RunFolderError, SourceAbsent
from bench.records.spec import Telemetry
from bench.records.telemetry import EnergyReading, GpuReading, HostReading, Idle, Readings, Slice, SourceLost, TelemetryEnd, TelemetryStart
from bench.telemetry import recorder
from bench.telemetry.recorder import Recorder, Recording
from bench.telemetry.slices import slice_of

QUICK = Telemetry(interval_s=0.002)


class Counting:
    """A source that counts its readings as joules."""

    gives = frozenset({"energy", "gpu"})
    detail = "a counter"
    gpus = ()

    def __init__(self, _means):
        self.n = count()
        self.threads = set()
        self.is_closed = False

    def read(self):
        n = next(self.n)
        self.threads.add(threading.current_thread().name)
        host = HostReading(user_s=n * 0.25, system_s=0.0, idle_s=n * 0.75)
        return Readings(
            host=host,
            gpus=(GpuReading(id="x:0", ours_bytes=n),),
            energy=(EnergyReading(source="x", zone="a", counter_j=float(n), power_w=10.0),),
        )

    def close(self):
        self.is_closed = True


class Breaking(Counting):
    def read(self):
        if next(self.n) > 3:
            raise OSError(19, "gone")
        return Readings()


class Absent:
    gives = frozenset({"gpu"})

    def __init__(self, _means):
        raise SourceAbsent("there is none", hint="buy one")


def made(lines, wanted=QUICK, **sources):
    clock = Clock()
    return Recorder(
        Recording(
            wanted=wanted,
            sources={name: (lambda maker=maker: maker) for name, maker in sources.items()},
            now_s=clock.now_s,
            zero_ns=clock.zero_ns,
            cores=2,
            memory_bytes=1,
            write=lines.append,
        )
    )


def record(blocks=1, wanted=QUICK, **sources):
    """The lines of a session of so many blocks, each of some readings."""
    lines = []
    one = made(lines, wanted, **sources)
    try:
        one.open()
        one.rest(0.01)
        for _ in range(blocks):
            with one.block({}):
                threading.Event().wait(0.02)
    finally:
        one.close()
    return lines


def test_session_is_a_start_an_idle_time_slices_without_gaps_and_an_end():
    start, idle, *slices, end = record(counting=Counting)
    assert [type(line) for line in (start, idle, end)] == [TelemetryStart, Idle, TelemetryEnd]
    assert {type(line) for line in slices} == {Slice}
    assert all(before.to_s == after.from_s for before, after in pairwise(slices))
    assert sum(each.energy[0].counter_j for each in slices) == sum(each.readings for each in slices)
    assert idle.energy[0].integral_j == pytest.approx(10 * (idle.to_s - idle.from_s), rel=1e-3)
    assert idle.busy_share == 0.25
    assert end.readings >= len(slices) + 1
    assert end.cpu_s > 0


def test_blocks_begin_anew_so_that_nothing_of_the_time_between_is_told():
    *_, end = lines = record(2, counting=Counting)
    slices = [line for line in lines if isinstance(line, Slice)]
    gaps = [after.from_s - before.to_s for before, after in pairwise(slices)]
    assert sum(gap > 0 for gap in gaps) == 1
    assert isinstance(end, TelemetryEnd)


def test_reading_is_done_by_its_own_thread_and_sources_are_closed():
    kept = []

    def maker(means):
        kept.append(Counting(means))
        return kept[0]

    record(counting=maker)
    assert kept[0].threads == {"telemetry"}
    assert kept[0].is_closed
    assert "telemetry" not in {thread.name for thread in threading.enumerate()}


def test_source_that_fails_is_told_once_and_the_others_go_on():
    lines = record(breaking=Breaking, counting=Counting)
    (lost,) = [line for line in lines if isinstance(line, SourceLost)]
    assert (lost.source, lost.reason) == ("breaking", "[Errno 19] gone")
    assert [line for line in lines if isinstance(line, Slice)][-1].energy


def test_source_that_is_not_here_is_one_line():
    start, *_ = record(gpu=Absent, counting=Counting)
    assert [(each.name, each.state, each.detail) for each in start.sources] == [
        ("gpu", "absent", "there is none (buy one)"),
        ("counting", "read", "a counter"),
    ]


@pytest.mark.parametrize(("name", "words"), [("gpu", "a GPU that can be read"), ("energy", "an energy sensor that can be read")])
def test_what_the_spec_demands_must_be_there(name, words):
    with pytest.raises(SourceAbsent, match=f"demands {words} .*there is none: it: there is none") as caught:
        record(wanted=msgspec.structs.replace(QUICK, **{name: "on"}), it=Absent)
    assert caught.value.hint == f"write `{name}: auto` to do without it"
    assert "telemetry" not in {thread.name for thread in threading.enumerate()}


def test_what_the_spec_turns_off_is_not_opened():
    start, *rest = record(wanted=Telemetry(interval_s=0.002, gpu="off", energy="off"), counting=Counting)
    assert start.sources[0].detail == "`telemetry.energy` and `telemetry.gpu` are off in the spec"
    assert not [line for line in rest if isinstance(line, Idle)]


def test_missing_package_is_an_absent_source():
    def missing(_means):
        raise MissingExtension("the package x is not installed", hint="pip install x")

    start, *_ = record(missing=missing)
    assert start.sources[0].detail == "the package x is not installed (pip install x)"


def test_full_disk_ends_the_writing_and_not_the_run():
    lines = []

    def write(line):
        if len(lines) == 2:
            raise RunFolderError("no space left")
        lines.append(line)

    one = made([], counting=Counting)
    one._recording = msgspec.structs.replace(one._recording, write=write)
    one.open()
    with one.block({}):
        threading.Event().wait(0.02)
    one.close()
    assert one.trouble == "no space left"
    assert len(lines) == 2


def test_slices_of_a_long_session_grow_so_that_its_file_stays_short(monkeypatch):
    monkeypatch.setattr(recorder, "LINES_PER_WIDTH", 4)
    lines = []
    one = made(lines, counting=Counting)
    one.open()
    with one.block({}):
        while sum(isinstance(line, Slice) for line in lines) < 13:
            threading.Event().wait(0.005)
    one.close()
    assert [line.readings for line in lines if isinstance(line, Slice)][:13] == [1] * 4 + [2] * 4 + [4] * 4 + [8]


def test_gpu_memory_of_a_block_is_its_peak():
    lines = []
    one = made(lines, counting=Counting)
    one.open()
    with one.block({}):
        threading.Event().wait(0.01)
    peak = one.gpu_peak_bytes
    one.close()
    assert peak == max(line.gpus[0].ours_bytes for line in lines if isinstance(line, Slice))


def test_counter_that_began_anew_adds_nothing_instead_of_less_than_nothing():
    seen = [(float(at), Readings(energy=(EnergyReading(source="x", zone="a", counter_j=j),))) for at, j in enumerate((9.0, 10.0, 1.0))]
    assert slice_of(seen).energy[0].counter_j is None
    assert slice_of(seen[:2]).energy[0].counter_j == 1.0


def test_reading_that_hangs_or_ends_is_not_waited_for_at_every_block(monkeypatch):
    class Unheard(Exception):
        pass

    class Ending(Counting):
        def read(self):
            if next(self.n) > 0:
                raise Unheard
            return Readings()

    monkeypatch.setattr(recorder, "_PATIENCE_S", 1e9)
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    one = made([], ending=Ending)
    one.open()
    for _ in range(3):
        with one.block({}):
            pass
    one.close()
    assert "telemetry" not in {thread.name for thread in threading.enumerate()}


def test_sensors_that_take_long_to_open_are_waited_for(monkeypatch):
    monkeypatch.setattr(recorder, "_PATIENCE_S", 0.01)

    def slow(means):
        threading.Event().wait(0.15)
        return Counting(means)

    one = made([], slow=slow)
    one.open()
    assert [each.state for each in one.states] == ["read"]
    monkeypatch.setattr(recorder, "_PATIENCE_S", 30.0)
    one.close()


def test_sensors_that_are_demanded_and_never_open_end_the_run(monkeypatch):
    monkeypatch.setattr(recorder, "_OPEN_S", 0.05)
    opened = threading.Event()

    def hanging(_means):
        opened.wait(30)
        raise SourceAbsent("none")

    one = made([], msgspec.structs.replace(QUICK, energy="on"), hanging=hanging)
    with pytest.raises(SourceAbsent, match=r"did not open within 0\.05 s"):
        one.open()
    opened.set()
    one.close()

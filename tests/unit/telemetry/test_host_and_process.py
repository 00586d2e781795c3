"""The machine and its processes, from trees that stand in for /proc and /sys, and from this machine itself."""

import os
import socket
import subprocess
import sys
import time

import pytest

from bench.errors import SourceAbsent
from bench.protocols import TelemetryMeans, WatchedTree
from bench.telemetry import family as families
from bench.telemetry.family import Family, descendants, listener
from bench.telemetry.slices import Slicer
from bench.telemetry.sources.host import Host
from bench.telemetry.sources.process import Process

TICK = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's /proc")


def write(root, path, text):
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="ascii")


def machine(root, *, busy=0, swapped=0, available=9_000, pressure=0, heat=0):
    """A machine of two cores after so many busy ticks."""
    write(root, "proc/stat", f"cpu  {100 + busy} 5 40 {1000 - busy} 7 2 3 11 0 0\ncpu0 1 2 3\n")
    write(root, "proc/meminfo", f"MemTotal: 16000 kB\nMemAvailable: {available} kB\nSwapTotal: 400 kB\nSwapFree: {400 - swapped} kB\n")
    write(root, "proc/vmstat", f"pgpgin 9\npswpin {swapped}\npswpout 3\n")
    for name in ("cpu", "memory", "io"):
        write(root, f"proc/pressure/{name}", f"some avg10=0.00 avg60=0.00 avg300=0.00 total={pressure}\nfull avg10=0.00 total=1\n")
    write(root, "proc/self/cgroup", "0::/box\n")
    write(root, "sys/fs/cgroup/box/cpu.stat", f"usage_usec 5\nthrottled_usec {pressure * 2}\n")
    for core in range(2):
        write(root, f"sys/devices/system/cpu/cpu{core}/cpufreq/scaling_cur_freq", f"{2_000_000 + core * 1_000_000}\n")
        write(root, f"sys/devices/system/cpu/cpu{core}/thermal_throttle/core_throttle_count", f"{heat}\n")
    return root


def means(*trees):
    return TelemetryMeans(wants=frozenset(), trees=lambda: trees)


def test_slice_of_the_host_says_what_was_added(tmp_path):
    source = Host(means(), machine(tmp_path))
    slicer = Slicer()
    slicer.add(0.0, source.read())
    machine(tmp_path, busy=TICK, swapped=6, available=8_000, pressure=250_000)
    slicer.add(1.0, source.read())
    host = slicer.cut().host
    assert (host.user_s, host.idle_s, host.steal_s) == (1.0, 0.0, 0.0)  # the idle counter went back, as it may: nothing was added
    assert host.available_bytes == 8_000 * 1024
    assert (host.swap_used_bytes, host.swap_in_bytes, host.swap_out_bytes) == (6 * 1024, 6 * PAGE, 0)
    assert (host.pressure_memory_s, host.quota_s) == (0.25, 0.5)
    assert host.mhz == 2500
    assert source.detail == "CPU, memory and swap from /proc"
    source.close()


def test_heat_is_told_in_the_reading_in_which_it_came_and_clocks_each_tenth_time(tmp_path):
    source = Host(means(), machine(tmp_path))
    first = source.read().host
    machine(tmp_path, heat=3)
    write(tmp_path, "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "1000000\n")
    seen = [source.read().host for _ in range(10)]
    assert (first.throttle_events, seen[0].throttle_events) == (0, 6)
    assert (first.mhz, seen[0].mhz, seen[-1].mhz) == (2500, 2500, 2000)


def test_heat_of_a_core_with_two_threads_counts_once(tmp_path):
    machine(tmp_path, heat=3)
    for core in range(2):
        write(tmp_path, f"sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list", "0-1\n")
    assert Host(means(), tmp_path).read().host.throttle_events == 3


def test_what_a_system_does_not_tell_is_named_and_none(tmp_path):
    write(tmp_path, "proc/stat", "cpu  1 2 3 4 5 6 7 8\n")
    source = Host(means(), tmp_path)
    host = source.read().host
    assert (host.available_bytes, host.pressure_cpu_s, host.mhz, host.quota_s) == (None, None, None, None)
    assert source.detail.endswith("not told by this system: pressure, clocks, heat, CPU quota")


def test_machine_without_a_proc_is_absent(tmp_path):
    with pytest.raises(SourceAbsent, match="cannot be read"):
        Host(means(), tmp_path)


def test_group_of_the_first_kind_tells_its_quota(tmp_path):
    machine(tmp_path)
    write(tmp_path, "proc/self/cgroup", "5:cpu,cpuacct:/box\n1:name=x:/\n")
    write(tmp_path, "sys/fs/cgroup/cpu,cpuacct/box/cpu.stat", "nr_throttled 4\nthrottled_time 1500000000\n")
    assert Host(means(), tmp_path).read().host.quota_s == pytest.approx(1.5)


def process(root, pid, ticks, pages, *, parent=1, children=0, started=0):
    """`/proc/<pid>/stat`; a name may hold brackets and spaces."""
    rest = ["S", str(parent), *["0"] * 9, str(ticks), "0", str(children), *["0"] * 3, "3", "0", str(started), "0", str(pages), *["0"] * 20]
    write(root, f"{pid}/stat", f"{pid} (a) b) {' '.join(rest)}\n")


def tree(*pids, model="m"):
    return WatchedTree(model_id=model, treatment_digest="d", pids=frozenset(pids), is_known=bool(pids))


def test_tree_counts_from_its_first_reading_and_keeps_what_ended_members_used(tmp_path):
    process(tmp_path, 10, 50 * TICK, 100)
    trees = [tree(10)]
    source = Process(TelemetryMeans(wants=frozenset(), trees=lambda: tuple(trees)), tmp_path)
    first = source.read().processes[0]
    process(tmp_path, 10, 51 * TICK, 120)
    process(tmp_path, 11, 2 * TICK, 30)
    trees[0] = tree(10, 11)
    second = source.read().processes[0]
    trees[0] = tree(10)
    third = source.read().processes[0]
    assert (first.cpu_s, second.cpu_s, third.cpu_s) == (0.0, 3.0, 3.0)
    assert (second.rss_bytes, second.threads, second.processes) == (150 * PAGE, 6, 2)
    source.close()


def watched(root, *trees):
    """A source over these trees, which may change."""
    kept = list(trees)
    return Process(TelemetryMeans(wants=frozenset(), trees=lambda: tuple(kept)), root), kept


def test_process_that_a_listing_missed_is_not_counted_from_its_start_when_it_is_back(tmp_path):
    process(tmp_path, 10, 50 * TICK, 100)
    process(tmp_path, 11, 1000 * TICK, 100)
    source, trees = watched(tmp_path, tree(10, 11))
    source.read()
    trees[0] = tree(10)
    source.read()
    process(tmp_path, 11, 1002 * TICK, 100)
    trees[0] = tree(10, 11)
    assert source.read().processes[0].cpu_s == 2.0


def test_process_that_passes_to_another_tree_brings_only_what_it_uses_there(tmp_path):
    process(tmp_path, 10, 0, 100)
    process(tmp_path, 11, 1000 * TICK, 100)
    source, trees = watched(tmp_path, tree(10, model=""), tree(11))
    source.read()
    process(tmp_path, 11, 1003 * TICK, 100)
    trees[:] = [tree(10, 11, model=""), tree(model="m")]
    assert [each.cpu_s for each in source.read().processes] == [3.0, None]


def test_number_that_is_given_to_another_process_is_another_process(tmp_path):
    process(tmp_path, 10, 0, 100)
    process(tmp_path, 11, 1000 * TICK, 100, started=5)
    source, _ = watched(tmp_path, tree(10, 11))
    source.read()
    process(tmp_path, 11, 4 * TICK, 100, started=900)
    assert source.read().processes[0].cpu_s == 4.0


def test_children_between_two_listings_are_counted_and_those_that_were_listed_only_once(tmp_path):
    process(tmp_path, 10, 0, 100)
    process(tmp_path, 11, 7 * TICK, 100, parent=10)
    source, _ = watched(tmp_path, tree(10, 11))
    source.read()
    process(tmp_path, 11, 8 * TICK, 100, parent=10)
    assert source.read().processes[0].cpu_s == 1.0
    (tmp_path / "11/stat").unlink()
    source._look.keep(set())  # a file of the kernel's says nothing when its process is gone; this one would go on
    process(tmp_path, 10, 0, 100, children=(8 + 1 + 5) * TICK)  # 11 used one more second, and a child that nobody saw five
    assert source.read().processes[0].cpu_s == 7.0
    assert source.read().processes[0].cpu_s == 7.0


def test_server_that_ended_is_not_the_clients_time(tmp_path):
    process(tmp_path, 10, 0, 100)
    process(tmp_path, 11, 0, 100, parent=10)  # the guardian, with a server and its child
    process(tmp_path, 12, 500 * TICK, 100, parent=11)
    process(tmp_path, 13, 300 * TICK, 100, parent=12)
    source, trees = watched(tmp_path, tree(10, 11, model=""), tree(12, 13))
    source.read()
    for pid in (12, 13):
        (tmp_path / f"{pid}/stat").unlink()
    source._look.keep(set())
    process(tmp_path, 11, 0, 100, parent=10, children=800 * TICK)
    trees[1] = tree(model="m")
    assert [each.cpu_s for each in source.read().processes] == [0.0, None]


@LINUX
def test_children_that_come_and_go_between_two_readings_are_counted():
    busy = "import time\nwhile time.process_time() < 0.05: pass"
    parent = f"import subprocess, sys\nfor line in sys.stdin: subprocess.run([sys.executable, '-S', '-c', {busy!r}]); print(1, flush=True)"
    with subprocess.Popen([sys.executable, "-S", "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        source = Process(means(tree(child.pid)))
        source.read()
        child.stdin.write("\n")
        child.stdin.flush()
        child.stdout.readline()
        assert source.read().processes[0].cpu_s >= 0.05
        source.close()
        child.stdin.close()


def test_server_whose_process_nobody_knows_has_no_figures(tmp_path):
    source = Process(TelemetryMeans(wants=frozenset(), trees=lambda: (tree(),)), tmp_path)
    seen = source.read().processes[0]
    assert (seen.is_known, seen.cpu_s, seen.rss_bytes) == (False, None, None)


@LINUX
def test_this_process_and_its_child_are_a_family():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        try:
            family = Family()
            family.watch({("m", "d"): child.pid})
            own, served = family.trees()
            assert os.getpid() in own.pids
            assert child.pid in descendants(os.getpid())
            assert child.pid not in own.pids
            assert served == WatchedTree(model_id="m", treatment_digest="d", pids=frozenset({child.pid}))
        finally:
            child.communicate(b"\n")
    family.look()
    assert not family.trees()[1].is_known


@LINUX
def test_what_a_server_left_behind_is_its_own_and_not_the_clients(tmp_path):
    # bench 10 has a worker 14 and a guardian 11, which has a server 12 with a child 15 and took over 13 from it
    for pid, parent, children in ((10, 1, "11 14"), (11, 10, "12 13"), (12, 11, "15"), (13, 11, ""), (14, 10, ""), (15, 12, "")):
        write(tmp_path, f"{pid}/task/{pid}/children", children)
        write(tmp_path, f"{pid}/stat", f"{pid} (a (b) {pid}) S {parent} 0 0")
    family = Family(tmp_path, own_pid=10)
    family.watch({("m", "d"): 12})
    own, served = family.trees()
    assert (own.pids, served.pids) == ({10, 11, 14}, {12, 13, 15})
    family.watch({("m", "d"): 14})
    assert family.trees()[1].pids == {14}


@LINUX
def test_a_listing_asks_each_process_once(tmp_path, monkeypatch):
    for pid, parent, children in ((10, 1, "11"), (11, 10, "12"), (12, 11, "13"), (13, 12, "")):
        write(tmp_path, f"{pid}/task/{pid}/children", children)
        write(tmp_path, f"{pid}/stat", f"{pid} (a) S {parent} 0 0")
    asked, ask = [], families._children
    monkeypatch.setattr(families, "_children", lambda pid, proc: asked.append(pid) or ask(pid, proc))
    family = Family(tmp_path, own_pid=10)
    asked.clear()
    family.watch({("m", "d"): 12})
    assert sorted(asked) == [10, 11, 12, 13]
    assert family.trees()[1].pids == {12, 13}


@LINUX
def test_server_that_nobody_started_is_found_by_its_port():
    with socket.socket() as here:
        here.bind(("127.0.0.1", 0))
        port = here.getsockname()[1]
        assert listener(port) is None  # bound, but not listening
        here.listen()
        assert listener(port) == os.getpid()


@LINUX
@pytest.mark.parametrize(("name", "found"), [("llama-server", 41), ("docker-proxy", None), ("ssh", None)])
def test_what_only_forwards_a_port_is_not_the_server(tmp_path, name, found):
    write(tmp_path, "net/tcp", f"sl local\n 0: 0100007F:{8080:04X} 00000000:0000 0A 0 0 0 0 0 777 1\n")
    write(tmp_path, "41/comm", f"{name}\n")
    (tmp_path / "41/fd").mkdir()
    (tmp_path / "41/fd/3").symlink_to("socket:[777]")
    assert listener(8080, tmp_path) == found


@LINUX
def test_busy_child_is_seen_to_be_busy():
    with subprocess.Popen([sys.executable, "-c", "print(1, flush=True)\nwhile True: pass"], stdout=subprocess.PIPE) as child:
        try:
            child.stdout.readline()
            source = Process(means(tree(child.pid)))
            source.read()
            used = 0.0
            while used < 0.05:  # however busy the machine is, it gets there
                time.sleep(0.02)
                used = source.read().processes[0].cpu_s
            assert source.read().processes[0].rss_bytes > 1 << 20
        finally:
            child.kill()


def test_this_machine_is_read():
    host = Host(means()).read().host
    assert host.user_s + host.idle_s > 0
    assert host.available_bytes > 1 << 20

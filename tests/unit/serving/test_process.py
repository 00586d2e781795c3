import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from harness.serving import tiny

from bench.errors import ServingError
from bench.serving import process as processes
from bench.serving.process import ChildProcess, exit_reason

SLEEP = (sys.executable, "-I", "-S", "-c", "import time; time.sleep(600)")


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_until(condition, within_s: float = 60.0) -> bool:
    until = time.monotonic() + within_s
    while not condition() and time.monotonic() < until:
        time.sleep(0.02)
    return condition()


def start(folder: Path, *argv: str) -> ChildProcess:
    return ChildProcess(argv, environment=os.environ, log=folder / "logs" / "server.log")


def test_a_log_that_cannot_be_written_is_told_as_that(tmp_path):
    (tmp_path / "logs").write_text("a file in the place of the folder", encoding="utf-8")
    with pytest.raises(ServingError, match=r"its log cannot be written: .*logs"):
        start(tmp_path, *SLEEP)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "exit code 0"),
        (3, "exit code 3"),
        (-9, "killed by SIGKILL, probably out of memory"),
        (-11, "ended by SIGSEGV"),
        (-99, "ended by signal 99"),
    ],
)
def test_an_end_is_told_in_words(code, words):
    assert exit_reason(code) == words


def test_a_program_that_does_not_exist_is_unavailable_and_says_so(tmp_path):
    with pytest.raises(ServingError, match=r"no-such-program.*No such file") as caught:
        start(tmp_path, "no-such-program")
    assert caught.value.state == "unavailable"


def test_close_ends_the_process_and_may_be_called_twice(tmp_path):
    process = start(tmp_path, *SLEEP)
    assert process.death() is None
    assert not is_gone(process.pid)
    process.close()
    process.close()
    assert is_gone(process.pid)
    assert process.death() == "ended by bench"


def test_close_ends_what_the_process_started_even_in_a_session_of_its_own(tmp_path):
    process = start(tmp_path, *tiny("family", "hang", port="0"))
    assert wait_until(lambda: "family" in process.tail())
    family = int(process.tail().split()[-1])
    assert not is_gone(family)
    process.close()
    assert is_gone(process.pid)
    assert wait_until(lambda: is_gone(family))


def test_what_a_process_leaves_behind_when_it_ends_is_ended_too(tmp_path):
    code = "import subprocess, sys; print(subprocess.Popen(sys.argv[1:], start_new_session=True).pid, flush=True)"
    process = start(tmp_path, sys.executable, "-I", "-S", "-c", code, *SLEEP)
    process.wait_end(5.0)
    left = int(process.tail())
    assert process.death() == "exit code 0"
    assert wait_until(lambda: is_gone(left))
    process.close()


@pytest.mark.slow
def test_a_process_that_ignores_the_polite_end_is_killed(tmp_path):
    process = start(tmp_path, *tiny("stubborn", "say=up", "hang", port="0"))
    assert wait_until(lambda: "up" in process.tail())
    time.sleep(0.2)
    process.close()
    assert is_gone(process.pid)


def test_a_crash_is_a_death_with_its_reason_and_the_log_keeps_its_last_words(tmp_path):
    process = start(tmp_path, *tiny("crash", port="0"))
    process.wait_end(5.0)
    assert process.death() == "exit code 3"
    assert process.tail() == "cannot start: no such device"  # without the colours
    process.close()
    assert process.death() == "exit code 3"


def test_a_kill_from_outside_is_taken_for_want_of_memory(tmp_path):
    process = start(tmp_path, *SLEEP)
    os.kill(process.pid, signal.SIGKILL)
    process.wait_end(5.0)
    assert process.death() == "killed by SIGKILL, probably out of memory"
    assert process.ran_out_of_memory()
    process.close()


def test_memory_and_cpu_time_are_those_of_the_whole_tree(tmp_path):
    code = "import subprocess, sys; held = b'x' * 60_000_000; print('up', flush=True); import time; time.sleep(600)"
    outer = f"import subprocess, sys; subprocess.Popen([sys.executable, '-I', '-S', '-c', {code!r}]).wait()"
    process = start(tmp_path, sys.executable, "-I", "-S", "-c", outer)
    assert wait_until(lambda: "up" in process.tail())
    load_s = process.mark_loaded()
    assert 0 < load_s < 30
    assert process.rss_loaded_bytes > 60_000_000
    assert process.rss_peak_bytes() >= process.rss_loaded_bytes
    assert process.cpu_s() is not None
    process.close()
    assert process.rss_peak_bytes() > 60_000_000  # the last reading stays
    assert process.cpu_s() is not None


@pytest.mark.skipif(sys.platform != "linux", reason="only on Linux are processes whose parent has ended still known to be a server's")
def test_memory_of_a_process_that_left_its_parent_counts_too(tmp_path):
    held = "held = b'x' * 60_000_000; print('up', flush=True); import time; time.sleep(600)"
    between = f"import subprocess, sys; subprocess.Popen([sys.executable, '-I', '-S', '-c', {held!r}], start_new_session=True)"
    outer = f"import subprocess, sys, time; subprocess.run([sys.executable, '-I', '-S', '-c', {between!r}]); print('left'); time.sleep(600)"
    process = start(tmp_path, sys.executable, "-I", "-S", "-u", "-c", outer)
    assert wait_until(lambda: {"up", "left"} <= set(process.tail().split()))
    process.mark_loaded()
    assert process.rss_loaded_bytes > 60_000_000
    process.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cuts no file that another process writes")
def test_of_a_log_without_end_the_first_and_the_last_lines_stay(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "MOST_LOG", 4 << 20)
    code = "print('first'); [print(f'{n:01023}') for n in range(6000)]; print('last', flush=True); import time; time.sleep(600)"
    process = start(tmp_path, sys.executable, "-I", "-S", "-c", code)
    assert wait_until(lambda: "last" in process.tail() and process.log.stat().st_size < 4 << 20)
    text = process.log.read_text()
    assert text.startswith("first\n")
    assert "bytes are left out here]" in text
    assert process.tail().endswith("last")
    process.close()


def test_the_log_of_an_earlier_start_is_kept_but_not_shown(tmp_path):
    for said in ("first", "second"):
        process = start(tmp_path, sys.executable, "-c", f"print({said!r})")
        process.wait_end(5.0)
        assert process.tail() == said
        process.close()
    assert process.log.read_text().split() == ["first", "second"]


def test_a_parent_killed_hard_leaves_no_orphan(tmp_path):
    code = f"""
import os, time
from pathlib import Path
from bench.serving.process import ChildProcess
process = ChildProcess({SLEEP!r}, environment=os.environ, log=Path({str(tmp_path / "server.log")!r}))
print(process.pid, flush=True)
time.sleep(600)
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    pid = int(parent.stdout.readline())
    assert not is_gone(pid)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert wait_until(lambda: is_gone(pid))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_a_guardian_killed_hard_takes_the_server_with_it(tmp_path):
    process = start(tmp_path, *SLEEP)
    os.kill(process._guardian.pid, signal.SIGKILL)
    assert wait_until(lambda: is_gone(process.pid))
    process.wait_end(5.0)
    assert process.death() == "the guarding process is gone"
    process.close()

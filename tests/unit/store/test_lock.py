import os
import signal
import subprocess
import sys

import pytest

from bench.errors import RunFolderError
from bench.store.lock import RunLock

HOLD = """
import sys, time
from pathlib import Path
from bench.store.lock import RunLock
with RunLock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE)
    assert child.stdout.readline() == b"held\n"
    yield child
    child.kill()
    child.wait()
    child.stdout.close()


def test_second_process_is_refused_at_once_and_told_who_holds_it(tmp_path, holder):
    with pytest.raises(RunFolderError, match=rf"in use by process {holder.pid} since 20..-..-..T") as caught, RunLock(tmp_path):
        pass
    assert str(holder.pid) in caught.value.hint


def test_lock_of_a_killed_process_is_taken_over_with_a_note(tmp_path, holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with RunLock(tmp_path) as lock:
        assert f"process {holder.pid}" in lock.note


def test_second_opener_in_the_same_process_is_refused(tmp_path):
    with RunLock(tmp_path), pytest.raises(RunFolderError, match=str(os.getpid())), RunLock(tmp_path):
        pass


def test_lock_given_back_can_be_taken_again_without_a_note(tmp_path):
    for _ in range(2):
        with RunLock(tmp_path) as lock:
            assert lock.note is None


def test_refused_opener_leaves_the_holder_named(tmp_path, holder):
    for _ in range(2):
        with pytest.raises(RunFolderError, match=str(holder.pid)), RunLock(tmp_path):
            pass


def test_lock_file_with_nonsense_in_it_is_no_obstacle(tmp_path):
    (tmp_path / ".lock").write_bytes(b"\xff not json")
    with RunLock(tmp_path) as lock:
        assert lock.note is None


def test_missing_folder_is_an_error_with_its_path(tmp_path):
    with pytest.raises(RunFolderError, match="gone"), RunLock(tmp_path / "gone"):
        pass

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from harness.runs import sample

from bench.errors import RunFolderError
from bench.records.sample import Sample
from bench.store.reader import read_lines
from bench.store.writer import LineWriter, write_whole


def ids(path):
    return [seen.trial_id for seen in read_lines(path, Sample)]


def python(code, *arguments, **options):
    return subprocess.Popen([sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)], stdout=subprocess.PIPE, **options)


def test_appended_lines_are_readable_before_any_close(tmp_path):
    path = tmp_path / "samples" / "w1.jsonl"
    writer = LineWriter(path)
    for number in range(3):
        writer.append(sample(f"t{number}"))
        assert ids(path)[-1] == f"t{number}"
    writer.close()
    writer.close()


def test_every_acknowledged_line_survives_kill_9(tmp_path):
    path = tmp_path / "w1.jsonl"
    child = python(
        """
        import sys
        from pathlib import Path
        from bench.records.exchange import Failure, Timing
        from bench.records.sample import Sample
        from bench.store.writer import LineWriter
        writer, number = LineWriter(Path(sys.argv[1])), 0
        while True:
            outcome = Failure(kind="timeout", message="x" * (number % 5000))
            timing = Timing(scheduled_s=0.0, sent_s=0.0, finished_s=1.0)
            writer.append(Sample(trial_id=str(number), attempt=1, is_final=True, outcome=outcome, timing=timing, worker="w1"))
            print(number, flush=True)
            number += 1
        """,
        path,
    )
    acknowledged = -1
    while acknowledged < 500:
        acknowledged = int(child.stdout.readline())
    child.send_signal(signal.SIGKILL)
    acknowledged = int(([str(acknowledged).encode(), *child.stdout.read().split(b"\n")[:-1]])[-1])
    child.wait()
    child.stdout.close()
    assert ids(path)[: acknowledged + 1] == [str(number) for number in range(acknowledged + 1)]


def test_continued_file_loses_only_its_torn_line(tmp_path):
    path = tmp_path / "models.jsonl"
    with LineWriter(path) as writer:
        writer.append(sample("a"))
        writer.append(sample("b", text="long " * 50_000))
    whole = path.read_bytes()
    for cut in (len(whole) - 1, len(whole) - 150_000, whole.index(b"\n") + 2):
        path.write_bytes(whole[:cut])
        with LineWriter(path) as writer:
            writer.append(sample("c"))
        assert ids(path) == ["a", "c"]


def test_continued_file_with_nothing_but_a_torn_line_starts_over(tmp_path):
    path = tmp_path / "models.jsonl"
    path.write_bytes(b'{"trial_id":"a"')
    with LineWriter(path) as writer:
        writer.append(sample("c"))
    assert ids(path) == ["c"]


def test_half_surrogates_of_a_model_cost_one_character_not_the_run(tmp_path):
    path = tmp_path / "w1.jsonl"
    with LineWriter(path) as writer:
        writer.append(sample("a", text="half \ud83d pair"))
    (seen,) = read_lines(path, Sample)
    assert seen.outcome.text == "half ? pair"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_full_disk_is_a_run_folder_error_and_ends_the_file():
    writer = LineWriter(Path("/dev/full"))
    with pytest.raises(RunFolderError, match="No space left"):
        writer.append(sample("a"))
    with pytest.raises(RunFolderError, match="after a failed write"):
        writer.append(sample("b"))
    writer.close()


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are POSIX")
def test_line_cut_by_a_quota_is_taken_back(tmp_path):
    path = tmp_path / "w1.jsonl"
    child = python(
        """
        import resource, sys
        from pathlib import Path
        from bench.errors import RunFolderError
        from bench.records.estimate import Group
        from bench.store.writer import LineWriter
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        with LineWriter(Path(sys.argv[1])) as writer:
            try:
                for number in range(100):
                    writer.append(Group(model_id=str(number), variant_id="x" * 80))
            except RunFolderError as error:
                print(number, error.message)
        """,
        path,
    )
    said = child.communicate()[0].decode()
    assert child.returncode == 0
    assert "cannot write" in said
    lines = path.read_bytes().splitlines(keepends=True)
    assert len(lines) == int(said.split()[0]) > 5
    assert lines[-1].endswith(b"}\n")


@pytest.mark.parametrize("failure", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_line_that_is_cut_in_the_middle_is_taken_back(tmp_path, monkeypatch, failure):
    def half(file, line):
        write(file, line[: len(line) // 2])
        raise failure

    path, write = tmp_path / "w1.jsonl", os.write
    with LineWriter(path) as writer:
        writer.append(sample("a"))
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", half)
            with pytest.raises((KeyboardInterrupt, RunFolderError)):
                writer.append(sample("b"))
        if failure is KeyboardInterrupt:
            writer.append(sample("c"))
    assert ids(path) == ["a", "c"] if failure is KeyboardInterrupt else ["a"]
    assert path.read_bytes().endswith(b"}\n")


def test_interrupted_whole_file_leaves_nothing_behind(tmp_path):
    def pieces():
        yield b"new"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "summary.json", pieces())
    assert list(tmp_path.iterdir()) == []


def test_symbolic_links_are_not_followed(tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("mine")
    (tmp_path / "w1.jsonl").symlink_to(outside)
    with pytest.raises(RunFolderError, match=r"w1\.jsonl"):
        LineWriter(tmp_path / "w1.jsonl")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "samples").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunFolderError, match="symbolic link"):
        LineWriter(tmp_path / "samples" / "w1.jsonl")
    assert outside.read_text() == "mine"
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_whole_file_replaces_a_link_not_its_target(tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("mine")
    (tmp_path / "run.json").symlink_to(outside)
    write_whole(tmp_path / "run.json", b"{}")
    assert outside.read_text() == "mine"
    assert (tmp_path / "run.json").read_bytes() == b"{}"


def test_whole_file_that_fails_halfway_leaves_the_old_one(tmp_path):
    def pieces():
        yield b"new"
        raise OSError(28, "No space left on device")

    write_whole(tmp_path / "summary.json", b"old")
    with pytest.raises(RunFolderError, match="No space left"):
        write_whole(tmp_path / "summary.json", pieces())
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("summary.json", b"old")]


def test_files_have_ordinary_permissions(tmp_path):
    write_whole(tmp_path / "whole", b"")
    LineWriter(tmp_path / "lines").close()
    (tmp_path / "ordinary").write_bytes(b"")
    assert {oct(path.stat().st_mode) for path in tmp_path.iterdir()} == {oct((tmp_path / "ordinary").stat().st_mode)}

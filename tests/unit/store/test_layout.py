import os

import pytest
from harness.runs import run_folder, sample

from bench.errors import RunFolderError
from bench.store.layout import RunLayout, find_run, next_worker, safe_name
from bench.store.writer import LineWriter


@pytest.mark.parametrize("name", ["w1", "report.md", "smollm2-135m", "A_b.c"])
def test_plain_names_stay(name):
    assert safe_name(name) == name


@pytest.mark.parametrize("name", ["", "..", ".lock", "a/b", "a\\b", "con", "NUL.txt", "a.", "ü", "x" * 300, "a b", "\ud800", "-x"])
def test_other_names_become_plain(name):
    assert safe_name(safe_name(name)) == safe_name(name) != name


def test_names_that_look_alike_stay_apart():
    assert safe_name("a b") != safe_name("a/b")


def test_report_never_leaves_the_folder(tmp_path):
    assert RunLayout(tmp_path).report("../../evil.md").parent == tmp_path


def test_workers_are_numbered_on(tmp_path):
    layout = RunLayout(tmp_path)
    assert next_worker(layout) == "w1"
    for worker in ("w1", "w9", "w10", "wx"):
        LineWriter(layout.samples_of(worker)).close()
    assert next_worker(layout) == "w11"


def test_next_worker_never_continues_a_torn_file(tmp_path):
    layout = RunLayout(tmp_path)
    layout.samples.mkdir()
    layout.samples_of("w1").write_bytes(b'{"torn')
    with LineWriter(layout.samples_of(next_worker(layout))) as writer:
        writer.append(sample("t"))
    assert layout.samples_of("w1").read_bytes() == b'{"torn'


def test_worker_that_only_left_telemetry_is_not_reused(tmp_path):
    layout = RunLayout(tmp_path)
    LineWriter(layout.telemetry_of("w1")).close()
    assert next_worker(layout) == "w2"


def test_runs_are_found_by_path_name_id_and_beginning(tmp_path):
    old, new = (run_folder(tmp_path, run_id=name).folder for name in ("20261122T100000Z-aaaaaaaa", "20261122T110000Z-bbbbbbbb"))
    assert find_run(tmp_path) == new
    assert find_run(tmp_path, "latest", spec_name="summarizer") == new
    assert find_run(tmp_path, str(old)) == old
    assert find_run(tmp_path, f"summarizer/{old.name}") == old
    assert find_run(tmp_path, "summarizer") == new
    assert find_run(tmp_path, f"{old.parent}/") == new
    assert find_run(tmp_path, old.name) == old
    assert find_run(tmp_path, "20261122T10") == old


def test_half_made_folder_is_no_run(tmp_path):
    run = run_folder(tmp_path, run_id="20261122T100000Z-aaaaaaaa").folder
    (tmp_path / "summarizer" / "20261122T110000Z-bbbbbbbb").mkdir()
    assert find_run(tmp_path) == run


def test_unknown_run_is_told_with_the_nearest(tmp_path):
    run_folder(tmp_path, run_id="20261122T100000Z-aaaaaaaa")
    with pytest.raises(RunFolderError) as caught:
        find_run(tmp_path, "20261122T100000Z-aaaaaaab")
    assert "did you mean '20261122T100000Z-aaaaaaaa'?" in caught.value.hint


def test_ambiguous_beginning_is_told_with_the_candidates(tmp_path):
    for name in ("20261122T100000Z-aaaaaaaa", "20261122T100001Z-aaaaaaaa"):
        run_folder(tmp_path, run_id=name)
    with pytest.raises(RunFolderError) as caught:
        find_run(tmp_path, "2026")
    assert "20261122T100001Z-aaaaaaaa" in caught.value.hint


@pytest.mark.parametrize("which", ["latest", "summarizer", "", "x/../..", "x" * 5000, "a\0b"])
def test_no_run_at_all_says_how_to_start_one(tmp_path, which):
    with pytest.raises(RunFolderError) as caught:
        find_run(tmp_path / "runs", which)
    assert "bench run" in caught.value.hint


def test_of_two_runs_of_one_second_the_later_planned_is_the_latest(tmp_path):
    for place, name in enumerate(("20261122T221500Z-ffffffff", "20261122T221500Z-00000000")):
        folder = tmp_path / "summarizer" / name
        folder.mkdir(parents=True)
        (folder / "run.json").touch()
        (folder / "plan.jsonl").touch()
        os.utime(folder / "plan.jsonl", ns=(0, 1_000_000 + place))
    assert find_run(tmp_path).name == "20261122T221500Z-00000000"

import pytest
from harness.runs import run_folder, sample

from bench.errors import RunFolderError
from bench.records.grade import Grade
from bench.records.machine import ClientHealth
from bench.records.sample import Sample
from bench.records.serving import ModelStatus
from bench.store.layout import RunLayout
from bench.store.reader import read_grades, read_health, read_lines, read_manifest, read_plan, read_samples, read_statuses
from bench.store.writer import LineWriter


def write(path, *records):
    with LineWriter(path) as writer:
        for record in records:
            writer.append(record)


def test_sample_file_cut_at_every_byte_gives_its_whole_lines_and_a_note(tmp_path):
    path = tmp_path / "w1.jsonl"
    written = [sample("a", text="ä – 漢"), sample("b", failure="timeout"), sample("c", is_final=False)]
    write(path, *written)
    whole = path.read_bytes()
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        notes = []
        seen = list(read_lines(path, Sample, notes.append))
        assert seen == written[: whole[:cut].count(b"\n")]
        assert len(notes) == (cut > 0 and whole[cut - 1 : cut] != b"\n")
        assert all(f"w1.jsonl:{len(seen) + 1}: " in note for note in notes)


@pytest.mark.parametrize("damage", [b"\n", b"{}\n", b"\0\0\0\n", b'{"trial_id": 1}\n', b"\xff\n", b"null\n", b"[" * 5000 + b"\n"])
def test_any_other_unreadable_line_is_an_error_with_its_number(tmp_path, damage):
    path = tmp_path / "w1.jsonl"
    write(path, sample("a"), sample("b"))
    first, second = path.read_bytes().splitlines(keepends=True)
    for content, number in ((damage + first + second, 1), (first + damage + second, 2), (first + second + damage, 3)):
        path.write_bytes(content)
        with pytest.raises(RunFolderError, match=rf"w1\.jsonl:{number}: this line is no Sample"):
            list(read_lines(path, Sample))


def test_samples_come_session_by_session(tmp_path):
    layout = RunLayout(tmp_path)
    for worker in ("w10", "w2", "w1"):
        write(layout.samples_of(worker), sample(worker))
    assert [seen.trial_id for seen in read_samples(layout)] == ["w1", "w2", "w10"]


def test_torn_line_of_an_earlier_session_does_not_hide_the_later_one(tmp_path):
    layout = RunLayout(tmp_path)
    layout.samples.mkdir()
    layout.samples_of("w1").write_bytes(b'{"torn')
    write(layout.samples_of("w2"), sample("t"))
    notes = []
    assert [seen.trial_id for seen in read_samples(layout, notes.append)] == ["t"]
    assert len(notes) == 1


def test_last_status_of_a_model_and_variant_holds(tmp_path):
    layout = RunLayout(tmp_path)
    assert read_statuses(layout) == ()

    def status(model, state):
        return ModelStatus(model_id=model, variant_id="default", treatment_digest=model, state=state)

    write(layout.models, status("a", "unavailable"), status("b", "served"))
    write(layout.models, status("a", "served"))
    assert [(seen.model_id, seen.state) for seen in read_statuses(layout)] == [("a", "served"), ("b", "served")]


def test_health_and_grades_come_back(tmp_path):
    layout = RunLayout(tmp_path)
    health = ClientHealth(
        worker="w1", treatment_digests=("d",), started_s=0.0, finished_s=1.0, lag_p50_s=0.0, lag_p99_s=0.0, lag_max_s=0.0, cpu_share=0.1
    )
    grade = Grade(trial_id="t", grader_id="checks", grader_digest="d", state="abstained")
    write(layout.telemetry_of("w1"), health)
    write(layout.grades_of("checks"), grade)
    assert list(read_health(layout)) == [health]
    assert list(read_grades(layout)) == [grade]


def test_folder_without_a_manifest_is_no_run_folder(tmp_path):
    with pytest.raises(RunFolderError, match="no run folder") as caught:
        read_manifest(RunLayout(tmp_path))
    assert "run.json" in caught.value.hint


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"run_id": 1}'])
def test_damaged_manifest_is_an_error_with_its_path(tmp_path, content):
    (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(RunFolderError, match=r"run\.json is no Manifest"):
        read_manifest(RunLayout(tmp_path))


def test_plan_cut_at_any_line_or_inside_one_is_an_error(tmp_path):
    layout = run_folder(tmp_path)
    whole = layout.plan.read_bytes()
    ends = [place for place, byte in enumerate(whole) if byte == ord("\n")]
    for cut in sorted({0, 1, *ends, *(end + 1 for end in ends[:-1]), len(whole) - 1}):
        layout.plan.write_bytes(whole[:cut])
        with pytest.raises(RunFolderError, match=r"plan"):
            read_plan(layout)


def test_missing_plan_is_an_error_with_its_path(tmp_path):
    with pytest.raises(RunFolderError, match=r"plan\.jsonl"):
        read_plan(RunLayout(tmp_path))

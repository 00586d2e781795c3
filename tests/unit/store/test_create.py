import msgspec
import pytest
from harness.runs import manifest, plan, run_folder

from bench.errors import RunFolderError
from bench.records.source import SourceFile
from bench.store.create import fill_run, new_run, write_json
from bench.store.layout import list_runs
from bench.store.reader import read_manifest, read_plan


def test_new_run_is_named_by_time_and_spec(tmp_path):
    layout = run_folder(tmp_path)
    assert layout.folder.parent == tmp_path / "summarizer"
    assert layout.folder.name == f"20261122T224301Z-{plan().spec_digest[:8]}"
    assert read_manifest(layout).run_id == layout.folder.name


def test_given_run_id_names_the_folder(tmp_path):
    assert run_folder(tmp_path, run_id="mine").folder.name == "mine"


def test_inputs_are_kept_byte_for_byte_with_their_folders(tmp_path):
    layout = run_folder(tmp_path)
    assert (layout.inputs / "prompts/meetings.yaml").read_bytes() == b"- \xff\n"
    assert (layout.inputs / "summarizer.yaml").read_bytes() == b"bench: 1\n"


def test_manifest_and_plan_come_back_as_they_were(tmp_path):
    planned = plan()
    layout = run_folder(tmp_path, planned)
    assert read_plan(layout) == planned
    assert read_manifest(layout) == msgspec.structs.replace(manifest(planned), run_id=layout.folder.name)


def test_second_run_of_the_same_second_gets_its_own_folder_and_id(tmp_path):
    first, second = run_folder(tmp_path), run_folder(tmp_path)
    assert second.folder.name == f"{first.folder.name}-2"
    assert read_manifest(second).run_id == second.folder.name


@pytest.mark.parametrize("path", ["../evil.yaml", "/etc/evil.yaml", "a/../../evil", "", "C:/evil", "..\\evil", "a\0b"])
def test_source_outside_its_folder_is_refused(tmp_path, path):
    planned = plan()
    with pytest.raises(RunFolderError, match="no path inside"):
        fill_run(new_run(tmp_path / "runs", manifest(planned)), manifest(planned), planned, (SourceFile(path=path, content=b"x"),), {})
    assert not list(tmp_path.rglob("*evil*"))
    assert list_runs(tmp_path / "runs") == []


def test_folder_that_cannot_be_made_is_an_error_with_its_place(tmp_path):
    (tmp_path / "summarizer").write_text("a file in the way")
    with pytest.raises(RunFolderError, match="summarizer"):
        run_folder(tmp_path)


def test_spec_name_with_odd_characters_stays_below_the_root(tmp_path):
    planned = plan()
    odd = msgspec.structs.replace(manifest(planned), spec_name="../../odd name")
    layout = new_run(tmp_path / "runs", odd)
    assert list_runs(tmp_path / "runs") == []
    fill_run(layout, odd, planned, (), {})
    folder = layout.folder
    assert folder.parent.parent == tmp_path / "runs"
    assert list_runs(tmp_path / "runs", "../../odd name") == [folder]


def test_a_word_that_is_no_text_is_written_as_far_as_it_is(tmp_path):
    named = msgspec.structs.replace(manifest(plan()), overrides=("description=\udcff!",))
    write_json(tmp_path / "run.json", named)
    assert msgspec.json.decode((tmp_path / "run.json").read_bytes())["overrides"] == ["description=?!"]

